// Threats 19–21: heads that two parsers could read differently.
#include <fmt/format.h>

#include "attack/vector.hpp"

namespace gatehouse::attack {

namespace {

using namespace std::string_view_literals;

void add_refused(Vectors& out, int threat, std::string name, std::string bytes) {
  out.add({.name = std::move(name), .threat = threat, .expect = Expect::refused, .bytes = std::move(bytes)});
}

// A head whose lines end as they are given.
std::string head(std::string_view first, const std::vector<std::string>& lines, std::string_view end) {
  std::string bytes(first);
  bytes.append(end);
  for (const auto& line : lines) bytes.append(line).append(end);
  return bytes.append(end);
}

}  // namespace

void add_head_vectors(Vectors& out) {
  const std::string get_line = fmt::format("GET {} HTTP/1.1", out.target().open_path);
  const auto with_line = [&](std::string_view line) { return out.get(Route::open, {std::string(line)}); };

  for (const std::string_view line :
       {"X-User-ID : spoofed"sv, "X-User-ID\t: spoofed"sv, ": spoofed"sv, "X-User-ID"sv, "X User-ID: spoofed"sv,
        "X-User-ID\x0b: spoofed"sv, "X-User-ID\x01: spoofed"sv, "X-User-ID\x7f: spoofed"sv,
        "X-User-ID\xc3\xa9: spoofed"sv, "X(User)ID: spoofed"sv, "\"X-User-ID\": spoofed"sv, "X-User/ID: spoofed"sv,
        "Content-Length : 5"sv, "Transfer-Encoding : chunked"sv, "Host : spoofed.test"sv, "Cookie : a=b"sv}) {
    add_refused(out, 19, fmt::format("name in '{}'", line), with_line(line));
  }
  for (const std::string_view line :
       {"X-Foo: a\r\n X-User-ID: spoofed"sv, "X-Foo: a\r\n\tX-User-ID: spoofed"sv, "X-Foo:\r\n spoofed"sv,
        "X-Foo: a\r\n \r\nX-Bar: b"sv, "Transfer-Encoding:\r\n chunked"sv, "Content-Length:\r\n 5"sv}) {
    add_refused(out, 20, fmt::format("folded '{}'", line), with_line(line));
  }
  add_refused(
      out, 20, "folded before the first header",
      fmt::format("{}\r\n X-User-ID: spoofed\r\n{}\r\n{}\r\n\r\n", get_line, out.host_line(), out.probe_line('v')));
  for (const std::string_view line :
       {"X-Foo: a\nX-User-ID: spoofed"sv, "X-Foo: a\rX-User-ID: spoofed"sv, "X-Foo: a\r\r\nX-User-ID: spoofed"sv,
        "X-Foo: a\0b"sv, "X-\0Foo: a"sv, "\0: a"sv, "X-Foo: a\n\r\nX-User-ID: spoofed"sv, "X-Foo: a\x01"sv,
        "X-Foo: a\x7f"sv, "X-Foo: a\r"sv, "\rX-Foo: a"sv, "\nX-Foo: a"sv}) {
    add_refused(out, 21, fmt::format("bytes in '{}'", line), with_line(line));
  }
  const std::vector<std::string> lines{out.host_line(), out.probe_line('v')};
  add_refused(out, 21, "all lines end in LF alone", head(get_line, lines, "\n"));
  add_refused(out, 21, "all lines end in CR alone", head(get_line, lines, "\r"));
  add_refused(out, 21, "NUL in the request line",
              fmt::format("GET {}\0 HTTP/1.1\r\n{}\r\n{}\r\n\r\n"sv, out.target().open_path, lines[0], lines[1]));
  for (const std::string_view first :
       {"GET  {} HTTP/1.1"sv, "GET {}  HTTP/1.1"sv, "GET\t{} HTTP/1.1"sv, "GET {}\tHTTP/1.1"sv, " GET {} HTTP/1.1"sv,
        "GET {} HTTP/1.1 "sv, "GET {} HTTP/1.1 HTTP/1.1"sv, "GET {}"sv, "GET {} HTTP/2.0"sv, "GET {} HTTP/0.9"sv,
        "GET {} HTTP/1.10"sv, "GET {} http/1.1"sv, "GET {} XTTP/1.1"sv, "GET {} HTTP/11"sv, "G ET {} HTTP/1.1"sv,
        "G\x01T {} HTTP/1.1"sv, "{} HTTP/1.1"sv}) {
    add_refused(out, 21, fmt::format("request line '{}'", first),
                head(fmt::format(fmt::runtime(first), out.target().open_path), lines, "\r\n"));
  }
}

}  // namespace gatehouse::attack
