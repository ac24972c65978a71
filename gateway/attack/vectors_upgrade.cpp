// Threats 46–49, 51: switches of protocol that nobody agreed to.
#include <fmt/format.h>

#include "attack/vector.hpp"

namespace gatehouse::attack {

namespace {

constexpr std::string_view kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

}  // namespace

void add_upgrade_vectors(Vectors& out) {
  const Target& target = out.target();
  const std::vector<std::string> websocket{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                           std::string(kKey)};
  const auto with = [](std::vector<std::string> lines, std::string line) {
    lines.push_back(std::move(line));
    return lines;
  };

  // 46
  for (const std::string_view upgrade :
       {"h2c", "H2C", "h2", "h2c, websocket", "websocket, h2c", "HTTP/2.0", "TLS/1.0", "spoofed"}) {
    for (const std::string_view connection :
         {"Upgrade, HTTP2-Settings", "upgrade", "HTTP2-Settings", "close, Upgrade"}) {
      out.add({.name = fmt::format("Upgrade: {}, Connection: {}", upgrade, connection),
               .threat = 46,
               .bytes =
                   out.get(Route::open, {fmt::format("Connection: {}", connection), fmt::format("Upgrade: {}", upgrade),
                                         "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"})});
    }
    out.add(
        {.name = fmt::format("Upgrade: {} without a session, protected", upgrade),
         .threat = 46,
         .expect = Expect::denied,
         .route = Route::required,
         .bytes = out.get(Route::required, {"Connection: Upgrade, HTTP2-Settings", fmt::format("Upgrade: {}", upgrade),
                                            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"})});
  }
  out.add({.name = "HTTP2-Settings alone", .threat = 46, .bytes = out.get(Route::open, {"HTTP2-Settings: spoofed"})});
  out.add({.name = "HTTP_2_Settings for HTTP2-Settings",
           .threat = 46,
           .bytes = out.get(Route::open, {"Connection: HTTP2-Settings", "HTTP2-Settings: spoofed"})});
  for (const bool with_host : {false, true}) {
    out.add({.name = fmt::format("the preface of HTTP/2{}", with_host ? " with a Host" : ""),
             .threat = 51,
             .expect = Expect::refused,
             .bytes = with_host ? fmt::format("PRI * HTTP/2.0\r\n{}\r\n\r\nSM\r\n\r\n", out.host_line())
                                : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"});
  }

  // 47
  out.add({.name = "websocket without a session",
           .threat = 47,
           .expect = Expect::denied,
           .route = Route::required,
           .bytes = out.get(Route::required, websocket)});
  out.add({.name = "websocket with a wrong cookie",
           .threat = 47,
           .expect = Expect::denied,
           .route = Route::required,
           .caller = Caller::ada,
           .bytes = out.get(Route::required, with(websocket, out.cookie_line(Caller::ada) + "x"))});
  for (const std::string& origin : {std::string("https://spoofed.test"), std::string("null"),
                                    target.origin + ".spoofed.test", "https://spoofed.test/" + target.origin}) {
    out.add(
        {.name = fmt::format("websocket of a session from {}",
                             origin.starts_with(target.origin) ? "a longer origin" : origin.substr(0, 20)) +
                 (origin.ends_with(target.origin) ? "/ours" : ""),
         .threat = 47,
         .expect = Expect::denied,
         .route = Route::required,
         .caller = Caller::ada,
         .bytes = out.get(Route::required, with(with(websocket, out.cookie_line(Caller::ada)), "Origin: " + origin))});
  }

  // 48, 49: the echo never agrees, so that no tunnel may open, and what follows is read as a request.
  const std::vector<std::pair<std::string, std::vector<std::string>>> handshakes{
      {"a handshake in order", websocket},
      {"without a key", {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"}},
      {"with an empty key",
       {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key:"}},
      {"without Connection", {"Upgrade: websocket", std::string(kKey)}},
      {"with Connection: close", {"Connection: close, Upgrade", "Upgrade: websocket", std::string(kKey)}},
      {"in upper case", {"Connection: UPGRADE", "Upgrade: WEBSOCKET", std::string(kKey)}},
      {"with two keys",
       {"Connection: Upgrade", "Upgrade: websocket", std::string(kKey), "Sec-WebSocket-Key: c3Bvb2ZlZA=="}},
      {"with an old version",
       {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 0", std::string(kKey)}},
      {"with identity",
       {"X-User-ID: spoofed", "Connection: Upgrade, X-User-ID", "Upgrade: websocket", std::string(kKey)}},
      {"with an accept of its own",
       {"Connection: Upgrade", "Upgrade: websocket", std::string(kKey),
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}}};
  for (const auto& [title, lines] : handshakes) {
    out.add({.name = fmt::format("websocket {}, nobody agrees", title),
             .threat = 48,
             .bytes = out.get(Route::open, lines)});
    out.add({.name = fmt::format("websocket {}, signed in", title),
             .threat = 48,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, with(lines, out.cookie_line(Caller::ada)))});
  }
  out.add({.name = "websocket with a body that is a request",
           .threat = 48,
           .bytes = out.post(Route::open, websocket, out.smuggled())});
  out.add({.name = "websocket by GET with a body that is a request",
           .threat = 48,
           .bytes =
               out.request("GET", target.open_path,
                           with(websocket, fmt::format("Content-Length: {}", out.smuggled().size())), out.smuggled())});
  std::string old = out.get(Route::open, websocket);
  old.replace(old.find("HTTP/1.1"), 8, "HTTP/1.0");
  out.add({.name = "websocket in HTTP/1.0", .threat = 49, .bytes = old});
}

}  // namespace gatehouse::attack
