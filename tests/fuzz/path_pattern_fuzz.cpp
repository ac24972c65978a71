// Patterns of routes (lines) and the path of a request (the last line): written in one form, the same that requests are
// judged in, and the table finds a route exactly where a plain reading of the patterns does. Values of the
// configuration besides: what parses is written back to the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "config/origin.hpp"
#include "config/path_pattern.hpp"
#include "config/redis_url.hpp"
#include "config/route_table.hpp"
#include "config/values.hpp"
#include "http/target.hpp"

using namespace gatehouse;
using namespace gatehouse::config;

namespace {

void check_pattern(std::string_view text) {
  const auto pattern = normalize_pattern(text);
  GATEHOUSE_CHECK(pattern || !pattern.error().empty());
  if (pattern) {
    GATEHOUSE_CHECK(normalize_pattern(*pattern) == pattern);
    GATEHOUSE_CHECK(pattern->starts_with(literal_prefix(*pattern)));
    GATEHOUSE_CHECK(!differ_in_case_alone(*pattern, *pattern));
  }
  const auto path = normalize_path(text);
  if (!path) return;
  GATEHOUSE_CHECK(normalize_path(*path) == path);
  // An escape that is not UTF-8 is refused in requests; everything else is in the form of requests.
  std::string request = *path;
  const auto canonical = http::canonicalize_path(request.data(), request.data() + request.size());
  GATEHOUSE_CHECK(!canonical || (!canonical->changed && canonical->path == *path));
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return segments;
}

bool matches_plainly(std::string_view pattern, std::string_view path) {
  const auto wanted = segments_of(pattern), found = segments_of(path);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "**") return true;
    if (i == found.size() || (wanted[i] != "*" && wanted[i] != found[i])) return false;
  }
  return wanted.size() == found.size();
}

void check_table(std::string_view text) {
  Configuration configuration;
  configuration.gateway.auth.base_path = "/api/auth";
  std::string path;
  while (!text.empty() && configuration.routes.size() < 20) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (text.empty()) path = line;
    const auto pattern = normalize_pattern(line);
    if (pattern && !text.empty()) configuration.routes.emplace_back().path = *pattern;
  }
  const auto canonical = http::canonicalize_path(path.data(), path.data() + path.size());
  if (!canonical) return;
  const RouteTable table(configuration);
  const auto match = table.match("GET", "example.test", canonical->path);
  if (match.kind == Match::Kind::auth || match.kind == Match::Kind::jwks) return;
  const bool any = std::ranges::any_of(
      configuration.routes, [&](const Route& route) { return matches_plainly(route.path, canonical->path); });
  GATEHOUSE_CHECK((match.kind == Match::Kind::route) == any);
  if (match.route != nullptr) GATEHOUSE_CHECK(matches_plainly(match.route->path, canonical->path));
}

template <class Value>
void check_value(std::string_view text) {
  const auto value = Value::parse(text);
  if (value) GATEHOUSE_CHECK(Value::parse(Value::print(*value)) == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8 * 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_pattern(text.substr(0, text.find('\n')));
  check_table(text);
  check_value<BooleanValue>(text);
  check_value<CountValue>(text);
  check_value<SizeValue>(text);
  check_value<MillisecondsValue>(text);
  check_value<SecondsValue>(text);
  if (const auto origin = parse_origin(text)) GATEHOUSE_CHECK(parse_origin(origin->to_string()) == origin);
  if (const auto host = parse_host(text)) {
    GATEHOUSE_CHECK(parse_host(*host) == host);
    std::string request = *host;
    GATEHOUSE_CHECK(http::canonicalize_host(request.data(), request.data() + request.size()) == host);
  }
  const auto redis = parse_redis_url(text);
  GATEHOUSE_CHECK(redis || !redis.error().empty());
  return 0;
}
