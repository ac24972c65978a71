#include "auth/trusted_origins.hpp"

#include <algorithm>
#include <optional>

#include "auth/web_url.hpp"
#include "auth/wildcard.hpp"
#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/ip_address.hpp"

namespace gatehouse::auth {

namespace {

// C0, DEL and C1 controls of UTF-8 text.
bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xE0) == 0x80) return true;
  }
  return false;
}

// A pattern of digits, dots and wildcards alone names addresses: "192.168.*" must not admit 192.168.evil.test.
bool admits_host(std::string_view pattern_authority, std::string_view authority) {
  const auto pattern_host = pattern_authority.substr(0, pattern_authority.find(':'));
  const bool names_addresses =
      std::ranges::any_of(pattern_host, is_digit) &&
      std::ranges::all_of(pattern_host, [](char c) { return is_digit(c) || c == '*' || c == '?' || c == '.'; });
  if (!names_addresses) return true;
  const auto address = parse_ip(authority.substr(0, authority.find(':')));
  return address && address->is_v4();
}

struct AppUrl {
  std::string scheme;
  std::string authority;
  std::string path;  // decoded, dot segments resolved; empty for the root
};

std::string resolve_path(std::string_view text) {
  const std::string decoded = percent_decode(text).value_or(std::string(text));
  std::vector<std::string_view> segments;
  std::string_view rest = decoded;
  for (;;) {
    const auto end = rest.find('/');
    const auto segment = rest.substr(0, end);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (segment != "." && !segment.empty()) {
      segments.push_back(segment);
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  std::string path;
  for (const auto segment : segments) path.append("/").append(segment);
  return path;
}

// A URL of an app's own scheme, taken apart as text: parsers do not agree on these. In a pattern '?' is a wildcard, not
// a query.
std::optional<AppUrl> parse_app_url(std::string_view text, bool wildcards) {
  if (has_control_character(text)) return std::nullopt;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  AppUrl url;
  url.scheme = to_lower(text.substr(0, colon));
  auto rest = text.substr(colon + 1);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const auto end = rest.find_first_of(wildcards ? "/#" : "/?#");
    url.authority = to_lower(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  }
  url.path = resolve_path(rest.substr(0, rest.find_first_of(wildcards ? "#" : "?#")));
  return url;
}

bool matches_app_url(std::string_view text, std::string_view pattern, bool wildcards) {
  const auto url = parse_app_url(text, false);
  const auto wanted = parse_app_url(pattern, wildcards);
  if (!url || !wanted || url->scheme != wanted->scheme) return false;
  if (wildcards) {
    if (url->authority.find('@') != std::string::npos) return false;
    if (!wanted->authority.empty() &&
        !(matches_wildcard(wanted->authority, url->authority) && admits_host(wanted->authority, url->authority))) {
      return false;
    }
    return wanted->path.empty() || matches_wildcard(wanted->path, url->path.empty() ? "/" : url->path);
  }
  if (!wanted->authority.empty() && url->authority != wanted->authority) return false;
  return wanted->path.empty() || url->path == wanted->path || url->path.starts_with(wanted->path + "/");
}

bool matches(std::string_view text, std::string_view pattern) {
  const bool wildcards = pattern.find_first_of("*?") != std::string_view::npos;
  const auto scheme_end = pattern.find("://");
  const auto url = parse_web_url(text);
  if (wildcards && scheme_end == std::string_view::npos) {
    return url && !url->host.empty() && matches_wildcard(pattern, url->host) && admits_host(pattern, url->host);
  }
  if (!url) return false;
  if (!url->is_http()) return matches_app_url(text, pattern, wildcards);
  if (!wildcards) return pattern == url->origin();
  return matches_wildcard(pattern, url->origin()) && admits_host(pattern.substr(scheme_end + 3), url->host);
}

}  // namespace

bool is_safe_relative_url(std::string_view url) {
  if (!url.starts_with('/') || url.starts_with("//") || url.find('\\') != std::string_view::npos ||
      has_control_character(url)) {
    return false;
  }
  const auto path = to_lower(url.substr(0, url.find_first_of("?#")));
  return path.find("%2f") == std::string::npos && path.find("%5c") == std::string::npos;
}

TrustedOrigins::TrustedOrigins(const config::Origin& base_url, const std::vector<std::string>& patterns)
    : patterns_{base_url.to_string()} {
  patterns_.insert(patterns_.end(), patterns.begin(), patterns.end());
}

bool TrustedOrigins::trusts_origin(std::string_view url) const {
  if (url.starts_with('/')) return false;
  return std::ranges::any_of(patterns_, [&](const std::string& pattern) { return matches(url, pattern); });
}

bool TrustedOrigins::trusts_serialized(std::string_view origin) const {
  const auto url = parse_web_url(origin);
  if (!url || (url->is_http() && url->origin() != origin)) return false;
  return trusts_origin(origin);
}

bool TrustedOrigins::trusts_redirect(std::string_view url) const {
  // Differs from Better Auth, which fails later: a parser drops tabs and line ends, so the text would not be what was
  // judged. It drops spaces at the ends as well, which a query that is added would make a part of the host.
  if (has_control_character(url)) return false;
  if (url.starts_with('/')) return is_safe_relative_url(url);
  return !url.ends_with(' ') && trusts_origin(url);
}

}  // namespace gatehouse::auth
