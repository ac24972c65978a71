#include "config/path_pattern.hpp"

#include "base/ascii.hpp"
#include "config/route_table.hpp"

namespace gatehouse::config {

namespace {

bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// RFC 3986 pchar without the semicolon: parameters of a segment are read differently by different upstreams.
bool is_literal(char c) {
  return is_unreserved(c) || std::string_view("!$&'()+,=:@").find(c) != std::string_view::npos;
}

void append_escaped(std::string& out, unsigned char byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  out += '%';
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// Appends one segment in canonical form; the error as in normalize_pattern.
std::string append_segment(std::string& out, std::string_view segment) {
  const std::size_t start = out.size();
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const char c = segment[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%') {
      const int high = i + 2 < segment.size() ? hex_digit(segment[i + 1]) : -1;
      const int low = i + 2 < segment.size() ? hex_digit(segment[i + 2]) : -1;
      if (high < 0 || low < 0) return "has a % that two hexadecimal digits do not follow";
      const auto decoded = static_cast<char>(high * 16 + low);
      const auto value = static_cast<unsigned char>(decoded);
      if (decoded == '/' || decoded == '\\' || decoded == ';' || value < 0x20 || value == 0x7f)
        return "has an escape that the gateway refuses in every request";
      if (is_unreserved(decoded)) {
        out += decoded;
      } else {
        append_escaped(out, value);
      }
      i += 2;
    } else if (byte >= 0x80) {
      append_escaped(out, byte);
    } else if (is_literal(c)) {
      out += c;
    } else if (c == '*') {
      return "has a wildcard inside a segment: `*` stands for a whole segment, `**` for any rest";
    } else if (c == '?' || c == '#') {
      return "is more than a path: routes do not look at the query";
    } else {
      return "has a character that no path has";
    }
  }
  const std::string_view canonical = std::string_view(out).substr(start);
  if (canonical == "." || canonical == "..") return "has a dot segment";
  return {};
}

std::expected<std::string, std::string> normalize(std::string_view text, bool wildcards) {
  if (!text.starts_with('/')) return std::unexpected("must start with /");
  std::string out;
  std::size_t segments = 0;
  std::string_view rest = text;
  while (!rest.empty() && rest != "/") {
    rest.remove_prefix(1);
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto segment = rest.substr(0, slash);
    rest.remove_prefix(slash);
    out += '/';
    if (segment.empty()) return std::unexpected("has an empty segment");
    if (++segments > kPatternSegmentsMax) return std::unexpected("has too many segments");
    if (wildcards && (segment == "*" || segment == "**")) {
      out += segment;
      if (segment == "**" && !rest.empty() && rest != "/") return std::unexpected("has `**` before its end");
    } else if (auto error = append_segment(out, segment); !error.empty()) {
      return std::unexpected(std::move(error));
    }
  }
  return out.empty() ? "/" : out;
}

}  // namespace

std::expected<std::string, std::string> normalize_pattern(std::string_view text) {
  return normalize(text, true);
}
std::expected<std::string, std::string> normalize_path(std::string_view text) {
  return normalize(text, false);
}

std::string_view literal_prefix(std::string_view pattern) {
  const auto wildcard = pattern.find("/*");
  return wildcard == std::string_view::npos ? pattern : pattern.substr(0, wildcard);
}

bool differ_in_case_alone(std::string_view a, std::string_view b) {
  bool differ = false;
  while (!a.empty() && !b.empty()) {
    const auto take = [](std::string_view& rest) {
      rest.remove_prefix(1);
      const auto segment = rest.substr(0, rest.find('/'));
      rest.remove_prefix(segment.size());
      return segment;
    };
    const auto left = take(a), right = take(b);
    if (left == "**" || right == "**") return differ;
    if (left == "*" || right == "*" || left == right) continue;
    if (!iequals(left, right)) return false;
    differ = true;
  }
  const auto rest = a.empty() ? b : a;
  return differ && (rest.empty() || rest == "/**");
}

bool is_at_or_below(std::string_view path, std::string_view base) {
  return path.starts_with(base) && (path.size() == base.size() || path[base.size()] == '/');
}

}  // namespace gatehouse::config
