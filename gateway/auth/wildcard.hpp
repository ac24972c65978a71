// Patterns with wildcards, for configured names of origins and paths. Both are linear in text × stars.
#pragma once
#include <string_view>

namespace gatehouse::auth {

// '*' is any run, '?' any one byte, '\' takes the next as it is.
bool matches_wildcard(std::string_view pattern, std::string_view text);

// The same segment by segment: '*' and '?' stay within one, and "**" is any number of segments, none too. Several
// slashes are one, and slashes at the end do not matter.
bool matches_path_wildcard(std::string_view pattern, std::string_view path);

}  // namespace gatehouse::auth
