#include "config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.hpp"
#include "config/origin.hpp"
#include "config/path_pattern.hpp"

namespace gatehouse::config {

namespace {

// A number followed by a unit of the table; the number may be 0 without one. Absent: no such form; nothing: too large.
struct Unit {
  std::string_view text;
  std::uint64_t factor;
};

Parsed<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units, std::uint64_t maximum,
                                      const char* error) {
  if (text == "0") return 0;
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (failed == std::errc::invalid_argument) return std::unexpected(error);
  if (rest.empty()) return std::unexpected(fmt::format("has no unit, write for example {}{}", text, units[0].text));
  for (const Unit& unit : units) {
    if (rest != unit.text) continue;
    if (failed == std::errc::result_out_of_range || number > maximum / unit.factor)
      return std::unexpected("is too large");
    return number * unit.factor;
  }
  return std::unexpected(error);
}

constexpr std::string_view kTokenSymbols = "!#$%&'*+-.^_`|~";
constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 50;
constexpr std::uint64_t kDurationMax = std::uint64_t{1000} * 86'400 * 36'500;  // a hundred years, in milliseconds

}  // namespace

Parsed<bool> BooleanValue::parse(std::string_view text) {
  if (text == "true" || text == "on") return true;
  if (text == "false" || text == "off") return false;
  return std::unexpected("is neither true nor false");
}

Parsed<std::uint32_t> CountValue::parse(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return std::unexpected("is too large");
  if (error != std::errc{} || end != text.data() + text.size()) return std::unexpected("is not a whole number");
  return number;
}

Parsed<std::uint64_t> SizeValue::parse(std::string_view text) {
  static constexpr std::array kUnits{Unit{"KiB", 1024}, Unit{"MiB", 1024 * 1024}, Unit{"GiB", 1024 * 1024 * 1024},
                                     Unit{"B", 1}};
  return parse_with_unit(text, kUnits, kSizeMax, "is not a size: a number with B, KiB, MiB or GiB, for example 10MiB");
}

std::string SizeValue::print(const Type& value) {
  if (value == 0) return "0";
  if (value % (1024 * 1024 * 1024) == 0) return fmt::format("{}GiB", value / (1024 * 1024 * 1024));
  if (value % (1024 * 1024) == 0) return fmt::format("{}MiB", value / (1024 * 1024));
  if (value % 1024 == 0) return fmt::format("{}KiB", value / 1024);
  return fmt::format("{}B", value);
}

Parsed<milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array kUnits{Unit{"s", 1000}, Unit{"ms", 1}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                                     Unit{"d", 86'400'000}};
  const auto parsed =
      parse_with_unit(text, kUnits, kDurationMax, "is not a duration: a number with ms, s, m, h or d, for example 30s");
  if (!parsed) return std::unexpected(parsed.error());
  return milliseconds(*parsed);
}

std::string print_duration(milliseconds value) {
  const auto count = value.count();
  if (count == 0) return "0";
  if (count % 86'400'000 == 0) return fmt::format("{}d", count / 86'400'000);
  if (count % 3'600'000 == 0) return fmt::format("{}h", count / 3'600'000);
  if (count % 60'000 == 0) return fmt::format("{}m", count / 60'000);
  if (count % 1000 == 0) return fmt::format("{}s", count / 1000);
  return fmt::format("{}ms", count);
}

Parsed<seconds> SecondsValue::parse(std::string_view text) {
  const auto parsed = parse_duration(text);
  if (!parsed) return std::unexpected(parsed.error());
  if (parsed->count() % 1000 != 0) return std::unexpected("is not in whole seconds");
  return std::chrono::duration_cast<seconds>(*parsed);
}

Parsed<SocketAddress> SocketAddressValue::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    auto host = text.substr(0, colon);
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets) host = host.substr(1, host.size() - 2);
    const bool v6 = host.find(':') != std::string_view::npos;
    const auto port = parse_port(text.substr(colon + 1), true);
    if (parse_ip(host) && v6 == brackets && port) return SocketAddress{std::string(host), *port};
  }
  return std::unexpected("is not a local address: write an IP address and a port, for example 0.0.0.0:8443");
}

std::string SocketAddressValue::print(const Type& value) {
  return value.host.find(':') == std::string::npos ? fmt::format("{}:{}", value.host, value.port)
                                                   : fmt::format("[{}]:{}", value.host, value.port);
}

Parsed<Origin> OriginValue::parse(std::string_view text) {
  if (auto origin = parse_origin(text)) return *std::move(origin);
  return std::unexpected("is not an origin: scheme and host alone, for example https://www.example.com");
}

Parsed<SecretVersions> SecretVersionsValue::parse(std::string_view text) {
  SecretVersions versions;
  while (true) {
    const auto end = std::min(text.find(','), text.size());
    const auto piece = trim(text.substr(0, end));
    const auto colon = std::min(piece.find(':'), piece.size());
    SecretVersion one;
    const auto [stop, error] = std::from_chars(piece.data(), piece.data() + colon, one.version);
    if (colon == piece.size() || error != std::errc() || stop != piece.data() + colon)
      return std::unexpected("is not of the form \"2:new,1:old\": each version is a number, a colon and a secret");
    one.value = Secret(std::string(trim(piece.substr(colon + 1))));
    if (one.value.empty()) return std::unexpected("has an empty secret");
    if (std::ranges::find(versions.list, one.version, &SecretVersion::version) != versions.list.end())
      return std::unexpected("has the same version twice");
    versions.list.push_back(std::move(one));
    if (end == text.size()) return versions;
    text.remove_prefix(end + 1);
  }
}

Parsed<Mailbox> MailboxValue::parse(std::string_view text) {
  if (auto mailbox = parse_mailbox(text)) return *std::move(mailbox);
  return std::unexpected("is not a mail address, for example no-reply@example.com or Example <no-reply@example.com>");
}

Parsed<std::string> HostValue::parse(std::string_view text) {
  if (auto host = parse_host(text)) return *std::move(host);
  return std::unexpected("is not a host name: no scheme, port or path, for example www.example.com");
}

Parsed<std::string> OriginPatternValue::parse(std::string_view text) {
  const auto colon = text.find("://");
  const auto scheme = colon == std::string_view::npos ? std::string_view{} : text.substr(0, colon);
  const auto rest = colon == std::string_view::npos ? text : text.substr(colon + 3);
  const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  const bool scheme_ok = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_alphanumeric(c) || c == '+' || c == '-' || c == '.' || c == '*' || c == '?';
  });
  const bool web = scheme == "http" || scheme == "https";
  if (!visible || text.empty() || !scheme_ok || (colon == 0))
    return std::unexpected("is not an origin or pattern of one");
  if (web && rest.find_first_of("*?") == std::string_view::npos) {
    if (const auto origin = parse_origin(text)) return origin->to_string();
    return std::unexpected("is not an origin: scheme and host alone, for example https://www.example.com");
  }
  if ((web || colon == std::string_view::npos) && (rest.empty() || rest.find_first_of("/@#") != std::string_view::npos))
    return std::unexpected("is not a pattern of origins: no path, for example https://*.example.com");
  return web || colon == std::string_view::npos ? to_lower(text) : std::string(text);
}

Parsed<Cidr> CidrValue::parse(std::string_view text) {
  if (const auto cidr = parse_cidr(text)) return *cidr;
  return std::unexpected("is not a network: an address or a range, for example 10.0.0.0/8");
}

std::string CidrValue::print(const Type& value) {
  return fmt::format("{}/{}", value.network.to_string(), value.bits);
}

Parsed<Server> ServerValue::parse(std::string_view text) {
  const auto origin = parse_origin(text);
  if (!origin) return std::unexpected("is not a server: scheme, host and port alone, for example http://orders-1:8080");
  std::string host = origin->host;
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  return Server{std::move(host), origin->port, origin->scheme == "https"};
}

std::string ServerValue::print(const Type& value) {
  const bool v6 = value.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", value.tls ? "https" : "http", v6 ? "[" : "", value.host, v6 ? "]" : "",
                     value.port);
}

Parsed<std::string> PatternValue::parse(std::string_view text) {
  return normalize_pattern(text);
}
Parsed<std::string> PathValue::parse(std::string_view text) {
  return normalize_path(text);
}

Parsed<std::string> PathOrUrlValue::parse(std::string_view text) {
  if (text.starts_with('/')) return normalize_path(text);
  const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
  const auto scheme_end = text.find("://");
  if (visible && scheme_end != std::string_view::npos) {
    const auto authority_end = std::min(text.find_first_of("/?#", scheme_end + 3), text.size());
    if (parse_origin(text.substr(0, authority_end)) && text.find('#') == std::string_view::npos)
      return std::string(text);
  }
  return std::unexpected("is neither a path of this gateway nor an http(s) URL");
}

Parsed<std::string> MethodValue::parse(std::string_view text) {
  if (text == "CONNECT" || text == "TRACE") return std::unexpected("is a method that the gateway never forwards");
  const bool upper = std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
  if (text.empty() || text.size() > 32 || !upper)
    return std::unexpected("is not a method: write it in capitals, as GET");
  return std::string(text);
}

Parsed<std::string> HeaderNameValue::parse(std::string_view text) {
  // Names with an underscore are legal (RFC 9110 5.6.2), but many servers fold them to a hyphen.
  const bool token = std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || (kTokenSymbols.find(c) != std::string_view::npos && c != '_');
  });
  if (text.empty() || text.size() > 128 || !token)
    return std::unexpected("is not a header name: letters, digits and hyphens");
  return std::string(text);
}

Parsed<std::string> NameValue::parse(std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
  if (text.empty() || text.size() > 64 || !plain)
    return std::unexpected("is not a name: letters, digits, _ and -, at most 64");
  return std::string(text);
}

}  // namespace gatehouse::config
