// The end of an exchange: what is answered when something went wrong on the way, and its line in the log.
#include "base/ascii.hpp"
#include "base/failure.hpp"
#include "base/log.hpp"
#include "pipeline/answer.hpp"
#include "pipeline/context.hpp"
#include "pipeline/pipeline.hpp"

namespace gatehouse::pipeline {

// The client's framing was wrong, or the body did not come in time.
void Pipeline::answer_broken_body(Context& c) {
  if (c.exchange.sink.started() || c.exchange.sink.gone()) {
    c.reason = "body_broken";
    c.exchange.sink.abort();
  } else if (c.exchange.body.timed_out()) {
    answer_error(c, http::kTimeout.status, http::kTimeout.code, "The request body took too long to arrive",
                 "body_timeout");
  } else {
    answer_error(c, 400, http::kBadFraming.code, "The request body is malformed or did not arrive", "body_broken");
  }
}

// What fails, fails for many: each request has its line in the access log, and this one says why. An upstream's failure
// is told where the state of its servers is known.
void Pipeline::tell_seldom(const Failure& failure) {
  constexpr std::chrono::minutes kAgain{1};
  if (failure.reason().starts_with("upstream_")) return;
  Told& told = told_[failure.reason()];
  const SteadyTime now = deps_.clock.steady();
  if (told.at != SteadyTime{} && now - told.at < kAgain) {
    ++told.left_out;
    return;
  }
  told.at = now;
  log::warn("{}: {} ({} like it were left out of this log)", failure.reason(), failure.what(),
            std::exchange(told.left_out, 0));
}

void Pipeline::fail(Context& c, const Failure& failure) {
  c.failure_reason = std::make_unique<std::string>(failure.reason());
  tell_seldom(failure);
  if (c.exchange.sink.started()) {
    c.reason = *c.failure_reason;
    c.exchange.sink.abort();
    return;
  }
  switch (failure.status()) {
    case 503:
      return answer_error(c, 503, "SERVICE_UNAVAILABLE", "The service is unavailable at the moment", *c.failure_reason,
                          "Retry-After: 2\r\n");
    case 504:
      return answer_error(c, 504, "GATEWAY_TIMEOUT", "The service did not answer in time", *c.failure_reason);
    default:
      return answer_error(c, 502, "BAD_GATEWAY", "The service could not be reached", *c.failure_reason);
  }
}

// A bug of ours, or a statement that the store refuses. Nothing of it is told to the client.
void Pipeline::fail_unexpectedly(Context& c, const std::exception& error) {
  log::error("request {}: unexpected error: {}", c.id.view(), error.what());
  if (c.exchange.sink.started()) {
    c.reason = "internal_error";
    c.exchange.sink.abort();
    return;
  }
  answer_error(c, 500, "INTERNAL_SERVER_ERROR", "Something went wrong", "internal_error");
}

void Pipeline::finish(Context& c) {
  const SteadyTime now = deps_.clock.steady();
  const auto micros = [](SteadyTime::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time);
  };
  const auto duration = micros(now - c.exchange.started);
  deps_.metrics.count_exchange(c.destination, c.status, duration);
  if (!c.reason.empty()) deps_.metrics.count_reason(c.reason);
  const std::string peer = c.exchange.peer == c.client ? std::string() : c.exchange.peer.to_string();
  const std::string auth_path = c.destination == Destination::auth ? loggable_auth_path(c) : std::string();
  log_.append({.time = deps_.clock.now(),
               .request_id = c.id.view(),
               .peer = peer.empty() ? c.client_text : peer,
               .client = peer.empty() ? std::string_view() : c.client_text,
               .method = c.head.method,
               .host = c.head.host,
               .path = auth_path.empty() ? c.head.path : auth_path,
               .route = c.match.route                        ? std::string_view(c.match.route->path)
                        : c.destination == Destination::none ? ""
                                                             : to_string(c.destination),
               .status = c.status,
               .reason = c.reason,
               .user_id = c.identity ? std::string_view(c.identity->user.id) : "",
               .upstream = c.match.route ? std::string_view(c.match.route->upstream) : "",
               .duration = duration,
               .upstream_duration = c.upstream_answered == SteadyTime{}
                                        ? std::chrono::microseconds(-1)
                                        : micros(c.upstream_answered - c.exchange.started),
               .bytes_sent = c.exchange.sink.bytes_sent()});
}

// Some auth endpoints carry a one-time token as their last segment: it must not be in a log. Endpoints' own names are
// shorter.
std::string Pipeline::loggable_auth_path(const Context& c) {
  constexpr std::size_t kShortestToken = 20;
  const auto slash = c.head.path.rfind('/');
  if (c.head.path.size() - slash - 1 < kShortestToken) return std::string(c.head.path);
  return std::string(c.head.path.substr(0, slash)) + "/…";
}

// Nothing is known of such a target, not even how it would be read: neither a query, nor a user's name and password in
// a URL, nor what could be a token in a path goes into the log.
std::string Pipeline::loggable_refused_target(std::string_view target) {
  constexpr std::size_t kShortestToken = 20, kLongest = 256;
  target = target.substr(0, target.find_first_of("?#"));
  if (const auto scheme_end = target.find("://"); scheme_end != std::string_view::npos) {
    const auto path = target.find('/', scheme_end + 3);
    target = path == std::string_view::npos ? std::string_view() : target.substr(path);
  }
  std::string out;
  while (!target.empty() && out.size() < kLongest) {
    const auto end = std::min(target.find_first_of("/\\", 1), target.size());
    out.append(end > kShortestToken ? target.substr(0, 1) : target.substr(0, end));
    if (end > kShortestToken) out.append("…");
    target.remove_prefix(end);
  }
  if (!target.empty()) out.append("…");
  return out;
}

std::string Pipeline::on_refusal(const http::RefusedRequest& refused) {
  const RequestId id = request_ids_.make();
  const std::string reason = to_lower(refused.refusal.code);
  deps_.metrics.count_exchange(Destination::none, refused.refusal.status, {});
  deps_.metrics.count_reason(reason);
  const std::string peer = refused.peer.to_string();
  AccessLogEntry entry;
  entry.time = deps_.clock.now();
  entry.request_id = id.view();
  entry.peer = peer;
  const std::string target = loggable_refused_target(refused.target);
  entry.method = refused.method;
  entry.path = target;
  entry.status = refused.refusal.status;
  entry.reason = reason;
  log_.append(entry);
  std::string lines;
  append_common_lines(lines, id, refused.is_tls);
  return lines;
}

}  // namespace gatehouse::pipeline
