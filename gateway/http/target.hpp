// The one canonical form of a path and of a host (threats: path, target, host). Routes, rules, limits and logs use it,
// and it is what is forwarded, so that no upstream can read another route out of it than the one that was judged.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace gatehouse::http {

inline constexpr std::size_t kTargetBytesMax = 8 * 1024;

struct CanonicalPath {
  std::string_view path;  // in the buffer that was given
  bool changed;           // the client spelled it differently
};

// Brings the path in [begin, end) into its canonical form in place (it never grows); absent if it is refused.
// Canonical: starts with '/', unreserved characters are not percent-encoded, other escapes are upper case, no empty,
// "." or ".." segment. Refused: what does not start with '/', a path that climbs above the root, an escaped or raw
// control byte, raw bytes outside of ASCII, '#', '\', ';' and the escapes of '/', '\' and ';', a broken escape, escapes
// that are not UTF-8.
std::optional<CanonicalPath> canonicalize_path(char* begin, char* end);

// Whether a query may be passed on as it is: visible ASCII without '#'.
bool is_query(std::string_view query);

// The host of a Host field or of an authority ("Example.COM.:8443" → "example.com"), lower-cased in place; absent if it
// is not a registered name, an IPv4 address or a bracketed IPv6 address with an optional port.
std::optional<std::string_view> canonicalize_host(char* begin, char* end);

// The path with upper case, and dots and blanks at the ends of segments taken away: what a lenient upstream could take
// it for. Written to `out` (at least path.size() bytes); returns its length. A path for which this changes nothing
// needs no second look.
std::size_t fold_path(std::string_view path, char* out);

}  // namespace gatehouse::http
