// URLs reduced to what the gateway needs of them: origins (RFC 6454) and host names.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "config/configuration.hpp"

namespace gatehouse::config {

// "http://HOST[:PORT]" or https, with at most one slash after it; no user, path, query or fragment. Host in lower case.
std::optional<Origin> parse_origin(std::string_view text);

// A DNS name (letters, digits, hyphens, underscores; labels up to 63, the whole up to 253), an IPv4 address, or an IPv6
// address in brackets; in lower case. Absent for anything else, a trailing dot and an IPv4 address in brackets (mapped
// or not) included.
std::optional<std::string> parse_host(std::string_view text);

// 1–65535, or also 0 where `zero` says so.
std::optional<std::uint16_t> parse_port(std::string_view text, bool zero = false);

}  // namespace gatehouse::config
