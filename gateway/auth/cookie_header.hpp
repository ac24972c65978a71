// The Cookie header of a request, read as Better Auth reads it (better-call's parser): pieces between semicolons, the
// name before the first '=', blanks around both cut off. Plain functions over views: part of the hot path.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/ascii.hpp"
#include "http/header_field.hpp"

namespace gatehouse::auth {

// Calls f(name, value) for each cookie in order until it returns false. A piece without '=' is no cookie.
template <class F>
void for_each_cookie(std::string_view header, F f) {
  while (!header.empty()) {
    const auto end = header.find(';');
    const auto piece = header.substr(0, end);
    const auto equals = piece.find('=');
    if (equals != std::string_view::npos && !f(trim(piece.substr(0, equals)), trim(piece.substr(equals + 1)))) return;
    if (end == std::string_view::npos) return;
    header.remove_prefix(end + 1);
  }
}

// The value of the first cookie of that name, without quotes, percent-decoded where that is possible; empty without
// such a cookie.
std::string find_cookie(std::string_view header, std::string_view name);

// Over 16 KiB or over 100 cookies in all Cookie fields together: to be answered with 431.
bool cookies_too_large(http::HeaderFields fields);
bool cookies_too_large(std::string_view header);

}  // namespace gatehouse::auth
