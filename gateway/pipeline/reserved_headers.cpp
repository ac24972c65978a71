#include "pipeline/reserved_headers.hpp"

#include <array>

#include "base/ascii.hpp"

namespace gatehouse::pipeline {

namespace {

constexpr std::array<std::string_view, 4> kOutsideX{"authorization", "forwarded", "traceparent", "proxy"};

// Behind "x-".
constexpr std::array<std::string_view, 11> kNames{
    "real-ip",     "request-id",           "original-url",    "rewrite-url", "original-uri", "original-host",
    "http-method", "http-method-override", "method-override", "host",        "api-user"};
constexpr std::array<std::string_view, 7> kFamilies{"forwarded", "user",      "session",     "organization",
                                                    "org",       "gatehouse", "auth-request"};

bool is_in_family(std::string_view name, std::string_view family) {
  return name.starts_with(family) && (name.size() == family.size() || name[family.size()] == '-');
}

}  // namespace

bool is_reserved(std::string_view name) {
  constexpr std::size_t kLongest = 64;  // a longer name can only be of a family: its end is not looked at
  std::array<char, kLongest> folded;
  std::size_t size = 0;
  for (const char c : name) {
    if (size == kLongest) break;
    if (is_alphanumeric(c)) {
      folded[size++] = ascii_lower(c);
    } else if (size > 0 && folded[size - 1] != '-') {
      folded[size++] = '-';
    }
  }
  while (size > 0 && folded[size - 1] == '-') --size;
  std::string_view text(folded.data(), size);
  if (!text.starts_with("x-")) {
    for (const auto reserved : kOutsideX) {
      if (text == reserved) return true;
    }
    return false;
  }
  text.remove_prefix(2);
  for (const auto reserved : kNames) {
    if (text == reserved) return true;
  }
  for (const auto family : kFamilies) {
    if (is_in_family(text, family)) return true;
  }
  return false;
}

}  // namespace gatehouse::pipeline
