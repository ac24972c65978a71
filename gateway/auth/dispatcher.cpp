#include "auth/dispatcher.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "auth/client_address.hpp"
#include "auth/current_session.hpp"
#include "auth/error_codes.hpp"
#include "auth/origin_check.hpp"
#include "auth/request_body.hpp"
#include "auth/secret_attempt.hpp"
#include "base/check.hpp"
#include "base/failure.hpp"
#include "base/log.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

Reply reply_error(const ApiError& error) {
  Reply reply{error.status, "application/json", ""};
  if (error.message.empty() && error.code.empty()) return reply;
  json::object body{{"message", error.message}};
  if (!error.code.empty()) body["code"] = error.code;
  reply.body = json::serialize(body);
  return reply;
}

AuthResponse make_response(Reply reply, Headers headers) {
  AuthResponse response{reply.status, std::move(headers), std::move(reply.body)};
  if (!reply.content_type.empty()) response.headers.emplace_back("Content-Type", std::move(reply.content_type));
  return response;
}

AuthResponse refuse_limited(std::chrono::seconds retry_after) {
  const std::string wait = std::to_string(retry_after.count());
  return {429,
          {{"Content-Type", "application/json"}, {"X-Retry-After", wait}, {"Retry-After", wait}},
          R"({"message":"Too many requests. Please try again later."})",
          "limited_auth"};
}

// Where the rule finds no address, the network is the edge's: an attempt always belongs to one, unless none is to be
// looked at.
void apply_address_rule(AuthRequest& request, const config::IpAddressRule& rule) {
  request.client_address = read_client_address(request.headers, rule);
  request.remote_address = request.client_address;
  if (const auto address = parse_ip(request.client_address)) request.network = network_of(*address);
  if (rule.disable_ip_tracking) request.network.clear();
}

// Needs no suspension and decides before the body is even looked at by the handler.
Result<void> check_session(const EndpointCall& call, SessionNeed need) {
  if (!call.identity) return fail(401, error::kUnauthorized);
  const auto fresh_age = call.services.settings.session.fresh_age;
  if (need == SessionNeed::fresh && fresh_age.count() != 0 &&
      call.services.clock.now() - call.identity->session.created_at >= fresh_age) {
    return fail(403, error::kSessionNotFresh);
  }
  return {};
}

}  // namespace

Dispatcher::Dispatcher(Services services, std::vector<Feature> features, RateLimit* rate_limit)
    : services_(services), features_(std::move(features)), rate_limit_(rate_limit) {
  for (const Feature& feature : features_) {
    for (const Endpoint& endpoint : feature.endpoints) {
      const auto parameter = endpoint.path.find("/:");
      const bool has_parameter = parameter != std::string_view::npos;
      Table& table = has_parameter ? with_parameter_ : endpoints_;
      const auto path = has_parameter ? endpoint.path.substr(0, parameter + 1) : endpoint.path;
      const bool is_new = table.emplace(std::pair(path, endpoint.method), &endpoint).second;
      GATEHOUSE_CHECK(is_new);
    }
  }
}

// Better Auth's router takes a segment as it stands in the path: escapes are not decoded.
std::pair<const Endpoint*, std::string_view> Dispatcher::find(std::string_view method, std::string_view path) const {
  if (const auto exact = endpoints_.find(std::pair(path, method)); exact != endpoints_.end())
    return {exact->second, {}};
  const auto parameter = path.rfind('/') + 1;
  if (parameter == path.size()) return {nullptr, {}};
  const auto found = with_parameter_.find(std::pair(path.substr(0, parameter), method));
  if (found == with_parameter_.end()) return {nullptr, {}};
  return {found->second, path.substr(parameter)};
}

Awaitable<std::optional<AuthResponse>> Dispatcher::admit(AuthRequest& request) {
  const auto& settings = services_.settings;
  const auto path = normalize_rate_path(request.path);
  if (std::ranges::find(settings.disabled_paths, path) != settings.disabled_paths.end()) {
    co_return AuthResponse{404, {{"Content-Type", "text/plain; charset=utf-8"}}, "Not Found", "disabled_path"};
  }
  if (settings.ip_address) apply_address_rule(request, *settings.ip_address);
  if (rate_limit_ == nullptr) co_return std::nullopt;
  const auto refusal =
      co_await rate_limit_->take(request.client_address, std::string(path), std::string(find_pattern(path)));
  if (!refusal) co_return std::nullopt;
  services_.audit.note(make_audit_entry({.event = AuditEvent::auth_limited,
                                         .outcome = AuditOutcome::failed,
                                         .reason = "limited_auth",
                                         .detail = std::string(find_pattern(path))},
                                        services_.clock.now(), request));
  co_return refuse_limited(*refusal);
}

// Whatever the method: the limit does not ask for it.
std::string_view Dispatcher::find_pattern(std::string_view path) const {
  const auto find_in = [](const Table& table, std::string_view key) {
    const auto found = table.lower_bound(std::pair(key, std::string_view()));
    return found == table.end() || found->first.first != key ? std::string_view() : found->second->path;
  };
  const auto exact = find_in(endpoints_, path);
  return exact.empty() ? find_in(with_parameter_, path.substr(0, path.rfind('/') + 1)) : exact;
}

Awaitable<AuthResponse> Dispatcher::dispatch(AuthRequest request) {
  const auto [endpoint, parameter] = find(request.method, request.path);
  if (!endpoint) co_return AuthResponse{404, {}, ""};
  EndpointCall call{request, services_, UrlQuery(request.query), parameter, request.cookies(), std::nullopt,
                    nullptr, {}};
  try {
    auto reply = co_await perform_to_end(*endpoint, call);
    auto response = make_response(reply ? std::move(*reply) : reply_error(reply.error()), std::move(call.headers));
    response.reason = call.reason;
    co_return response;
  } catch (const Failure&) {
    throw;
  } catch (const std::exception& error) {
    log::error("auth endpoint {} failed: {}", endpoint->path, error.what());
    co_return AuthResponse{500, {}, ""};
  }
}

// Closes the attempt at a secret, if there was one, whatever came of the call.
Awaitable<Result<Reply>> Dispatcher::perform_to_end(const Endpoint& endpoint, EndpointCall& call) {
  Result<Reply> reply = gatehouse::fail(500, "", "");
  std::exception_ptr thrown;
  try {
    reply = co_await perform(endpoint, call);
  } catch (...) {
    thrown = std::current_exception();
  }
  const int status = reply ? reply->status : reply.error().status;
  co_await close_attempt(call, status);
  if (thrown) std::rethrow_exception(thrown);
  co_return reply;
}

Awaitable<Result<Reply>> Dispatcher::perform(const Endpoint& endpoint, EndpointCall& call) {
  auto body = parse_body(call.request, endpoint.body_kind);
  if (!body) co_return std::unexpected(std::move(body.error()));
  call.body = std::move(*body);
  auto checked = check_origin(call);
  if (!checked) co_return std::unexpected(std::move(checked.error()));
  if (auto problems = find_problems(endpoint.body_schema, call.body)) {
    co_return gatehouse::fail(400, "VALIDATION_ERROR", std::move(*problems));
  }
  if (endpoint.form_check == FormCheck::yes) {
    checked = check_form(call);
    if (!checked) co_return std::unexpected(std::move(checked.error()));
  }
  if (endpoint.session != SessionNeed::none) {
    const bool from_store = endpoint.session == SessionNeed::authoritative;
    auto identity =
        co_await read_current_session(call, from_store ? SessionSource::store : SessionSource::cache_or_store);
    // Better Auth's endpoints tell every failure to find the session as none.
    call.identity = identity ? std::move(*identity) : nullptr;
    checked = check_session(call, endpoint.session);
    if (!checked) co_return std::unexpected(std::move(checked.error()));
  }
  if (!endpoint.climbs && asks_on_risk(call)) {
    checked = co_await begin_request(call);
    if (!checked) co_return std::unexpected(std::move(checked.error()));
  }
  auto reply = co_await endpoint.handler(call);
  co_return reply;
}

}  // namespace gatehouse::auth
