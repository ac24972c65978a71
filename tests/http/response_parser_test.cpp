#include "http/response_parser.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gatehouse::http;

namespace {

using Progress = ResponseParser::Progress;

Progress parse(ResponseParser& parser, const std::string& input, std::size_t step) {
  for (std::size_t size = step;; size += step) {
    const auto progress = parser.parse_head(input.data(), std::min(size, input.size()));
    if (progress != Progress::need_more || size >= input.size()) return progress;
  }
}

// The same whether the bytes come together or one at a time.
Progress outcome(const std::string& input, bool to_head = false) {
  ResponseParser whole(to_head), slow(to_head);
  const auto progress = parse(whole, input, input.size());
  CHECK(parse(slow, input, 1) == progress);
  return progress;
}

ResponseParser parsed(const std::string& input, bool to_head = false) {
  ResponseParser parser(to_head);
  REQUIRE(parse(parser, input, 3) == Progress::complete);
  return parser;
}

}  // namespace

TEST_CASE("the head of an answer is read") {
  const std::string input = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello";
  const auto parser = parsed(input);
  CHECK(parser.status() == 201);
  CHECK(parser.head_bytes() == 51);
  CHECK(parser.size() == 5);
  CHECK(parser.has_body());
  CHECK(parser.keep_alive());
  CHECK(parser.fields().size() == 2);
  CHECK(find_field(parser.fields(), "x-a") == "b");
}

TEST_CASE("the body of an answer ends as its head says") {
  CHECK(parsed("HTTP/1.1 200 OK\r\n\r\n").body().is_until_close());
  CHECK_FALSE(parsed("HTTP/1.1 200 OK\r\n\r\n").keep_alive());
  CHECK(parsed("HTTP/1.0 200 OK\r\n\r\n").body().is_until_close());
  CHECK_FALSE(parsed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").has_body());
  CHECK(parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").has_body());
  CHECK_FALSE(parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").size());
  for (const char* status : {"204", "304", "100", "103"}) {
    CAPTURE(status);
    CHECK_FALSE(parsed("HTTP/1.1 " + std::string(status) + " X\r\nContent-Length: 5\r\n\r\n").has_body());
  }
}

TEST_CASE("an answer to HEAD has a length and no body") {
  const auto parser = parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
  CHECK_FALSE(parser.has_body());
  CHECK(parser.size() == 5);
  CHECK(parser.keep_alive());
  CHECK_FALSE(parsed("HTTP/1.1 200 OK\r\n\r\n", true).has_body());
  CHECK_FALSE(parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true).has_body());
}

TEST_CASE("the connection is kept as version and Connection say") {
  CHECK_FALSE(parsed("HTTP/1.1 204 X\r\nConnection: close\r\n\r\n").keep_alive());
  CHECK_FALSE(parsed("HTTP/1.0 204 X\r\n\r\n").keep_alive());
  CHECK(parsed("HTTP/1.0 204 X\r\nConnection: keep-alive\r\n\r\n").keep_alive());
}

TEST_CASE("a head that is not complete needs more") {
  CHECK(outcome("") == Progress::need_more);
  CHECK(outcome("HTTP/1.1 200 OK\r\nA: b\r\n") == Progress::need_more);
}

TEST_CASE("nonsense is told") {
  for (const std::string_view answer :
       {"",
        "SSH-2.0\r\n",
        "HTTP/2.0 200 OK\r\n",
        "HTTP/1.2 200 OK\r\n",
        "http/1.1 200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 099 X\r\n",
        "HTTP/1.1 600 X\r\n",
        "HTTP/1.1 200\r\n",
        "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n",
        "HTTP/1.1 200 OK\r\n A: b\r\n",
        "HTTP/1.1 200 OK\nA: b\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n",
        "HTTP/1.1 200 OK\r\nA: \x01\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n"}) {
    CAPTURE(answer);
    CHECK(outcome(std::string(answer) + "\r\n") == Progress::nonsense);
  }
  CHECK(outcome(std::string("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 25)) == Progress::nonsense);
  CHECK(outcome("HTTP/1.1 200 O\0K\r\n\r\n") == Progress::need_more);
}

TEST_CASE("other protocols are told at once") {
  CHECK(outcome("SSH") == Progress::nonsense);
  CHECK(outcome("HTTQ") == Progress::nonsense);
  CHECK(outcome("<html>") == Progress::nonsense);
}

TEST_CASE("lines that end with LF alone are told at once: their head would never end") {
  CHECK(outcome("HTTP/1.1 200 OK\n") == Progress::nonsense);
  CHECK(outcome("HTTP/1.1 200 OK\nContent-Length: 2\n\nok") == Progress::nonsense);
  CHECK(outcome("HTTP/1.1 200 OK\r\nContent-Length: 2\n") == Progress::nonsense);
  CHECK(outcome("HTTP/1.1 200 OK\r\nA: b\r\n ") == Progress::nonsense);
  ResponseParser parser(false);
  const std::string_view text = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\n";
  for (std::size_t size = 1; size < text.size(); ++size)
    CHECK(parser.parse_head(text.data(), size) == Progress::need_more);
  CHECK(parser.parse_head(text.data(), text.size()) == Progress::nonsense);
}

TEST_CASE("more fields than the limit are nonsense") {
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (std::size_t i = 0; i < ResponseParser::kFieldsMax; ++i) head += "A: b\r\n";
  CHECK(outcome(head + "\r\n") == Progress::complete);
  CHECK(outcome(head + "A: b\r\n\r\n") == Progress::nonsense);
}
