// Why an edge refuses a request before any route is looked at. Every refusal of the framing ends the connection: bytes
// behind it are never read as a request (RFC 9112 section 11.2).
#pragma once
#include <string_view>

namespace gatehouse::http {

struct Refusal {
  int status;             // 400, 408, 413, 414, 417, 421, 431, 501, 505
  std::string_view code;  // of the error JSON, and in lower case the reason of the access log
  std::string_view message;
};

inline constexpr Refusal kBadRequest{400, "BAD_REQUEST", "The request is malformed"};
inline constexpr Refusal kBadFraming{400, "BAD_FRAMING", "The length of the request's body is ambiguous"};
inline constexpr Refusal kBadTarget{400, "BAD_TARGET", "The request target is not acceptable"};
inline constexpr Refusal kBadHost{400, "BAD_HOST", "The Host header is missing or malformed"};
inline constexpr Refusal kTimeout{408, "REQUEST_TIMEOUT", "The request took too long to arrive"};
inline constexpr Refusal kTargetTooLong{414, "URI_TOO_LONG", "The request target is too long"};
inline constexpr Refusal kBadExpect{417, "EXPECTATION_FAILED", "The expectation is not supported"};
inline constexpr Refusal kMisdirected{421, "MISDIRECTED_REQUEST", "This host is not served here"};
inline constexpr Refusal kHeadTooLarge{431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "The request head is too large"};
inline constexpr Refusal kBadTransferEncoding{501, "NOT_IMPLEMENTED", "The transfer coding is not supported"};
inline constexpr Refusal kBadMethod{501, "NOT_IMPLEMENTED", "The method is not supported"};
inline constexpr Refusal kBadVersion{505, "HTTP_VERSION_NOT_SUPPORTED", "The protocol version is not supported"};

}  // namespace gatehouse::http
