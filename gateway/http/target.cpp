#include "http/target.hpp"

#include <cstring>

#include "base/ascii.hpp"
#include "base/ip_address.hpp"
#include "base/utf8.hpp"

namespace gatehouse::http {

namespace {

constexpr bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

constexpr char upper_hex(int digit) {
  return static_cast<char>(digit < 10 ? '0' + digit : 'A' + digit - 10);
}

struct Seen {
  bool high_bytes = false;  // an escaped byte outside of ASCII
  bool changed = false;
};

// First pass: escapes and forbidden bytes, in place.
char* normalize_escapes(char* begin, char* end, Seen& seen) {
  char* out = begin;
  for (const char* in = begin; in < end; ++in) {
    const char c = *in;
    if (c != '%') {
      if (c <= 0x20 || c == 0x7F || c == '#' || c == '\\' || c == ';') return nullptr;  // negative: outside of ASCII
      *out++ = c;
      continue;
    }
    if (end - in < 3) return nullptr;
    const int high = hex_digit(in[1]), low = hex_digit(in[2]);
    if (high < 0 || low < 0) return nullptr;
    in += 2;
    const int value = high * 16 + low;
    const char decoded = static_cast<char>(value);
    if (value < 0x20 || value == 0x7F || decoded == '/' || decoded == '\\' || decoded == ';') return nullptr;
    if (value < 0x80 && is_unreserved(decoded)) {
      *out++ = decoded;
      seen.changed = true;
      continue;
    }
    seen.high_bytes = seen.high_bytes || value >= 0x80;
    seen.changed = seen.changed || in[-1] != upper_hex(high) || in[0] != upper_hex(low);
    *out++ = '%';
    *out++ = upper_hex(high);
    *out++ = upper_hex(low);
  }
  return out;
}

bool escapes_are_utf8(std::string_view path) {
  char decoded[kTargetBytesMax];
  if (path.size() > sizeof decoded) return false;
  std::size_t size = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') {
      decoded[size++] = static_cast<char>(hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]));
      i += 2;
    } else {
      decoded[size++] = path[i];
    }
  }
  return is_utf8({decoded, size});
}

// Second pass: RFC 3986 section 5.2.4, with empty segments taken away as well.
char* remove_dot_segments(char* begin, char* end) {
  char* out = begin;
  const char* in = begin;
  while (in < end) {
    const char* segment = in + 1;  // behind the '/'
    const auto* next = static_cast<const char*>(std::memchr(segment, '/', static_cast<std::size_t>(end - segment)));
    const char* segment_end = next ? next : end;
    const std::string_view text(segment, static_cast<std::size_t>(segment_end - segment));
    const bool last = next == nullptr;
    if (text == "..") {
      if (out == begin) return nullptr;
      while (*--out != '/') {
      }
      if (last) *out++ = '/';
    } else if (text.empty() || text == ".") {
      if (last) *out++ = '/';
    } else {
      *out++ = '/';
      std::memmove(out, text.data(), text.size());
      out += text.size();
    }
    in = segment_end;
  }
  return out;
}

}  // namespace

std::optional<CanonicalPath> canonicalize_path(char* begin, char* end) {
  if (begin == end || *begin != '/') return std::nullopt;
  Seen seen;
  end = normalize_escapes(begin, end, seen);
  if (!end) return std::nullopt;
  if (seen.high_bytes && !escapes_are_utf8({begin, static_cast<std::size_t>(end - begin)})) return std::nullopt;
  // The usual path has neither dots at the start of a segment nor empty segments.
  for (const char* c = begin; c < end; ++c) {
    if (*c == '/' && c + 1 < end && (c[1] == '/' || c[1] == '.')) {
      char* const clean_end = remove_dot_segments(begin, end);
      if (!clean_end) return std::nullopt;
      return CanonicalPath{{begin, static_cast<std::size_t>(clean_end - begin)}, seen.changed || clean_end != end};
    }
  }
  return CanonicalPath{{begin, static_cast<std::size_t>(end - begin)}, seen.changed};
}

bool is_query(std::string_view query) {
  for (const char c : query) {
    if (c <= 0x20 || c == 0x7F || c == '#') return false;
  }
  return true;
}

std::optional<std::string_view> canonicalize_host(char* begin, char* end) {
  char* host_end = begin;
  if (begin < end && *begin == '[') {
    auto* close = static_cast<char*>(std::memchr(begin, ']', static_cast<std::size_t>(end - begin)));
    if (!close) return std::nullopt;
    const auto address = parse_ip({begin + 1, static_cast<std::size_t>(close - begin - 1)});
    if (!address || std::memchr(begin, ':', static_cast<std::size_t>(close - begin)) == nullptr) return std::nullopt;
    host_end = close + 1;
  } else {
    bool label_empty = true;
    for (; host_end < end && *host_end != ':'; ++host_end) {
      if (*host_end == '.') {
        if (label_empty) return std::nullopt;
        label_empty = true;
      } else if (is_alphanumeric(*host_end) || *host_end == '-' || *host_end == '_') {
        label_empty = false;
      } else {
        return std::nullopt;
      }
    }
    if (host_end == begin || host_end - begin > 254) return std::nullopt;
  }
  if (host_end < end) {
    if (*host_end != ':' || end - host_end > 6) return std::nullopt;
    int port = 0;
    for (const char* c = host_end + 1; c < end; ++c) {
      if (!is_digit(*c)) return std::nullopt;
      port = port * 10 + (*c - '0');
    }
    if (port > 65'535 || port == 0) return std::nullopt;
  }
  for (char* c = begin; c < host_end; ++c) *c = ascii_lower(*c);
  std::string_view host(begin, static_cast<std::size_t>(host_end - begin));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

std::size_t fold_path(std::string_view path, char* out) {
  std::size_t size = 0;
  const auto trim_segment = [&] {
    while (size > 0) {
      if (out[size - 1] == '.') {
        size -= 1;
      } else if (size >= 3 && out[size - 3] == '%' && out[size - 2] == '2' && out[size - 1] == '0') {
        size -= 3;
      } else {
        return;
      }
    }
  };
  for (const char c : path) {
    if (c == '/') trim_segment();
    out[size++] = ascii_lower(c);
  }
  trim_segment();
  return size;
}

}  // namespace gatehouse::http
