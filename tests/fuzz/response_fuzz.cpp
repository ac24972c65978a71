// Answers of an upstream: in any pieces they must be the same answer. The first byte says whether it answers a HEAD.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "http/response_parser.hpp"

namespace {

using gatehouse::http::BodyDecoder;
using gatehouse::http::ResponseParser;

struct Reading {
  ResponseParser::Progress progress = ResponseParser::Progress::need_more;
  bool ended = false, malformed = false;
  int status = 0;
  std::size_t used = 0;
  std::string body;
};

Reading read(std::string_view input, bool to_head, std::size_t piece) {
  Reading reading;
  ResponseParser parser(to_head);
  for (std::size_t size = piece; reading.progress == ResponseParser::Progress::need_more; size += piece) {
    reading.progress = parser.parse_head(input.data(), std::min(size, input.size()));
    if (size >= input.size()) break;
  }
  if (reading.progress != ResponseParser::Progress::complete) return reading;
  reading.status = parser.status();
  reading.used = parser.head_bytes();
  GATEHOUSE_CHECK(parser.has_body() == !parser.body().ended());
  for (;;) {
    const auto step = parser.body().decode(input.substr(reading.used, piece));
    reading.used += step.used;
    reading.body.append(step.bytes);
    reading.ended = parser.body().ended();
    reading.malformed = step.kind == BodyDecoder::Step::Kind::malformed;
    if (reading.ended || reading.malformed || reading.used == input.size()) return reading;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 16 * 1024) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading whole = read(input, to_head, input.size());
  const Reading slow = read(input, to_head, 1);
  GATEHOUSE_CHECK(whole.progress == slow.progress);
  GATEHOUSE_CHECK(whole.ended == slow.ended && whole.malformed == slow.malformed);
  GATEHOUSE_CHECK(whole.status == slow.status && whole.used == slow.used && whole.body == slow.body);
  return 0;
}
