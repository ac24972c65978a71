// The step that asks for a Turnstile token, of routes and of auth endpoints (Better Auth 1.7.25, plugin captcha: its
// header, its codes and its words).
#include "auth/challenges.hpp"
#include "base/failure.hpp"
#include "pipeline/answer.hpp"
#include "pipeline/context.hpp"
#include "pipeline/pipeline.hpp"

namespace gatehouse::pipeline {

using config::TurnstileMode;

namespace {

void refuse(Context& c, int status, std::string_view code, std::string_view message, std::string_view reason) {
  const auto say = c.destination == Destination::auth ? answer_auth_error : answer_error;
  say(c, status, code, message, reason, {});
}

}  // namespace

// Routes alone: pages and key sets are for everybody, and auth endpoints have a rule of their own.
bool Pipeline::needs_turnstile(const Context& c) const {
  if (c.destination != Destination::proxy || c.route().turnstile == TurnstileMode::off) return false;
  if (c.route().turnstile == TurnstileMode::always || deps_.attempts == nullptr) return true;
  const std::string_view account = c.identity ? std::string_view(c.identity->user.email) : std::string_view();
  return deps_.attempts->is_risky(c.client, account);
}

// True: refused and answered.
Awaitable<bool> Pipeline::verify_turnstile(Context& c) {
  std::string token(outbound::find_turnstile_token([&](std::string_view name) { return c.head.find(name); }));
  const bool passed = co_await verify_token(c, std::move(token), c.client_text);
  co_return !passed;
}

// Auth endpoints that ask on_risk do so when they climb the abuse ladder (auth/secret_attempt.hpp).
bool Pipeline::always_asks(const Context& c, std::string_view path) const {
  const auto& settings = c.site.configuration.gateway.turnstile;
  return deps_.turnstile != nullptr && settings.mode == TurnstileMode::always &&
         auth::is_guarded_endpoint(settings, path);
}

// False: answered.
Awaitable<bool> Pipeline::verify_token(Context& c, std::string token, std::string remote_address) {
  if (token.empty()) {
    refuse(c, 400, "MISSING_RESPONSE", "Missing CAPTCHA response", "turnstile_missing");
    co_return false;
  }
  // A reload can bring routes that ask before a restart has brought the key.
  if (deps_.turnstile == nullptr)
    throw Failure(503, "turnstile_unavailable", "the gateway was started without gateway.turnstile");
  const auto verdict = co_await deps_.turnstile->verify(std::move(token), std::move(remote_address));
  if (verdict == outbound::Turnstile::Verdict::passed) co_return true;
  refuse(c, 403, "VERIFICATION_FAILED", "Captcha verification failed", reason_of(verdict));
  co_return false;
}

// A token that is asked for in any case comes before the body, as in Better Auth, unless it may be in there.
Awaitable<bool> Pipeline::verify_endpoint_token(Context& c, auth::AuthRequest& request) {
  std::string token = auth::find_challenge_token(request);
  if (token.empty()) {
    const bool complete = co_await read_auth_body(c, request);
    if (!complete) co_return false;
    token = auth::find_challenge_token(request);
  }
  try {
    const bool passed = co_await verify_token(c, std::move(token), request.remote_address);
    co_return passed;
  } catch (const Failure& failure) {
    answer_without_turnstile(c, failure);
  }
  co_return false;
}

// Differs from Better Auth: a verification that cannot be made is 503, as every dependency that is down, not 500.
void Pipeline::answer_without_turnstile(Context& c, const Failure& failure) {
  c.failure_reason = std::make_unique<std::string>(failure.reason());
  tell_seldom(failure);
  answer_auth_error(c, 503, "UNKNOWN_ERROR", "Something went wrong", *c.failure_reason, "Retry-After: 2\r\n");
}

}  // namespace gatehouse::pipeline
