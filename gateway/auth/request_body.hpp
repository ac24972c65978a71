// The body of a request to an auth endpoint, read as Better Auth on Node reads it: JSON with JavaScript's meaning, or a
// form.
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

#include "auth/feature.hpp"
#include "base/result.hpp"

namespace gatehouse::auth {

// Absent without a Content-Type or without a body; 415 for a type that the endpoint does not take, 400 for what is no
// JSON.
Result<std::optional<boost::json::value>> parse_body(const AuthRequest& request, BodyKind kind);

// As JavaScript's JSON.parse of the decoded bytes: a byte order mark is skipped, bytes that are not UTF-8 and lone
// surrogates become U+FFFD, of a repeated key the last value counts, an infinite number is null, as it would be once it
// is written. Nesting is bounded (5,000 levels). Absent: not JSON.
std::optional<boost::json::value> parse_json(std::string_view text);

// application/x-www-form-urlencoded: an object of strings; of a repeated name the last value counts.
boost::json::value parse_form(std::string_view text);

}  // namespace gatehouse::auth
