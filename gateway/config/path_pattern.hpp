// The paths that a configuration names: patterns of routes, prefixes, the auth base path. They are brought into the
// canonical form in which the edge judges requests (RFC 3986 6.2.2), so that the two can be compared byte by byte.
#pragma once
#include <expected>
#include <string>
#include <string_view>

namespace gatehouse::config {

// A path of literal segments, `*` segments and a last `**`. Percent-encoded unreserved characters are decoded, other
// escapes get upper-case digits, bytes outside ASCII are encoded, a slash at the end is dropped ("/" stays). The error
// is a sentence's end.
std::expected<std::string, std::string> normalize_pattern(std::string_view text);

// The same without wildcards.
std::expected<std::string, std::string> normalize_path(std::string_view text);

// The segments before the first wildcard: "/api/orders" of "/api/orders/*/refund", "" of "/**".
std::string_view literal_prefix(std::string_view pattern);

// Whether some path matches both patterns once letter case is put aside, and none does as they are written.
bool differ_in_case_alone(std::string_view a, std::string_view b);

// Whether `path` is `base` or below it, by whole segments. `base` without a slash at its end.
bool is_at_or_below(std::string_view path, std::string_view base);

}  // namespace gatehouse::config
