// Header fields, one "name:value" a line: what belongs to a connection, which names fold alike, which cookies a
// Set-Cookie would make a browser send. Each against a plain reading.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/session_cookie.hpp"
#include "base/ascii.hpp"
#include "base/check.hpp"
#include "http/hop_by_hop.hpp"
#include "pipeline/reserved_headers.hpp"

using namespace gatehouse;

namespace {

// Lower case, each run of other bytes one hyphen, none at the ends.
std::string fold(std::string_view name) {
  std::string out;
  bool gap = false;
  for (const char c : name) {
    if (!is_alphanumeric(c)) {
      gap = !out.empty();
      continue;
    }
    if (gap) out.push_back('-');
    gap = false;
    out.push_back(ascii_lower(c));
  }
  return out;
}

std::vector<std::string> list_options(http::HeaderFields fields) {
  std::vector<std::string> options;
  for (const auto& field : fields) {
    if (to_lower(field.name) != "connection") continue;
    std::string option;
    for (const char c : std::string(field.value) + ",") {
      if (c != ',') {
        option.push_back(ascii_lower(c));
        continue;
      }
      options.emplace_back(trim(option));
      option.clear();
    }
  }
  return options;
}

void check_names(std::string_view name, std::string_view other) {
  const std::string folded = fold(name);
  GATEHOUSE_CHECK(pipeline::is_reserved(name) == pipeline::is_reserved(folded));
  GATEHOUSE_CHECK(pipeline::folds_alike(name, folded));
  if (std::max(name.size(), other.size()) <= 64)
    GATEHOUSE_CHECK(pipeline::folds_alike(name, other) == (folded == fold(other)));
  for (const std::string_view family : {"x-user-", "x-session-", "x-forwarded-", "x-gatehouse-"})
    GATEHOUSE_CHECK(!folded.starts_with(family) || pipeline::is_reserved(name));
  GATEHOUSE_CHECK(http::find_name(name) == http::find_name(to_lower(name)));
}

// RFC 6265bis sections 5.6 and 5.8.3: what a browser would send after it got this line.
void check_set_cookie(const auth::SessionCookie& cookie, std::string_view line) {
  const auto pair = line.substr(0, line.find(';'));
  const auto equals = pair.find('=');
  const auto name = trim(equals == std::string_view::npos ? std::string_view() : pair.substr(0, equals));
  const auto value = trim(equals == std::string_view::npos ? pair : pair.substr(equals + 1));
  const std::string sent = name.empty() ? std::string(value) : std::string(name) + "=" + std::string(value);
  bool has_own = false;
  auth::for_each_cookie(sent, [&](std::string_view one, std::string_view) {
    has_own = has_own || one == cookie.names().session_token || one == cookie.names().session_data;
    return true;
  });
  GATEHOUSE_CHECK(!has_own || cookie.sets_own_cookie(line));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auth::SessionCookie cookie({}, {"http", "auth.example.test", 80},
                                          Secret("a secret of at least 32 bytes, yes!"));
  if (size > 16 * 1024) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<http::HeaderField> fields;
  std::size_t cookie_bytes = 0;
  while (!rest.empty() && fields.size() < 100) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto colon = std::min(line.find(':'), line.size());
    const auto name = line.substr(0, colon);
    const auto value = trim(line.substr(std::min(colon + 1, line.size())));
    check_names(name, fields.empty() ? std::string_view() : fields.back().name);
    if (iequals(name, "set-cookie")) check_set_cookie(cookie, value);
    fields.push_back({name, value, http::find_name(name)});
    if (fields.back().known == http::Name::cookie) cookie_bytes += value.size();
  }
  const http::HopByHop hop_by_hop(fields);
  const auto options = list_options(fields);
  for (const auto& field : fields) {
    const auto name = to_lower(field.name);
    const bool listed = !name.empty() && std::ranges::find(options, name) != options.end();
    const bool is_known = field.known != http::Name::other;
    GATEHOUSE_CHECK(!listed || hop_by_hop.contains(field));
    GATEHOUSE_CHECK(listed || is_known || !hop_by_hop.contains(field));
  }
  GATEHOUSE_CHECK(cookie_bytes <= 16 * 1024 || auth::cookies_too_large(fields));
  return 0;
}
