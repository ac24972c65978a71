// JSON Web Tokens signed with a shared secret (RFC 7515 compact form, HS256 alone), as Better Auth makes them for the
// links of its mails and for its cookie cache. The claims are JSON text here; what they mean, and whether they have
// expired, is the caller's to judge.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

// The header is exactly {"alg":"HS256"}.
std::string sign_jwt(std::string_view secret, std::string_view claims);

// The claims' text, byte for byte as it was signed; absent unless the token is whole, its header names HS256 and no
// extension that must be understood ("crit"), and the signature is right. Compares in constant time.
std::optional<std::string> open_jwt(std::string_view secret, std::string_view token);

}  // namespace gatehouse::crypto
