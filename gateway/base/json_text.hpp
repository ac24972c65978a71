// Writing strings into JSON by hand, for lines that are built on the hot path. Documents are built with Boost.JSON.
#pragma once
#include <string>
#include <string_view>

namespace gatehouse {

// Appends `text` as a JSON string with its quotes. Quotes, backslashes and control bytes are escaped; bytes that are
// not UTF-8 become U+FFFD, so that the line stays valid JSON whatever a client sent.
void append_json_quoted(std::string& out, std::string_view text);
std::string json_quoted(std::string_view text);

}  // namespace gatehouse
