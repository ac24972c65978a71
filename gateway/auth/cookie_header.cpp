#include "auth/cookie_header.hpp"

#include "base/encoding.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::size_t kBytesMax = 16 * 1024;
constexpr std::size_t kCookiesMax = 100;

std::size_t count_cookies(std::string_view header) {
  std::size_t count = 0;
  while (!header.empty()) {
    const auto end = header.find(';');
    if (!trim(header.substr(0, end)).empty()) ++count;
    if (end == std::string_view::npos) break;
    header.remove_prefix(end + 1);
  }
  return count;
}

}  // namespace

std::string find_cookie(std::string_view header, std::string_view name) {
  std::string found;
  for_each_cookie(header, [&](std::string_view cookie, std::string_view value) {
    if (cookie != name) return true;
    if (value.starts_with('"')) value = value.size() < 2 ? std::string_view() : value.substr(1, value.size() - 2);
    found = percent_decode(value).value_or(std::string(value));
    return false;
  });
  return found;
}

bool cookies_too_large(http::HeaderFields fields) {
  std::size_t bytes = 0, cookies = 0;
  for (const auto& field : fields) {
    if (field.known != http::Name::cookie) continue;
    bytes += field.value.size();
    if (bytes > kBytesMax) return true;
    cookies += count_cookies(field.value);
  }
  return cookies > kCookiesMax;
}

bool cookies_too_large(std::string_view header) {
  return header.size() > kBytesMax || count_cookies(header) > kCookiesMax;
}

}  // namespace gatehouse::auth
