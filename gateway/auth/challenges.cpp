#include "auth/challenges.hpp"

#include <algorithm>

#include "auth/error_codes.hpp"
#include "auth/request_body.hpp"
#include "auth/wildcard.hpp"

namespace gatehouse::auth {

std::string find_challenge_token(const AuthRequest& request) {
  std::string token(outbound::find_turnstile_token([&](std::string_view name) { return request.header(name); }));
  if (!token.empty()) return token;
  const auto body = parse_body(request, BodyKind::form_or_json);
  if (!body || !*body || !(*body)->is_object()) return token;
  const auto* field = (*body)->get_object().if_contains(outbound::kTurnstileFormField);
  if (field != nullptr && field->is_string()) token = field->get_string();
  return token;
}

bool is_guarded_endpoint(const config::TurnstileSettings& settings, std::string_view path) {
  return settings.is_configured() && std::ranges::any_of(settings.endpoints, [&](const std::string& pattern) {
           return matches_path_wildcard(pattern, path);
         });
}

bool Challenges::guards_on_risk(std::string_view path) const {
  return turnstile_ != nullptr && settings_.mode == config::TurnstileMode::on_risk &&
         is_guarded_endpoint(settings_, path);
}

Awaitable<Result<void>> Challenges::verify(EndpointCall& call) const {
  std::string token = find_challenge_token(call.request);
  if (token.empty()) {
    call.reason = "turnstile_missing";
    co_return fail(400, error::kMissingResponse);
  }
  const auto verdict = co_await turnstile_->verify(std::move(token), call.request.remote_address);
  if (verdict == outbound::Turnstile::Verdict::passed) co_return Result<void>();
  call.reason = outbound::reason_of(verdict);
  co_return fail(403, error::kVerificationFailed);
}

}  // namespace gatehouse::auth
