// Text as HTML shows it.
#pragma once
#include <string>
#include <string_view>

namespace gatehouse {

// Escapes what would be markup, in text and in quoted attributes.
void append_html_text(std::string& out, std::string_view text);

}  // namespace gatehouse
