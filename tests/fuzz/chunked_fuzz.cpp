// Bodies: in any pieces they are the same body, and a chunked one is complete exactly where a second, plain reading of
// RFC 9112 section 7.1 says so. The first byte says which framing, the second how the bytes are cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "http/body_decoder.hpp"
#include "http/header_field.hpp"

using namespace gatehouse;
using http::BodyDecoder;

namespace {

struct Reading {
  bool ended = false, malformed = false;
  std::size_t used = 0;
  std::string body;
  bool operator==(const Reading&) const = default;
};

// Sizes of pieces between 1 and `largest`, as wild as the seed makes them.
class Cuts {
 public:
  Cuts(std::size_t largest, std::uint32_t seed) : largest_(std::max<std::size_t>(largest, 1)), state_(seed) {}
  std::size_t next() {
    state_ = state_ * 1'664'525 + 1'013'904'223;
    return 1 + (state_ >> 16) % largest_;
  }

 private:
  std::size_t largest_;
  std::uint32_t state_;
};

Reading read(BodyDecoder decoder, std::string_view input, Cuts cuts) {
  Reading reading;
  reading.ended = decoder.ended();
  while (!reading.ended && !reading.malformed && reading.used < input.size()) {
    auto piece = input.substr(reading.used, cuts.next());
    while (!piece.empty()) {
      const auto step = decoder.decode(piece);
      GATEHOUSE_CHECK(step.used <= piece.size() && step.bytes.size() <= step.used);
      GATEHOUSE_CHECK(step.kind == BodyDecoder::Step::Kind::data || step.bytes.empty());
      GATEHOUSE_CHECK(step.kind != BodyDecoder::Step::Kind::need_more || step.used == piece.size());
      reading.used += step.used;
      reading.body.append(step.bytes);
      piece.remove_prefix(step.used);
      reading.ended = decoder.ended();
      reading.malformed = step.kind == BodyDecoder::Step::Kind::malformed;
      if (reading.ended || reading.malformed) break;
    }
  }
  return reading;
}

bool is_text(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); });
}

std::string_view take_token(std::string_view& rest) {
  const auto end = std::ranges::find_if_not(rest, http::is_token_char);
  const auto token = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(token.size());
  return token;
}

void skip_blanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
}

// What follows a size up to the line's end: *( ";" name [ "=" ( token / quoted-string ) ] ).
bool are_extensions(std::string_view rest) {
  while (!rest.empty()) {
    if (rest.front() != ';') return false;
    rest.remove_prefix(1);
    skip_blanks(rest);
    if (take_token(rest).empty()) return false;
    if (rest.empty() || rest.front() == ';') continue;
    skip_blanks(rest);
    if (!rest.starts_with('=')) return false;
    rest.remove_prefix(1);
    skip_blanks(rest);
    if (!rest.starts_with('"')) {
      if (take_token(rest).empty()) return false;
      continue;
    }
    std::size_t at = 1;
    while (at < rest.size() && rest[at] != '"') at += rest[at] == '\\' ? 2 : 1;
    if (at >= rest.size() || !is_text(rest.substr(0, at))) return false;
    rest.remove_prefix(at + 1);
  }
  return true;
}

// Absent: it is not complete, or will never be.
std::optional<Reading> read_chunked_plainly(std::string_view input) {
  Reading reading;
  reading.ended = true;
  std::size_t extension_bytes = 0;
  for (std::size_t size = 1; size > 0;) {
    const auto line_end = input.find("\r\n", reading.used);
    if (line_end == std::string_view::npos) return std::nullopt;
    auto line = input.substr(reading.used, line_end - reading.used);
    size = 0;
    std::size_t digits = 0;
    for (; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits) {
      if (digits == 15) return std::nullopt;
      size = size * 16 + static_cast<std::size_t>(hex_digit(line[digits]));
    }
    line.remove_prefix(digits);
    extension_bytes += line.size();
    if (digits == 0 || !are_extensions(line) || extension_bytes > http::kChunkExtensionBytesMax) return std::nullopt;
    reading.used = line_end + 2;
    if (size == 0) break;
    if (input.size() - reading.used < size + 2 || input.substr(reading.used + size, 2) != "\r\n") return std::nullopt;
    reading.body.append(input.substr(reading.used, size));
    reading.used += size + 2;
  }
  for (const std::size_t trailer = reading.used;;) {
    const auto line_end = input.find("\r\n", reading.used);
    if (line_end == std::string_view::npos || line_end + 2 - trailer > http::kTrailerBytesMax) return std::nullopt;
    auto line = input.substr(reading.used, line_end - reading.used);
    reading.used = line_end + 2;
    if (line.empty()) return reading;
    if (take_token(line).empty() || !line.starts_with(':') || !is_text(line)) return std::nullopt;
  }
}

std::string to_chunked(std::string_view body, Cuts cuts) {
  constexpr std::string_view kDigits = "0123456789aBcDeF";
  std::string out;
  while (!body.empty()) {
    const auto chunk = body.substr(0, cuts.next());
    body.remove_prefix(chunk.size());
    std::string size;
    for (auto rest = chunk.size(); rest > 0; rest /= 16) size.insert(size.begin(), kDigits[rest % 16]);
    out.append(size).append("\r\n").append(chunk).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 16 * 1024) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Cuts cuts(1 + data[1] % 64, data[1]), bytes(1, 0), whole(std::size_t{1} << 20, 0);
  const bool chunked = data[0] % 4 < 2;
  const auto decoder = chunked            ? BodyDecoder::chunked()
                       : data[0] % 4 == 2 ? BodyDecoder::of_size(data[1])
                                          : BodyDecoder::until_close();
  const Reading at_once = read(decoder, input, whole);
  GATEHOUSE_CHECK(read(decoder, input, bytes) == at_once);
  GATEHOUSE_CHECK(read(decoder, input, cuts) == at_once);
  if (chunked) {
    const auto plain = read_chunked_plainly(input);
    GATEHOUSE_CHECK(plain.has_value() == at_once.ended);
    GATEHOUSE_CHECK(!plain || *plain == at_once);
    const std::string written = to_chunked(input, cuts);
    const auto again = read(decoder, written, cuts);
    GATEHOUSE_CHECK(again.ended && again.body == input && again.used == written.size());
  } else {
    GATEHOUSE_CHECK(!at_once.malformed && input.starts_with(at_once.body));
    if (data[0] % 4 == 2) GATEHOUSE_CHECK(at_once.body.size() == std::min<std::size_t>(data[1], input.size()));
  }
  return 0;
}
