#include "auth/url_query.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/utf8.hpp"

namespace gatehouse::auth {

namespace {

// A '%' that begins no escape stays; what is not UTF-8 becomes U+FFFD.
std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return replace_invalid_utf8(out);
}

}  // namespace

UrlQuery::UrlQuery(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto piece = text.substr(0, end);
    if (!piece.empty()) {
      const auto equals = piece.find('=');
      const auto value = equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
      pairs_.emplace_back(decode(piece.substr(0, equals)), decode(value));
    }
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> UrlQuery::find(std::string_view name) const {
  const auto found = std::ranges::find(pairs_, name, &std::pair<std::string, std::string>::first);
  return found == pairs_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

bool UrlQuery::is_repeated(std::string_view name) const {
  return std::ranges::count(pairs_, name, &std::pair<std::string, std::string>::first) > 1;
}

bool UrlQuery::is_truthy(std::string_view name) const {
  const auto value = find(name);
  return value && (!value->empty() || is_repeated(name));
}

std::string encode_form_value(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || c == '*' || c == '-' || c == '.' || c == '_') {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      out.push_back('%');
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

}  // namespace gatehouse::auth
