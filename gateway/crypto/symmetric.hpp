// Better Auth's symmetricEncrypt (1.7.25): XChaCha20-Poly1305 under the SHA-256 of a secret's text, as lower-case hex
// of nonce (24 bytes), ciphertext and tag (16 bytes). Which secret, and of which version, is auth/secrets.hpp's matter.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

std::string encrypt(std::string_view secret, std::string_view text);
// Absent where it is no such hex, was changed, or was made with another secret.
std::optional<std::string> decrypt(std::string_view secret, std::string_view hex);

}  // namespace gatehouse::crypto
