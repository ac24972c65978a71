// SHA-256 (FIPS 180-4), HKDF-SHA256 (RFC 5869) and comparison of secrets in constant time.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "crypto/hmac.hpp"

namespace gatehouse::crypto {

Sha256Digest sha256(std::string_view bytes);

// SHA-1 (FIPS 180-4), for what others have hashed with it; never to protect anything.
std::array<unsigned char, 20> sha1(std::string_view bytes);

// `length` bytes (at most 8160) of key material from `secret`, bound to `info`.
std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info, std::size_t length);

// Takes the same time wherever the first difference is. The lengths are no secret.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace gatehouse::crypto
