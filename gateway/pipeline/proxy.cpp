// The destination of declared routes: Pipeline::forward.
#include <openssl/sha.h>

#include "base/encoding.hpp"
#include "pipeline/answer.hpp"
#include "pipeline/context.hpp"
#include "pipeline/cors.hpp"
#include "pipeline/csrf.hpp"
#include "pipeline/pipeline.hpp"
#include "pipeline/request_head.hpp"
#include "upstream/forward.hpp"

namespace gatehouse::pipeline {

namespace {

// RFC 6455 section 4.2.2: what a server must answer to this key.
std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return base64_encode({reinterpret_cast<const char*>(digest), sizeof digest});
}

// A buffer that has its size already, lent by the thread's pipeline.
struct HeadBuffer {
  explicit HeadBuffer(std::vector<std::unique_ptr<std::string>>& spare_buffers) : spare(spare_buffers) {
    if (spare.empty()) {
      head = std::make_unique<std::string>();
    } else {
      head = std::move(spare.back());
      spare.pop_back();
    }
    head->clear();
    head->reserve(2048);
  }
  ~HeadBuffer() {
    constexpr std::size_t kSpareMax = 64, kBytesMax = 8192;
    if (spare.size() < kSpareMax && head->capacity() <= kBytesMax) spare.push_back(std::move(head));
  }
  HeadBuffer(const HeadBuffer&) = delete;
  HeadBuffer& operator=(const HeadBuffer&) = delete;

  std::vector<std::unique_ptr<std::string>>& spare;
  std::unique_ptr<std::string> head;
};

// RFC 9110 section 9.2.2.
bool is_idempotent(std::string_view method) {
  return is_safe_method(method) || method == "PUT" || method == "DELETE";
}

}  // namespace

// What the gateway adds to the upstream's answer, and what it takes away.
class ForwardEvents final : public upstream::ForwardObserver {
 public:
  ForwardEvents(Pipeline& pipeline, Context& c, upstream::UpstreamGroup& group)
      : pipeline_(pipeline), c_(c), group_(group) {}

  bool passes(const http::HeaderField& field) override {
    if (field.known == http::Name::strict_transport_security) return c_.head.scheme != "https";
    if (field.known == http::Name::set_cookie && pipeline_.deps_.cookies.sets_own_cookie(field.value)) {
      pipeline_.deps_.metrics.count_reason("own_cookie_dropped");
      group_.states().on_own_cookie();
      return false;
    }
    if (iequals(field.name, "x-request-id")) return false;
    return passes_cors_field(c_, field.name, pipeline_.deps_.origins);
  }

  std::string_view extra_lines(int status) override {
    c_.status = status;
    lines_.reserve(256);
    append_common_lines(lines_, c_);
    return lines_;
  }

  void on_stream() override {
    if (!c_.identity) return;
    const auto& session = c_.identity->session;
    registration_ = pipeline_.deps_.live.enter(session.token, session.expires_at, c_.exchange);
    // The session may have ended between its look-up and now, when nobody knew of this stream yet.
    pipeline_.recheck_if_ended(session.token, registration_.handle());
  }

  bool session_ended() const { return registration_.was_ended(); }

 private:
  Pipeline& pipeline_;
  Context& c_;
  upstream::UpstreamGroup& group_;
  std::string lines_;
  LiveExchanges::Registration registration_;
};

Awaitable<> Pipeline::forward(Context& c) {
  const config::Route& route = c.route();
  UpstreamOfThread& upstream = *c.thread_site->upstreams[route.upstream_index];
  std::string accept;
  std::string_view key;
  if (c.upgrade) {
    key = *c.head.find(http::Name::sec_websocket_key);
    accept = websocket_accept(key);
  }
  const auto span = request_ids_.make_span();
  const HeadBuffer buffer(spare_heads_);
  std::string& head = *buffer.head;
  append_request_head(
      head,
      {.head = c.head,
       .route = route,
       .path = config::forwarded_path(route, c.head.path),
       .authority = c.site.authority(c.head.host),
       .client_address = c.client_text,
       .credentials = upstream.credentials,
       .identity = c.identity ? std::string_view(upstream.identity_headers.lines(c.identity, deps_.clock.now())) : "",
       .websocket_key = key,
       .request_id = c.id.view(),
       .span = {span.data(), span.size()},
       .cookies = deps_.cookies});
  upstream::ForwardRequest request{.head = head,
                                   .to_head = c.head.method == "HEAD",
                                   .idempotent = is_idempotent(c.head.method),
                                   .websocket_accept = accept,
                                   .timeout = route.timeout,
                                   .body_limit = route.body_limit};
  if (upstream.group.settings().balance == config::Balance::session_hash) {
    request.balance_key = upstream::balance_key(c.cookie.token, c.client_text);
  }
  ForwardEvents events(*this, c, upstream.group);
  const auto outcome = co_await upstream::forward(upstream.group, c.exchange, request, events, deps_.clock);
  c.upstream_answered = outcome.answered;
  switch (outcome.kind) {
    case upstream::ForwardOutcome::Kind::done:
      if (outcome.aborted) c.reason = events.session_ended() ? "session_ended" : outcome.reason;
      co_return;
    case upstream::ForwardOutcome::Kind::body_too_large:
      if (c.exchange.sink.started()) {
        c.reason = "body_too_large";
        c.exchange.sink.abort();
      } else {
        answer_error(c, 413, "CONTENT_TOO_LARGE", "The request body is too large", "body_too_large");
      }
      co_return;
    case upstream::ForwardOutcome::Kind::body_broken:
      answer_broken_body(c);
  }
}

}  // namespace gatehouse::pipeline
