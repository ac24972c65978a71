// JSON Web Encryption in compact form (RFC 7516) with a key that both sides know ("dir"): what Better Auth (1.7.25)
// keeps in cookies that the browser is not to read. The plaintext is JSON text here; what it means, and whether it has
// expired, is the caller's to judge.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

// 64 bytes out of a secret, for what `salt` says ("better-auth-session"), and their RFC 7638 thumbprint.
struct JweKey {
  std::string bytes;
  std::string id;
};
JweKey derive_jwe_key(std::string_view secret, std::string_view salt);

// A256CBC-HS512 (RFC 7518 section 5.2.5) with a new initialisation vector; the header names the key.
std::string seal_jwe(const JweKey& key, std::string_view text);

// The plaintext; absent where the token is no such thing, was changed, or names none of the keys. A token that names no
// key is tried with each. Reads A256GCM (RFC 7518 section 5.3), under the first 32 bytes of a key, too.
std::optional<std::string> open_jwe(std::span<const JweKey> keys, std::string_view token);

}  // namespace gatehouse::crypto
