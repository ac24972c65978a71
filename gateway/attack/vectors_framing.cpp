// Threats 16–18 and 26–31: requests that hide in another one's body, where servers disagree about its length.
#include <fmt/format.h>

#include "attack/vector.hpp"

namespace gatehouse::attack {

namespace {

using namespace std::string_view_literals;

// 16: both lengths. Whoever takes one of them sees one request, who takes the other sees two.
void add_both_lengths(Vectors& out) {
  const std::string inner = out.smuggled();
  const std::string chunked_then_inner = "0\r\n\r\n" + inner;
  const auto add = [&](std::string_view name, std::vector<std::string> lines, std::string_view body) {
    out.add({.name = std::string(name),
             .threat = 16,
             .expect = Expect::refused,
             .bytes = out.request("POST", out.target().open_path, lines, body)});
  };
  const std::string length = fmt::format("Content-Length: {}", chunked_then_inner.size());
  for (const std::string_view coding :
       {"Transfer-Encoding: chunked"sv, "transfer-encoding: chunked"sv, "TRANSFER-ENCODING: CHUNKED"sv,
        "Transfer-Encoding:chunked"sv, "Transfer-Encoding:  chunked  "sv, "Transfer-Encoding:\tchunked"sv}) {
    add(fmt::format("Content-Length, then '{}'", coding), {length, std::string(coding)}, chunked_then_inner);
    add(fmt::format("'{}', then Content-Length", coding), {std::string(coding), length}, chunked_then_inner);
  }
  add("Content-Length: 0 and chunked", {"Content-Length: 0", "Transfer-Encoding: chunked"}, "5\r\nhello\r\n0\r\n\r\n");
  add("short Content-Length and chunked", {"Content-Length: 4", "Transfer-Encoding: chunked"},
      fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", inner.size(), inner));
  add("two Content-Length and chunked", {"Content-Length: 4", "Content-Length: 4", "Transfer-Encoding: chunked"},
      chunked_then_inner);
}

// 17
void add_lengths(Vectors& out) {
  const std::string inner = out.smuggled();
  for (const std::string_view value : {"+5"sv,
                                       "-5"sv,
                                       "-1"sv,
                                       "0x5"sv,
                                       "5 "sv,
                                       "5 5"sv,
                                       "5,5"sv,
                                       "5, 5"sv,
                                       "5,6"sv,
                                       ""sv,
                                       "5_0"sv,
                                       "05a"sv,
                                       "5.0"sv,
                                       "5e0"sv,
                                       "five"sv,
                                       "18446744073709551616"sv,
                                       "99999999999999999999999999"sv,
                                       "9223372036854775808 "sv,
                                       "\"5\""sv,
                                       "5;"sv,
                                       "\x0b"
                                       "5"sv,
                                       "5\x0c"sv,
                                       "\xd9\xa5"sv,
                                       "0,"sv,
                                       ",0"sv,
                                       "5\0"sv}) {
    // Blanks around a value are no part of it (RFC 9110 section 5.5), so that these two are in order.
    if (value == "5 " || value == "9223372036854775808 ") continue;
    out.add({.name = fmt::format("Content-Length '{}'", value),
             .threat = 17,
             .expect = Expect::refused,
             .bytes = out.request("POST", out.target().open_path, {fmt::format("Content-Length: {}", value)},
                                  "hello" + inner)});
  }
  const std::vector<std::pair<std::string, std::string>> pairs{{"5", "6"}, {"6", "5"}, {"5", "5"}, {"0", "5"},
                                                               {"5", "0"}, {"5", ""},  {"5", "05"}};
  for (const auto& [left, right] : pairs) {
    out.add({.name = fmt::format("Content-Length '{}' and '{}'", left, right),
             .threat = 17,
             .expect = Expect::refused,
             .bytes = out.request("POST", out.target().open_path,
                                  {"Content-Length: " + left, "content-length: " + right}, "hello" + inner)});
  }
  out.add({.name = "Content-Length '5' and '300' on GET",
           .threat = 17,
           .expect = Expect::refused,
           .bytes = out.request("GET", out.target().open_path, {"Content-Length: 5", "Content-Length: 300"},
                                "hello" + inner)});
}

// 18
void add_codings(Vectors& out) {
  const std::string body = "0\r\n\r\n" + out.smuggled();
  for (const std::string_view value : {""sv,
                                       "identity"sv,
                                       "xchunked"sv,
                                       "chunkedx"sv,
                                       "chunked, identity"sv,
                                       "identity, chunked"sv,
                                       "gzip"sv,
                                       "gzip, chunked"sv,
                                       "chunked, gzip"sv,
                                       "chunked, chunked"sv,
                                       "chunked,"sv,
                                       ",chunked"sv,
                                       "chunked;q=1"sv,
                                       "\"chunked\""sv,
                                       "chun ked"sv,
                                       "chunked\x0b"sv,
                                       "\x0b"
                                       "chunked"sv,
                                       "x\nchunked"sv,
                                       "cow"sv,
                                       "chunKed;"sv,
                                       "\xef\xbb\xbf"
                                       "chunked"sv,
                                       "trailers"sv}) {
    out.add(
        {.name = fmt::format("Transfer-Encoding '{}'", value),
         .threat = 18,
         .expect = Expect::refused,
         .bytes = out.request("POST", out.target().open_path, {fmt::format("Transfer-Encoding: {}", value)}, body)});
  }
  out.add({.name = "Transfer-Encoding twice",
           .threat = 18,
           .expect = Expect::refused,
           .bytes = out.request("POST", out.target().open_path,
                                {"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, body)});
  out.add({.name = "Transfer-Encoding twice, one of them unknown",
           .threat = 18,
           .expect = Expect::refused,
           .bytes = out.request("POST", out.target().open_path,
                                {"Transfer-Encoding: cow", "Transfer-Encoding: chunked"}, body)});
  std::string old =
      out.request("POST", out.target().open_path, {"Connection: keep-alive", "Transfer-Encoding: chunked"}, body);
  old.replace(old.find("HTTP/1.1"), 8, "HTTP/1.0");
  out.add({.name = "Transfer-Encoding in HTTP/1.0", .threat = 18, .expect = Expect::refused, .bytes = old});
  // A look-alike frames nothing here, and must not there.
  for (const std::string_view name :
       {"Transfer_Encoding", "Transfer.Encoding", "X-Transfer-Encoding", "Transfer-Encoding-"}) {
    out.add({.name = fmt::format("{}: chunked", name),
             .threat = 18,
             .bytes = out.post(Route::open, {fmt::format("{}: chunked", name)}, "0\r\n\r\nhello"),
             .body = "0\r\n\r\nhello"});
  }
}

// 26: bodies that look like requests, where some servers expect none.
void add_bodies(Vectors& out) {
  const std::string inner = out.smuggled();
  for (const std::string_view method : {"GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "POST", "FOO"}) {
    out.add(
        {.name = fmt::format("{} with a body that is a request", method),
         .threat = 26,
         .bytes = out.request(method, out.target().open_path, {fmt::format("Content-Length: {}", inner.size())}, inner),
         .is_head = method == "HEAD"});
    out.add({.name = fmt::format("{} with a chunked body that is a request", method),
             .threat = 26,
             .bytes = out.request(method, out.target().open_path, {"Transfer-Encoding: chunked"},
                                  fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", inner.size(), inner)),
             .is_head = method == "HEAD"});
    out.add({.name = fmt::format("{} with such a body without a session, protected", method),
             .threat = 26,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.request(method, out.target().required_path, {fmt::format("Content-Length: {}", inner.size())},
                                  inner),
             .is_head = method == "HEAD"});
  }
}

// 27, 28, 30
void add_order(Vectors& out) {
  const auto before = [&](Route route, Caller caller) {
    std::vector<std::string> lines;
    if (caller != Caller::nobody) lines.push_back(out.cookie_line(caller));
    return Before{out.request("GET", out.target().path(route), lines, {}, 'b'), route, caller};
  };
  out.add({.name = "pipelined behind an ordinary one",
           .threat = 27,
           .bytes = out.get(Route::open, {}),
           .before = {before(Route::open, Caller::nobody)}});
  out.add({.name = "protected between public ones",
           .threat = 27,
           .expect = Expect::denied,
           .route = Route::required,
           .bytes = out.get(Route::required, {}),
           .before = {before(Route::open, Caller::nobody)}});
  out.add({.name = "signed in between public ones",
           .threat = 27,
           .route = Route::required,
           .caller = Caller::ada,
           .bytes = out.get(Route::required, {out.cookie_line(Caller::ada)}),
           .before = {before(Route::open, Caller::nobody), before(Route::required, Caller::bob)}});
  out.add({.name = "Expect: 100-continue, the body at once",
           .threat = 28,
           .bytes = out.post(Route::open, {"Expect: 100-continue"}, "hello"),
           .body = "hello"});
  out.add({.name = "Expect: 100-continue, refused",
           .threat = 28,
           .expect = Expect::denied,
           .route = Route::required,
           .bytes = out.post(Route::required, {"Expect: 100-continue"}, out.smuggled())});
  for (const std::string_view value : {"200-ok", "100-continue, 100-continue", "", "100", "100-continue;x=1"}) {
    out.add({.name = fmt::format("Expect: '{}'", value),
             .threat = 28,
             .expect = Expect::refused,
             .bytes = out.post(Route::open, {fmt::format("Expect: {}", value)}, "hello")});
  }
  out.add({.name = "Expect twice",
           .threat = 28,
           .expect = Expect::refused,
           .bytes = out.post(Route::open, {"Expect: 100-continue", "Expect: 100-continue"}, "hello")});
  out.add({.name = "given up in the middle of the body",
           .threat = 30,
           .expect = Expect::denied,
           .bytes = out.request("POST", out.target().open_path, {"Content-Length: 1000"}, "hello"),
           .tail = false,
           .incomplete = true});
  out.add({.name = "given up in the middle of a chunk",
           .threat = 30,
           .expect = Expect::denied,
           .bytes = out.request("POST", out.target().open_path, {"Transfer-Encoding: chunked"}, "ff\r\nhello"),
           .tail = false,
           .incomplete = true});
  out.add({.name = "given up in the middle of the head",
           .threat = 30,
           .expect = Expect::denied,
           .bytes = fmt::format("GET {} HTTP/1.1\r\n{}\r\nX-User-", out.target().open_path, out.host_line()),
           .tail = false,
           .incomplete = true});
}

}  // namespace

void add_framing_vectors(Vectors& out) {
  add_both_lengths(out);
  add_lengths(out);
  add_codings(out);
  add_bodies(out);
  add_order(out);
}

}  // namespace gatehouse::attack
