#include "base/json_text.hpp"

#include "base/utf8.hpp"

namespace gatehouse {

void append_json_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else if (byte < 0x80) {
      out.push_back(c);
    } else {
      const std::size_t length = utf8_sequence_length(text);
      if (length > 0) {
        out.append(text.substr(0, length));
        text.remove_prefix(length);
        continue;
      }
      out.append("\xEF\xBF\xBD");
    }
    text.remove_prefix(1);
  }
  out.push_back('"');
}

std::string json_quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_quoted(out, text);
  return out;
}

}  // namespace gatehouse
