// base64 (RFC 4648 sections 4 and 5), hexadecimal and percent encoding (RFC 3986 section 2.1).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

std::string base64_encode(std::string_view bytes);     // standard alphabet, with padding
std::string base64url_encode(std::string_view bytes);  // URL alphabet, without padding

// Strict: only the alphabet, right padding (base64) or none (base64url), unused bits zero. Absent otherwise.
std::optional<std::string> base64_decode(std::string_view text);
std::optional<std::string> base64url_decode(std::string_view text);

// Writes the 44 characters of the base64 form of 32 bytes. For the hot path: no allocation.
void base64_encode_32(const unsigned char* bytes, char* out44);

std::string hex_encode(std::string_view bytes);  // lower case
std::optional<std::string> hex_decode(std::string_view text);

// As JavaScript's encodeURIComponent: everything but A-Z a-z 0-9 - _ . ! ~ * ' ( ).
std::string encode_uri_component(std::string_view text);

// Replaces each %XX; absent if a % is not followed by two hexadecimal digits. Says nothing about UTF-8.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace gatehouse
