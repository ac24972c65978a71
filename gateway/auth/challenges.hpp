// The challenge of the abuse ladder: a Turnstile token, as Better Auth 1.7.25's plugin captcha asks for one (its
// fields, its codes and its words).
#pragma once
#include <string>
#include <string_view>

#include "auth/feature.hpp"
#include "outbound/turnstile.hpp"

namespace gatehouse::auth {

// Immutable; any thread.
class Challenges {
 public:
  // Both outlive it. `turnstile` is null where it is not configured.
  Challenges(const config::TurnstileSettings& settings, const outbound::Turnstile* turnstile)
      : settings_(settings), turnstile_(turnstile) {}

  // Whether the endpoint of this path asks for a token when there is a risk.
  bool guards_on_risk(std::string_view path) const;

  // The token of the request; its error answers the call. Throws Failure as Turnstile does.
  Awaitable<Result<void>> verify(EndpointCall& call) const;

 private:
  const config::TurnstileSettings& settings_;
  const outbound::Turnstile* const turnstile_;
};

// The token of a request to an auth endpoint: of its head, or, as far as it has been read, of its body, a form or JSON.
// "" where there is none.
std::string find_challenge_token(const AuthRequest& request);

// Whether `path` is one of the endpoints that stand under Turnstile.
bool is_guarded_endpoint(const config::TurnstileSettings& settings, std::string_view path);

}  // namespace gatehouse::auth
