#include "config/origin.hpp"

#include <charconv>

#include "base/ascii.hpp"

namespace gatehouse::config {

namespace {

std::uint16_t default_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '.') {
      if (label == 0 || name[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    if (!is_alphanumeric(c) && c != '_' && !(c == '-' && label > 0)) return false;
    if (++label > 63) return false;
  }
  return label > 0 && name.back() != '-';
}

}  // namespace

std::optional<std::uint16_t> parse_port(std::string_view text, bool zero) {
  std::uint16_t port = 0;
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || (port == 0 && !zero)) return std::nullopt;
  return port;
}

std::optional<std::string> parse_host(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    const auto inner = text.substr(1, text.size() - 2);
    const auto address = parse_ip(inner);
    if (!address || address->is_v4()) return std::nullopt;
    return "[" + address->to_string() + "]";
  }
  if (!is_dns_name(text)) return std::nullopt;
  // A last label of digits makes it an address (WHATWG URL, "ends in a number"): then it must be one.
  const auto last_dot = text.rfind('.');
  const auto last = text.substr(last_dot == std::string_view::npos ? 0 : last_dot + 1);
  if (last.find_first_not_of("0123456789") == std::string_view::npos && !parse_ip(text)) return std::nullopt;
  return to_lower(text);
}

std::optional<Origin> parse_origin(std::string_view text) {
  Origin origin;
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  origin.scheme = to_lower(text.substr(0, colon));
  if (origin.scheme != "http" && origin.scheme != "https") return std::nullopt;
  auto rest = text.substr(colon + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto bracket = rest.rfind(']');
  const auto port_colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = parse_host(rest.substr(0, port_colon));
  if (!host) return std::nullopt;
  origin.host = *host;
  origin.port = default_port(origin.scheme);
  if (port_colon != std::string_view::npos) {
    const auto port = parse_port(rest.substr(port_colon + 1));
    if (!port) return std::nullopt;
    origin.port = *port;
  }
  return origin;
}

std::string Origin::to_string() const {
  std::string text = scheme + "://" + host;
  if (port != default_port(scheme)) text += ":" + std::to_string(port);
  return text;
}

}  // namespace gatehouse::config
