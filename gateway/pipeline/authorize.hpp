// Whether a caller may use a route: the pipeline's step after the session is found. A pure decision of values; the CSRF
// rule comes before it and is elsewhere (it needs headers, this does not).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "config/configuration.hpp"

namespace gatehouse::pipeline {

// What authorization looks at of an identity. The views live as long as the identity they were taken from.
struct Caller {
  std::string_view role;  // Better Auth's column: comma-separated, may be empty
  WallTime session_created_at;
};

struct Decision {
  enum class Outcome : std::uint8_t {
    allow,
    unauthenticated,  // 401, or a redirect to the sign-in page
    forbidden,        // 403
  };
  Outcome outcome = Outcome::allow;
  // Static texts. Empty when allowed.
  std::string_view reason;   // of the access log: no_session, role_missing, session_not_fresh
  std::string_view code;     // of the answer: UNAUTHORIZED, FORBIDDEN, SESSION_NOT_FRESH
  std::string_view message;  // of the answer
};

// `caller` is null without a valid session. A `public` route allows everybody; `require` on an `optional` route still
// needs a session.
Decision authorize(const config::Route& route, const Caller* caller, WallTime now);

// Whether the comma-separated `roles` hold one of `wanted`. Case-sensitive.
bool has_role(std::string_view roles, const std::vector<std::string>& wanted);

}  // namespace gatehouse::pipeline
