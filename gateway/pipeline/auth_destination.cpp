// The destination of the auth base path: Pipeline::dispatch_auth. Auth requests are small, so they are read whole.
#include "base/ascii.hpp"
#include "pipeline/answer.hpp"
#include "pipeline/context.hpp"
#include "pipeline/pipeline.hpp"

namespace gatehouse::pipeline {

namespace {

constexpr std::size_t kAuthBodyMax = 1024 * 1024;

auth::AuthRequest make_auth_request(const Context& c) {
  auth::AuthRequest request;
  request.method = c.head.method;
  request.path = c.head.path.substr(c.site.configuration.gateway.auth.base_path.size());
  request.query = c.head.query;
  for (const auto& field : c.head.fields) request.headers.emplace_back(to_lower(field.name), field.value);
  request.client_address = c.client.masked(64).to_string_full();
  request.request_id = c.id.view();
  request.network = auth::network_of(c.client);
  request.remote_address = c.client_text;
  return request;
}

void answer_auth(Context& c, const auth::AuthResponse& response) {
  std::string lines;
  for (const auto& [name, value] : response.headers) {
    lines.append(name).append(": ").append(value).append("\r\n");
  }
  if (!response.reason.empty()) c.reason = response.reason;
  answer(c, response.status, lines, response.body);
}

}  // namespace

Awaitable<> Pipeline::dispatch_auth(Context& c) {
  auth::AuthRequest request = make_auth_request(c);
  const auto refused = co_await deps_.dispatcher.admit(request);
  if (refused) {
    answer_auth(c, *refused);
    co_return;
  }
  if (!c.head.path_was_canonical) {
    // Another spelling of an endpoint is no endpoint: nothing that looks at paths in front of us can be passed by it.
    c.reason = "path_not_canonical";
    answer(c, 404, {}, {});
    co_return;
  }
  if (always_asks(c, request.path)) {
    const bool passed = co_await verify_endpoint_token(c, request);
    if (!passed) co_return;
  }
  const bool complete = co_await read_auth_body(c, request);
  if (!complete) co_return;
  try {
    const auth::AuthResponse response = co_await deps_.dispatcher.dispatch(std::move(request));
    answer_auth(c, response);
  } catch (const Failure& failure) {
    if (!failure.reason().starts_with("turnstile_")) throw;
    answer_without_turnstile(c, failure);
  }
}

// Once; reading it again does nothing. False: the exchange has been answered.
Awaitable<bool> Pipeline::read_auth_body(Context& c, auth::AuthRequest& request) {
  if (request.body || c.exchange.body.size() == 0) co_return true;
  request.body.emplace();
  for (;;) {
    const auto piece = c.exchange.body.read();
    if (request.body->size() + piece.bytes.size() + c.exchange.body.announced() > kAuthBodyMax) {
      answer_error(c, 413, "CONTENT_TOO_LARGE", "The request body is too large", "body_too_large");
      co_return false;
    }
    switch (piece.kind) {
      case http::BodyPiece::Kind::data:
        request.body->append(piece.bytes);
        break;
      case http::BodyPiece::Kind::end:
        co_return true;
      case http::BodyPiece::Kind::wait:
        co_await c.exchange.body.readable();
        break;
      case http::BodyPiece::Kind::broken:
        answer_broken_body(c);
        co_return false;
    }
  }
}

}  // namespace gatehouse::pipeline
