// Where a link in a mail leads back to: a URL that was judged (trusted_origins.hpp), with a word of the gateway added
// to its query.
#pragma once
#include <string>
#include <string_view>

#include "config/configuration.hpp"

namespace gatehouse::auth {

// As `new URL(url, base)` with searchParams.set(name, value): a path becomes absolute on the base URL's origin, a
// parameter of the same name is replaced, the fragment stays last.
std::string with_parameter(std::string_view url, const config::Origin& base, std::string_view name,
                           std::string_view value);

// As Better Auth's own appendQueryParams: the parameter comes after those that are there, and a path stays a path.
std::string with_appended(std::string_view url, std::string_view name, std::string_view value);

}  // namespace gatehouse::auth
