#include "http/request_parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace gatehouse::http;

namespace {

using Progress = RequestParser::Progress;

// What came of a head, written so that two outcomes can be compared.
struct Outcome {
  Progress progress = Progress::need_more;
  int status = 0;
  std::string code;
  std::string method, host, path, query;
  std::vector<std::string> fields;
  std::optional<std::uint64_t> body_size;
  bool has_body = false, keep_alive = false, expects_continue = false;
  int version = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(std::string input, std::size_t first_piece, std::size_t step) {
  RequestParser parser;
  Outcome outcome;
  for (std::size_t size = first_piece; outcome.progress == Progress::need_more; size += step) {
    outcome.progress = parser.parse_head(input.data(), std::min(size, input.size()));
    if (size >= input.size()) break;
  }
  if (outcome.progress == Progress::refused) {
    outcome.status = parser.refusal().status;
    outcome.code = parser.refusal().code;
  }
  if (outcome.progress != Progress::complete) return outcome;
  const auto& head = parser.head();
  outcome.method = head.method;
  outcome.host = head.host;
  outcome.path = head.path;
  outcome.query = head.has_query ? "?" + std::string(head.query) : "";
  for (const auto& field : head.fields) {
    outcome.fields.push_back(std::string(field.name) + "=" + std::string(field.value));
  }
  outcome.body_size = parser.body_size();
  outcome.has_body = parser.has_body();
  outcome.keep_alive = parser.keep_alive();
  outcome.expects_continue = parser.expects_continue();
  outcome.version = head.version;
  return outcome;
}

// The same whether the bytes come together, one at a time, or in two pieces.
Outcome parse(const std::string& input) {
  const Outcome whole = parse(input, input.size(), 1);
  REQUIRE(parse(input, 1, 1) == whole);
  if (input.size() < 400) {
    for (std::size_t split = 1; split < input.size(); ++split) REQUIRE(parse(input, split, input.size()) == whole);
  }
  return whole;
}

std::string with(std::string_view lines) {
  return "POST /a HTTP/1.1\r\nHost: app.example\r\n" + std::string(lines) + "\r\n";
}

int status_of(const std::string& input) {
  const Outcome outcome = parse(input);
  CHECK(outcome.progress == Progress::refused);
  return outcome.status;
}

}  // namespace

TEST_CASE("a head is read") {
  const Outcome outcome = parse(
      "PATCH /orders/7?full=1&x=%2F HTTP/1.1\r\nHost: App.Example:8443\r\nX-One:  a b \t\r\nx_two:\r\nCookie: c=d\r\n"
      "Content-Length: 12\r\n\r\n");
  CHECK(outcome.progress == Progress::complete);
  CHECK(outcome.method == "PATCH");
  CHECK(outcome.host == "app.example");
  CHECK(outcome.path == "/orders/7");
  CHECK(outcome.query == "?full=1&x=%2F");
  CHECK(outcome.fields ==
        std::vector<std::string>{"Host=app.example:8443", "X-One=a b", "x_two=", "Cookie=c=d", "Content-Length=12"});
  CHECK(outcome.body_size == 12);
  CHECK(outcome.has_body);
  CHECK(outcome.keep_alive);
  CHECK(outcome.version == 11);
}

TEST_CASE("bytes behind the head belong to what comes next") {
  std::string input = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next";
  RequestParser parser;
  CHECK(parser.parse_head(input.data(), input.size()) == Progress::complete);
  CHECK(parser.head_bytes() == 27);
  CHECK_FALSE(parser.has_body());
  CHECK(parser.body_size() == 0);
}

TEST_CASE("the buffer may move between two calls") {
  std::string first = "GET /moved HTTP/1.1\r\nHost: a\r\n";
  RequestParser parser;
  CHECK(parser.parse_head(first.data(), first.size()) == Progress::need_more);
  std::string second = first + "\r\n";
  first.assign(first.size(), 'x');
  CHECK(parser.parse_head(second.data(), second.size()) == Progress::complete);
  CHECK(parser.head().path == "/moved");
}

TEST_CASE("the connection is kept as the versions say") {
  CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  CHECK_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\nHost: a\r\n\r\n").keep_alive);
  CHECK(parse("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST_CASE("a length and a transfer coding together are refused") {
  CHECK(status_of(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")) == 400);
  CHECK(status_of(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")) == 400);
  CHECK(status_of(with("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n")) == 400);
}

TEST_CASE("a Content-Length that could be read in two ways is refused") {
  for (const std::string_view value :
       {"", "+5", "-5", "0x5", "5 5", "5_0", "5,5", "5, 5", "5,", ",5", "5.0", "5e1", "five", "18446744073709551616",
        "99999999999999999999999", "\"5\"", "5;", "\xD9\xA5"}) {
    CAPTURE(value);
    CHECK(status_of(with("Content-Length: " + std::string(value) + "\r\n")) == 400);
  }
  CHECK(status_of(with("Content-Length: 5\r\nContent-Length: 5\r\n")) == 400);
  CHECK(status_of(with("Content-Length: 5\r\ncontent-length: 6\r\n")) == 400);
  CHECK(parse(with("Content-Length: 18446744073709551615\r\n")).body_size == 18446744073709551615u);
  CHECK(parse(with("Content-Length:  007 \r\n")).body_size == 7);
}

TEST_CASE("a transfer coding other than exactly chunked is refused") {
  for (const std::string_view value : {"gzip", "gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked,",
                                       ",chunked", "chunked;q=1", "\"chunked\"", "chunked identity", ""}) {
    CAPTURE(value);
    const int status = status_of(with("Transfer-Encoding: " + std::string(value) + "\r\n"));
    CHECK((status == 400 || status == 501));
  }
  CHECK(status_of(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")) == 400);
  CHECK(status_of(with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")) == 400);
  CHECK(status_of("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  const Outcome chunked = parse(with("Transfer-Encoding: Chunked\r\n"));
  CHECK(chunked.has_body);
  CHECK_FALSE(chunked.body_size);
}

TEST_CASE("malformed field lines are refused") {
  for (const std::string_view line :
       {"Name : value", "Name\t: value", ": value", "no colon", "Na me: value", "Na\"me: v", "N(a): v",
        "N\xC3\xA4me: v", "Name: va\x01lue", "Name: va\x7Flue", " Folded: value", "\tFolded: value",
        "Name: a\r\n folded", "Name: a\r\n\tfolded", "Name: a\rb", "Name: a\nOther: b", "Name: a\r\r"}) {
    CAPTURE(line);
    CHECK(status_of(with(std::string(line) + "\r\n")) == 400);
  }
  CHECK(status_of("GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\nHost: a\r\n\r\n") == 400);
  CHECK(status_of(with(std::string("Name: a\0b\r\n", 11))) == 400);
  CHECK(status_of(std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28)) == 400);
  // Heads that would never seem complete.
  CHECK(status_of("GET / HTTP/1.1\nHost: a\n\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\n\n") == 400);
}

TEST_CASE("a malformed request line is refused") {
  for (const std::string_view line :
       {"GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET\t/ HTTP/1.1",
        "GET /a b HTTP/1.1", "GET / HTTP /1.1", "GET HTTP/1.1", "GET", "(GET) / HTTP/1.1", "GET / HTTP/1.1x"}) {
    CAPTURE(line);
    const int status = status_of(std::string(line) + "\r\nHost: a\r\n\r\n");
    CHECK((status == 400 || status == 505));
  }
  for (const std::string_view version : {"HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0"}) {
    CAPTURE(version);
    CHECK(status_of("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n") == 505);
  }
  for (const std::string_view version : {"http/1.1", "HTTP/1.10", "HTTP/1.1\r", "HTTP/x.1", "b HTTP/1.1"}) {
    CAPTURE(version);
    CHECK(status_of("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n") == 400);
  }
}

TEST_CASE("methods that are no method here are refused") {
  for (const std::string_view method : {"get", "Get", "G3T", "G_T", "CONNECT", "TRACE"}) {
    CAPTURE(method);
    CHECK(status_of(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
  }
  CHECK(status_of(std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
  CHECK(status_of("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
  CHECK(parse("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n").method == "M-SEARCH");
}

TEST_CASE("another protocol is refused at its first byte") {
  RequestParser parser;
  std::string hello = "\x16\x03\x01";
  CHECK(parser.parse_head(hello.data(), 1) == Progress::refused);
  CHECK(parser.refusal().status == 400);
  CHECK(status_of("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("a target that is too long is refused, complete or not") {
  const std::string longest = "/" + std::string(8 * 1024 - 1, 'a');
  CHECK(parse("GET " + longest + " HTTP/1.1\r\nHost: a\r\n\r\n").path.size() == 8 * 1024);
  CHECK(status_of("GET " + longest + "a HTTP/1.1\r\nHost: a\r\n\r\n") == 414);
  CHECK(status_of("GET /" + std::string(9000, 'a')) == 414);
}

TEST_CASE("more than 100 fields are refused") {
  std::string lines;
  for (int i = 0; i < 99; ++i) lines += "A: b\r\n";
  CHECK(parse(with(lines)).fields.size() == 100);
  CHECK(status_of(with(lines + "A: b\r\n")) == 431);
}

TEST_CASE("100-continue is the only expectation") {
  CHECK(parse(with("Expect: 100-Continue\r\nContent-Length: 1\r\n")).expects_continue);
  CHECK(status_of(with("Expect: 200-ok\r\n")) == 417);
  CHECK(status_of(with("Expect: 100-continue, x\r\n")) == 417);
  CHECK(status_of(with("Expect:\r\n")) == 417);
  CHECK(status_of(with("Expect: 100-continue\r\nExpect: 100-continue\r\n")) == 417);
  CHECK_FALSE(parse("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

TEST_CASE("a Host that is missing, repeated or malformed is refused") {
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.0\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  for (const std::string_view host : {"", "user@a", "a/b", "a b", "a,b", "a:99999", "a:0", "a:", "a:8x", "[::1"}) {
    CAPTURE(host);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") == 400);
  }
}

TEST_CASE("an absolute target gives the host") {
  const Outcome outcome = parse("GET HTTPS://Other.Example:443/a/../b?c HTTP/1.1\r\nHost: app.example\r\n\r\n");
  CHECK(outcome.host == "other.example");
  CHECK(outcome.path == "/b");
  CHECK(outcome.query == "?c");
}

TEST_CASE("targets that are neither a path nor a URL of ours are refused") {
  for (const std::string_view target : {"ftp://a/",
                                        "https://user@a/",
                                        "https://user:pw@a/",
                                        "https:///",
                                        "https://a",
                                        "https://a?b",
                                        "https:/a",
                                        "a",
                                        "*",
                                        "a:443",
                                        "https://a:0/",
                                        "https://[::1/",
                                        "/a#b",
                                        "/a?b#c",
                                        "https://a/b#c",
                                        "/a?\xC3\xA4",
                                        "/\xC3\xA4",
                                        "/a\\b",
                                        "/%2e%2e/a",
                                        "/..",
                                        "/%zz",
                                        "/%2f",
                                        "/%00",
                                        "/%0d%0a",
                                        "/;a",
                                        "/a/..;/b",
                                        "?/a",
                                        "#"}) {
    CAPTURE(target);
    CHECK(status_of("GET " + std::string(target) + " HTTP/1.1\r\nHost: app.example\r\n\r\n") == 400);
  }
}

TEST_CASE("a query has no effect on the path") {
  const Outcome outcome = parse("GET /private?/../public HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(outcome.path == "/private");
  CHECK(outcome.query == "?/../public");
  CHECK(parse("GET /a? HTTP/1.1\r\nHost: a\r\n\r\n").query == "?");
}

TEST_CASE("find_request_line finds method and target, and nothing where there is no request line") {
  const auto text = [](std::string_view bytes) {
    const auto line = find_request_line(bytes);
    return std::string(line.method) + "|" + std::string(line.target);
  };
  CHECK(text("GET /a?b HTTP/1.1\r\nHost: a\r\n") == "GET|/a?b");
  CHECK(text("GET /a\r\n") == "GET|/a");
  CHECK(text("GET /half") == "GET|");
  CHECK(text("GET /" + std::string(300, 'x')) == "GET|/" + std::string(300, 'x'));
  CHECK(text(std::string_view("GET /a\0b HTTP/1.1\r\n", 19)) == "GET|/a");
  for (const std::string_view none : {"", "GET", "\x16\x03\x01 abc", "a:b /c ", "/ HTTP/1.1 x"}) {
    CAPTURE(none);
    CHECK(text(none) == "|");
  }
  CHECK(text(std::string(33, 'G') + " /a HTTP/1.1") == "|");
}
