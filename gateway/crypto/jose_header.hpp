// The protected header of a token in compact form (RFC 7515 section 4, RFC 7516 section 4): untrusted bytes, of which
// only what decides about the token is read.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

struct JoseHeader {
  std::string algorithm;              // "alg"
  std::string encryption;             // "enc"; empty where there is none
  std::optional<std::string> key_id;  // "kid"
};

// `encoded` is base64url. Absent where it is no JSON object with these members as strings, or where it asks for
// something that the reader does not do ("crit", "zip", "b64").
std::optional<JoseHeader> parse_jose_header(std::string_view encoded);

}  // namespace gatehouse::crypto
