#include "http/body_decoder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace gatehouse::http;
using Kind = BodyDecoder::Step::Kind;

namespace {

struct Outcome {
  Kind kind;
  std::string body;
  std::size_t used = 0;
  bool operator==(const Outcome&) const = default;
};

// Gives the input in pieces of at most `piece` bytes, until the body ends, is refused, or nothing is left.
Outcome decode(BodyDecoder decoder, std::string_view input, std::size_t piece) {
  Outcome outcome{Kind::need_more, {}};
  std::string_view rest = input;
  for (;;) {
    const auto step = decoder.decode(rest.substr(0, piece));
    outcome.used += step.used;
    rest.remove_prefix(step.used);
    outcome.body.append(step.bytes);
    outcome.kind = step.kind;
    if (step.kind == Kind::end || step.kind == Kind::malformed) return outcome;
    if (rest.empty()) return outcome;
  }
}

// The same whatever the pieces are.
Outcome decode(BodyDecoder decoder, std::string_view input) {
  const Outcome whole = decode(decoder, input, input.size());
  for (const std::size_t piece : {1, 2, 3, 5, 7}) {
    CAPTURE(piece);
    const Outcome slow = decode(decoder, input, piece);
    CHECK(slow.body == whole.body);
    CHECK(slow.used == whole.used);
    CHECK((slow.kind == Kind::malformed) == (whole.kind == Kind::malformed));
    CHECK((slow.kind == Kind::end) == (whole.kind == Kind::end));
  }
  return whole;
}

}  // namespace

TEST_CASE("a chunked body is decoded and what follows it is left alone") {
  const auto outcome = decode(BodyDecoder::chunked(), "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /next");
  CHECK(outcome.kind == Kind::end);
  CHECK(outcome.body == "hello world");
  CHECK(outcome.used == 26);
}

TEST_CASE("a last chunk that comes byte by byte ends the body") {
  const auto outcome = decode(BodyDecoder::chunked(), "0\r\n\r\n");
  CHECK(outcome.kind == Kind::end);
  CHECK(outcome.used == 5);
}

TEST_CASE("chunk sizes in either case and with leading zeros are taken") {
  CHECK(decode(BodyDecoder::chunked(), "00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n").body ==
        "01234567890123456789");
}

TEST_CASE("chunk extensions and trailers are dropped") {
  const auto outcome = decode(BodyDecoder::chunked(),
                              "3;name=value;q=\"quoted ; \\\" text\"\r\nabc\r\n0;last\r\n"
                              "Content-Length: 100\r\nTransfer-Encoding: chunked\r\nX-User-ID: root\r\n\r\n");
  CHECK(outcome.kind == Kind::end);
  CHECK(outcome.body == "abc");
}

TEST_CASE("a chunk size that could be read in two ways is refused") {
  for (const std::string_view size :
       {"0x5", "+5", "-5", "5_0", " 5", "5 ", "5\t", "", "g", "5 ;ext", "5,", "5.", "\"5\"", "10000000000000005",
        "00000000000000005", "ffffffffffffffff", "8000000000000000", "5\v", "5\xA0"}) {
    CAPTURE(size);
    const auto outcome = decode(BodyDecoder::chunked(), std::string(size) + "\r\nhello\r\n0\r\n\r\n");
    CHECK(outcome.kind == Kind::malformed);
    CHECK(outcome.body == "");
  }
}

TEST_CASE("lines of the chunked coding that do not end in CRLF are refused") {
  for (const std::string_view body :
       {"5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "0\n\n", "0\r\n\n", "0\r\nA: b\n\r\n", "0\r\nA: b\r\n\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    CAPTURE(body);
    CHECK(decode(BodyDecoder::chunked(), body).kind == Kind::malformed);
  }
}

TEST_CASE("control bytes in a chunk extension are refused, a tab is not") {
  for (const char byte : {'\0', '\x01', '\n', '\x0B', '\x1F', '\x7F'}) {
    CAPTURE(static_cast<int>(byte));
    CHECK(decode(BodyDecoder::chunked(), std::string("3;a=\"") + byte + "\"\r\nabc\r\n0\r\n\r\n").kind ==
          Kind::malformed);
  }
  CHECK(decode(BodyDecoder::chunked(), "3;a=\"\rb\"\r\nabc\r\n0\r\n\r\n").kind == Kind::malformed);
  CHECK(decode(BodyDecoder::chunked(), "3;a=\"\t\"\r\nabc\r\n0\r\n\r\n").kind == Kind::end);
}

TEST_CASE("a chunk extension that another parser would not end at the same place is refused") {
  for (const std::string_view extension : {";", "; ", ";=", ";a=", ";a=\"", ";a=\"b\\\"", ";a=\"b\"c", ";a=b\"c\"",
                                           ";a b", ";;a", ";a=b=c", ";(a)", ";a \r"}) {
    CAPTURE(extension);
    CHECK(decode(BodyDecoder::chunked(), "3" + std::string(extension) + "\r\nabc\r\n0\r\n\r\n").kind ==
          Kind::malformed);
  }
  CHECK(decode(BodyDecoder::chunked(), "3; a = \"b\";c;d=e\r\nabc\r\n0\r\n\r\n").kind == Kind::end);
}

TEST_CASE("chunk extensions of more than 4 KiB in one body are refused") {
  std::string body;
  for (int i = 0; i < 4; ++i) body += "1;" + std::string(1023, 'x') + "\r\na\r\n";
  CHECK(decode(BodyDecoder::chunked(), body + "0\r\n\r\n").kind == Kind::end);
  CHECK(decode(BodyDecoder::chunked(), body + "1;x\r\na\r\n0\r\n\r\n").kind == Kind::malformed);
}

TEST_CASE("malformed and endless trailers are refused") {
  for (const std::string_view trailer : {"no colon\r\n", ": empty name\r\n", "Name : value\r\n", " folded\r\n",
                                         "A: b\r\n folded\r\n", "A: \x01\r\n", "\xC3\xA9: x\r\n"}) {
    CAPTURE(trailer);
    CHECK(decode(BodyDecoder::chunked(), "0\r\n" + std::string(trailer) + "\r\n").kind == Kind::malformed);
  }
  CHECK(decode(BodyDecoder::chunked(), std::string("0\r\nA: \0\r\n\r\n", 11)).kind == Kind::malformed);
  CHECK(decode(BodyDecoder::chunked(), "0\r\nA: " + std::string(8 * 1024, 'x')).kind == Kind::malformed);
}

TEST_CASE("a body of a told size ends there") {
  const auto outcome = decode(BodyDecoder::of_size(5), "hello world");
  CHECK(outcome.kind == Kind::end);
  CHECK(outcome.body == "hello");
  CHECK(outcome.used == 5);
  CHECK(decode(BodyDecoder::of_size(0), "hello").kind == Kind::end);
  CHECK(decode(BodyDecoder::of_size(6), "hello").kind == Kind::data);
}

TEST_CASE("left tells what is still to come of a told size") {
  auto decoder = BodyDecoder::of_size(5);
  CHECK(decoder.left() == 5);
  decoder.decode("he");
  CHECK(decoder.left() == 3);
  decoder.decode("llo");
  CHECK(decoder.left() == 0);
  CHECK_FALSE(BodyDecoder::chunked().left());
  CHECK(BodyDecoder::none().left() == 0);
}

TEST_CASE("a body until close takes everything and does not end by itself") {
  const auto outcome = decode(BodyDecoder::until_close(), "0\r\n\r\nmore");
  CHECK(outcome.kind == Kind::data);
  CHECK(outcome.body == "0\r\n\r\nmore");
}

TEST_CASE("an ended or refused body stays so") {
  auto ended = BodyDecoder::chunked();
  ended.decode("0\r\n\r\n");
  CHECK(ended.decode("5\r\nhello").kind == Kind::end);
  auto refused = BodyDecoder::chunked();
  CHECK(refused.decode("x").kind == Kind::malformed);
  CHECK(refused.decode("0\r\n\r\n").kind == Kind::malformed);
}
