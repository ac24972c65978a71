// Threats 22–25: chunked bodies that two parsers could read differently.
#include <fmt/format.h>

#include "attack/vector.hpp"

namespace gatehouse::attack {

namespace {

using namespace std::string_view_literals;

void add_body(Vectors& out, int threat, std::string name, Expect expect, std::string_view body) {
  out.add({.name = std::move(name),
           .threat = threat,
           .expect = expect,
           .bytes = out.request("POST", out.target().open_path, {"Transfer-Encoding: chunked"}, body)});
}

}  // namespace

void add_chunked_vectors(Vectors& out) {
  for (const std::string_view size :
       {"0x5"sv, "+5"sv, "-5"sv, "5_"sv, " 5"sv, "5 "sv, "\t5"sv, ""sv, "g"sv, "5g"sv, "5,"sv, "5.0"sv,
        "ffffffffffffffff"sv, "10000000000000005"sv, "0000000000000000000005"sv, "\xd9\xa5"sv, "5\0"sv, "'5'"sv}) {
    add_body(out, 22, fmt::format("chunk size '{}'", size), Expect::refused,
             fmt::format("{}\r\nhello\r\n0\r\n\r\n", size));
  }
  for (const std::string_view end : {"\n"sv, "\r"sv, "\r\r\n"sv, "\n\r\n"sv, " \r\n"sv}) {
    add_body(out, 22, fmt::format("chunk size ended by '{}'", end), Expect::refused,
             fmt::format("5{}hello\r\n0\r\n\r\n", end));
    add_body(out, 24, fmt::format("last chunk ended by '{}'", end), Expect::refused,
             fmt::format("5\r\nhello\r\n0{}\r\n", end));
  }
  for (const std::string_view extension :
       {";a"sv, ";a=b"sv, "; a=b"sv, ";a=\"b c\""sv, ";a=\"X-User-ID: spoofed\""sv}) {
    add_body(out, 23, fmt::format("extension '{}'", extension), Expect::clean,
             fmt::format("5{}\r\nhello\r\n0{}\r\n\r\n", extension, extension));
  }
  const std::string inner = out.smuggled();
  for (const std::string& extension : {std::string(";a=\"\r\nb\""), std::string(";a=\nb"), std::string(";a\rb"),
                                       std::string(";a=\x01"), std::string("; "), std::string(";;"), std::string(";=b"),
                                       ";a=" + std::string(5000, 'b'), ";a=\"\n" + inner + "\""}) {
    add_body(out, 23, fmt::format("extension '{}' of {} bytes", extension.substr(0, 8), extension.size()),
             Expect::refused, fmt::format("5{}\r\nhello\r\n0\r\n\r\n", extension));
  }
  for (const std::string_view data :
       {"5\r\nhelloX\r\n0\r\n\r\n"sv, "5\r\nhello0\r\n\r\n"sv, "5\r\nhello\n0\r\n\r\n"sv, "5\r\nhello\r0\r\n\r\n"sv,
        "5\r\nhell\r\n0\r\n\r\n"sv, "5\r\nhello\r\n0\r\nX\r\n\r\n"sv, "5\r\nhello\r\n0\r\n: spoofed\r\n\r\n"sv,
        "5\r\nhello\r\n0\r\nA B: c\r\n\r\n"sv, "5\r\nhello\r\n0\r\nA: b\n\r\n"sv, "5\r\nhello\r\n0\r\n A: b\r\n\r\n"sv,
        "5\r\nhello\r\n0\r\nA: \x01\r\n\r\n"sv, "5\r\nhello\r\n\r\n0\r\n\r\n"sv, "5hello\r\n0\r\n\r\n"sv,
        "\r\n5\r\nhello\r\n0\r\n\r\n"sv}) {
    add_body(out, 24, fmt::format("chunk data '{}'", data), Expect::refused, data);
  }
  for (const std::string_view line :
       {"Content-Length: 300", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Host: spoofed.test",
        "Cookie: a=spoofed", "Connection: keep-alive, X-User-ID", "Trailer: spoofed", "Upgrade: websocket",
        "TE: spoofed"}) {
    add_body(out, 25, fmt::format("trailer '{}'", line), Expect::clean,
             fmt::format("5\r\nhello\r\n0\r\n{}\r\n\r\n", line));
  }
  add_body(out, 25, "trailers of 10 KiB", Expect::refused,
           fmt::format("5\r\nhello\r\n0\r\nA: {}\r\n\r\n", std::string(10'000, 'b')));
}

}  // namespace gatehouse::attack
