// Better Auth's cookie cache (1.7.25, session.cookieCache): the session and its user in a cookie of their own,
// session_data, which auth endpoints may believe for a few minutes instead of reading the store. Proxied routes never
// look at it.
//
// The payload P is {"session", "user", "updatedAt": milliseconds, "version"}, dates as ISO text, in one of three forms:
//   compact  base64url of {"session": P, "expiresAt": milliseconds, "signature"}, the signature being HMAC-SHA256 over
//   the
//            JSON text of P with expiresAt as its last member
//   jwt      HS256, P with iat and exp as claims
//   jwe      the same encrypted, with jti
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "auth/additional_fields.hpp"
#include "auth/identity.hpp"
#include "auth/secrets.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "config/configuration.hpp"
#include "crypto/jwe.hpp"

namespace gatehouse::auth {

// Immutable but for the random generator, which any thread may use.
class CookieCache {
 public:
  CookieCache(const config::CookieCache& settings, const Secrets& secrets, Random& random,
              const RowFields& fields = no_additional_fields());

  bool enabled() const { return settings_.enabled; }
  std::chrono::seconds max_age() const { return settings_.max_age; }

  // The cookie's value. One that is to end with the browser (`remember` false) is believed for a minute (compact) or
  // five.
  std::string make(const Session& session, const User& user, bool remember, WallTime now) const;

  // Who the value speaks of; nullptr where it is not to be believed: made with another secret or version, changed, of
  // another session than `token`, or past its own end or the session's. What was signed is verified as it was received:
  // a Node server may write members in another order.
  IdentityPtr open(std::string_view value, std::string_view token, WallTime now) const;

 private:
  struct Opened {
    std::string payload;
    WallTime expires_at;
  };
  std::optional<Opened> open_compact(std::string_view value) const;
  std::optional<Opened> open_claims(std::optional<std::string> claims) const;
  std::string sign(std::string_view text) const;

  const config::CookieCache settings_;
  const std::string secret_;
  // Differs from Better Auth: a payload that an older secret sealed is not believed, so that whoever got hold of that
  // secret cannot pose as another user until everybody has signed in anew; the store is read instead.
  const std::vector<crypto::JweKey> keys_;
  Random& random_;
  const RowFields fields_;
};

}  // namespace gatehouse::auth
