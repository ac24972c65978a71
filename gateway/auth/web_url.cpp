#include "auth/web_url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "base/ascii.hpp"
#include "base/encoding.hpp"

namespace gatehouse::auth {

namespace {

// WHATWG "basic URL parser": controls and blanks at the ends go, tabs and line ends go everywhere.
std::string clean(std::string_view text) {
  const auto is_edge = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
  while (!text.empty() && is_edge(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_edge(text.back())) text.remove_suffix(1);
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
  return out;
}

bool is_forbidden_in_host(char c) {
  return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F ||
         std::string_view("#/:<>?@[\\]^|%").find(c) != std::string_view::npos;
}

// A piece of an IPv4 address: decimal, 0 octal or 0x hexadecimal.
std::optional<std::uint64_t> parse_ipv4_number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int base = 10;
  if (text.size() >= 2 && text[0] == '0' && ascii_lower(text[1]) == 'x') {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() >= 2 && text[0] == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  if (text.empty()) return 0;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto end = text.find(at);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

bool ends_in_number(std::string_view host) {
  auto labels = split(host, '.');
  if (labels.back().empty()) {
    if (labels.size() == 1) return false;
    labels.pop_back();
  }
  const auto last = labels.back();
  return (!last.empty() && std::ranges::all_of(last, is_digit)) || (last.starts_with("0x") && parse_ipv4_number(last));
}

std::optional<std::string> parse_ipv4(std::string_view host) {
  auto labels = split(host, '.');
  if (labels.back().empty() && labels.size() > 1) labels.pop_back();
  if (labels.size() > 4) return std::nullopt;
  std::uint64_t address = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto number = parse_ipv4_number(labels[i]);
    if (!number) return std::nullopt;
    const bool last = i + 1 == labels.size();
    const std::uint64_t limit = last ? std::uint64_t{1} << 8 * (5 - labels.size()) : 256;
    if (*number >= limit) return std::nullopt;
    address += last ? *number : *number << 8 * (3 - i);
  }
  return std::to_string(address >> 24 & 255) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
}

std::optional<std::string> parse_ipv6(std::string_view text) {
  std::array<unsigned char, 16> bytes;
  // inet_pton would stop at a NUL and take what is before it.
  if (text.contains('\0')) return std::nullopt;
  if (inet_pton(AF_INET6, std::string(text).c_str(), bytes.data()) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> out;
  return "[" + std::string(inet_ntop(AF_INET6, bytes.data(), out.data(), out.size())) + "]";
}

// `is_web`: a scheme whose host is a domain; other schemes keep theirs as written.
std::optional<std::string> parse_host(std::string_view text, bool is_web) {
  if (text.starts_with('[')) return text.ends_with(']') ? parse_ipv6(text.substr(1, text.size() - 2)) : std::nullopt;
  if (!is_web) {
    const bool bad = std::ranges::any_of(text, [](char c) { return c != '%' && is_forbidden_in_host(c) && c != 0x7F; });
    return bad ? std::nullopt : std::optional(std::string(text));
  }
  auto host = percent_decode(text);
  if (!host) return std::nullopt;  // the '%' that is left is forbidden
  for (char& c : *host) {
    if (is_forbidden_in_host(c) || static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
    c = ascii_lower(c);
  }
  if (host->empty()) return std::nullopt;
  return ends_in_number(*host) ? parse_ipv4(*host) : host;
}

std::string_view default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return "80";
  if (scheme == "https" || scheme == "wss") return "443";
  return scheme == "ftp" ? "21" : "";
}

// host[:port] of what stands between the slashes and the path.
std::optional<std::string> parse_authority(std::string_view authority, std::string_view scheme, bool is_web) {
  const auto user_info = authority.rfind('@');
  if (user_info != std::string_view::npos) authority.remove_prefix(user_info + 1);
  const auto bracket = authority.find(']');
  const auto colon =
      authority.find(':', bracket == std::string_view::npos || !authority.starts_with('[') ? 0 : bracket);
  auto host = parse_host(authority.substr(0, colon), is_web);
  if (!host || colon == std::string_view::npos) return host;
  const auto digits = authority.substr(colon + 1);
  if (digits.empty()) return host;
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port > 65'535 || !is_digit(digits[0]))
    return std::nullopt;
  const std::string written = std::to_string(port);
  if (written != default_port(scheme)) *host += ":" + written;
  return host;
}

}  // namespace

std::optional<WebUrl> parse_web_url(std::string_view text) {
  const std::string cleaned = clean(text);
  const std::string_view whole = cleaned;
  const auto colon = whole.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alpha(whole[0])) return std::nullopt;
  const auto is_scheme = [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; };
  if (!std::ranges::all_of(whole.substr(0, colon), is_scheme)) return std::nullopt;
  WebUrl url;
  url.scheme = to_lower(whole.substr(0, colon));
  auto rest = whole.substr(colon + 1);
  const bool is_web = !default_port(url.scheme).empty();
  if (is_web) {
    // Any number of slashes of either kind, also none, stands before the host.
    while (rest.starts_with('/') || rest.starts_with('\\')) rest.remove_prefix(1);
  } else if (rest.starts_with("//")) {
    rest.remove_prefix(2);
  } else {
    return url;
  }
  auto host = parse_authority(rest.substr(0, rest.find_first_of(is_web ? "/\\?#" : "/?#")), url.scheme, is_web);
  if (!host || (is_web && host->empty())) return std::nullopt;
  url.host = std::move(*host);
  return url;
}

}  // namespace gatehouse::auth
