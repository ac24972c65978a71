// The signed statement of who the user is that upstreams may check instead of trusting the network: a JWT of type
// gatehouse-assertion+jwt. Ed25519 by default, with the key published as JWKS; HS256 signs with the upstream's own key.
//
// The Ed25519 key is HKDF(secret, "gatehouse-assertion", version): the same on all replicas, in no table, and used for
// nothing else.
#pragma once
#include <string>
#include <string_view>

#include "auth/identity.hpp"
#include "base/clock.hpp"
#include "base/secret.hpp"
#include "config/configuration.hpp"
#include "crypto/ed25519.hpp"

namespace gatehouse::auth {

inline constexpr std::chrono::seconds kAssertionRenewBefore{60};

// Immutable: shared by threads.
class AssertionSigner {
 public:
  AssertionSigner(const Secret& secret, std::string issuer);

  // The claims that say who: {"sub", "sid", "email", "role"?}, as the inside of a JSON object. Two identities with the
  // same claims may share an assertion.
  static std::string make_claims(const Identity& identity);

  // The whole token, valid from `now` for the upstream's ttl.
  std::string sign(const config::Upstream& upstream, std::string_view claims, WallTime now) const;

  // {"keys":[…]} (RFC 7517), for /.well-known/jwks.json.
  const std::string& jwks() const { return jwks_; }

 private:
  const std::string issuer_;
  const crypto::Ed25519Key key_;
  std::string key_id_;
  std::string jwks_;
};

}  // namespace gatehouse::auth
