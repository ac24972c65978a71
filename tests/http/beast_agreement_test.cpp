// The same bytes to our parser and to Boost.Beast's own request parser: where we accept a request, Beast must find the
// same request, with the same body, ending at the same byte.
#include <doctest/doctest.h>

#include <random>

#include "tests/support/beast_reference.hpp"

using namespace gatehouse::tests;

namespace {

constexpr std::string_view kSeeds[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
    "chunked\r\n\r\n5\r\nhello\r\na;x=\"y\"\r\n0123456789\r\n0\r\n\r\nGET",
    "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\nTrailer: T\r\n\r\n0;a\r\nT: v\r\nU: w\r\n\r\nGET",
    "POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabcd",
    "DELETE /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
};
constexpr std::string_view kPieces[] = {"\r\n",
                                        "\n",
                                        "\r",
                                        " ",
                                        "\t",
                                        ":",
                                        ",",
                                        ";",
                                        "0",
                                        "5",
                                        "x",
                                        "chunked",
                                        "Content-Length: 5\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "\0",
                                        "\"",
                                        "Host: b\r\n",
                                        "HTTP/1.0",
                                        "+",
                                        "0x"};

}  // namespace

TEST_CASE("what is accepted is read by Beast in the same way") {
  for (const auto seed : kSeeds) {
    CAPTURE(seed);
    CHECK(compare_with_beast(seed) == "");
    CHECK(read_request(seed).complete);
  }
}

TEST_CASE("mutated requests that are accepted are read by Beast in the same way") {
  std::mt19937 random(20'240'611);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string input(kSeeds[random() % std::size(kSeeds)]);
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const auto at = random() % (input.size() + 1);
      const auto piece = kPieces[random() % std::size(kPieces)];
      switch (random() % 3) {
        case 0:
          input.insert(at, piece.empty() ? std::string_view("\0", 1) : piece);
          break;
        case 1:
          input.erase(at, 1 + random() % 4);
          break;
        default:
          if (at < input.size()) input[at] = static_cast<char>(random() % 256);
      }
    }
    CAPTURE(input);
    const auto difference = compare_with_beast(input);
    if (!difference.empty()) CHECK(difference == "");
    accepted += read_request(input).complete ? 1 : 0;
  }
  CHECK(accepted > 1000);
}
