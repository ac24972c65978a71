// ID tokens of identity providers (OpenID Connect Core 1.0, section 3.1.3.7; RFC 7515, 7519, 8725): signed JSON Web
// Tokens that say who has signed in. What is parsed here comes from strangers; nothing of it counts before the
// signature was verified with a key of the provider and the claims were judged.
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "crypto/jwk.hpp"

namespace gatehouse::auth::oauth {

// A JWS in compact form, taken apart. At most 64 KiB.
struct SignedToken {
  std::string algorithm;
  std::optional<std::string> key_id;
  boost::json::object claims;
  std::string signed_part;  // what the signature is of
  std::string signature;
};
// Absent: no such token, or one whose header has extensions that must be understood.
std::optional<SignedToken> parse_signed_token(std::string_view text);

// What a provider's ID tokens must be like.
struct IdTokenRules {
  std::vector<std::string> issuers;  // one of them; empty: judged by somebody else
  std::vector<std::string> audiences;
  std::vector<std::string> algorithms;  // empty: any asymmetric one
  std::chrono::seconds age_max{0};      // since it was issued; 0: as long as it says
  bool nonce_may_be_hashed = false;     // the nonce's SHA-256 in hexadecimal counts as well
};

// iss, sub, aud, exp and iat must be there; 30 seconds of difference between clocks are allowed. `nonce`: what the
// claim must be; absent: not looked at.
bool claims_hold(const boost::json::object& claims, const IdTokenRules& rules, const std::optional<std::string>& nonce,
                 WallTime now);

// The keys of a JWKS document (RFC 7517 section 5). Keys that are not understood are left out.
class KeySet {
 public:
  // Absent: no key set at all.
  static std::optional<KeySet> parse(std::string_view document);

  // Some key of that id, or any where the token names none, made this signature.
  bool verify(const SignedToken& token) const;
  // A key could have made it; false: it may have come since the document was read.
  bool has_candidate(const SignedToken& token) const;

 private:
  struct Key {
    std::optional<std::string> id;
    std::optional<std::string> algorithm;
    crypto::PublicKey key;
  };
  static bool fits(const Key& key, const SignedToken& token);

  std::vector<Key> keys_;  // at most 100
};

}  // namespace gatehouse::auth::oauth
