// The secrets of the gateway (Better Auth 1.7.25, versioned secrets): the current one, which signs cookies and tokens
// and encrypts, and older ones, which still open what was encrypted under them. Immutable; any thread.
//
// BETTER_AUTH_SECRETS="2:new,1:old" (gateway.secrets) gives versions, the first is current; what is encrypted then
// reads "$ba$2$<hex>". BETTER_AUTH_SECRET (gateway.secret) alone has no version, and its ciphertexts are bare hex;
// beside versions it opens bare hex and does nothing else.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "config/configuration.hpp"

namespace gatehouse::auth {

class Secrets {
 public:
  // `versions`: the first one is current. `plain`: the secret without a version; the current one where there are no
  // versions, else empty or the one from before there were any.
  Secrets(std::vector<config::SecretVersion> versions, Secret plain);
  explicit Secrets(const config::Gateway& settings) : Secrets(settings.secrets.list, settings.secret) {}

  // Signs cookies and JWTs, and alone verifies them.
  const Secret& current() const { return versions_.empty() ? plain_ : versions_.front().value; }
  // All that may have encrypted something, the current one first.
  std::vector<std::string_view> all() const;

  std::string encrypt(std::string_view text) const;
  // With the secret of the version that the text names. Absent where that one is not known, or the text was changed.
  std::optional<std::string> decrypt(std::string_view text) const;

  // Keys for one purpose, so that what was encrypted for it opens nowhere else: "oauth-state-cookie",
  // "oauth-link-session-token".
  Secrets for_purpose(std::string_view purpose) const;

 private:
  std::vector<config::SecretVersion> versions_;
  Secret plain_;
};

}  // namespace gatehouse::auth
