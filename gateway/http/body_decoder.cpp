#include "http/body_decoder.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "http/header_field.hpp"

namespace gatehouse::http {

namespace {

constexpr std::uint8_t kSizeDigitsMax = 15;  // no size is near the end of 64 bits, where others overflow

constexpr bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

}  // namespace

std::optional<std::uint64_t> BodyDecoder::left() const {
  if (state_ == State::counted) return left_;
  if (state_ == State::ended) return 0;
  return std::nullopt;
}

BodyDecoder::Step BodyDecoder::decode(std::string_view input) {
  using Kind = Step::Kind;
  if (state_ == State::until_close) {
    return {input.empty() ? Kind::need_more : Kind::data, input.size(), input};
  }
  std::size_t used = 0;
  while (state_ != State::ended && state_ != State::malformed) {
    if (used == input.size()) return {Kind::need_more, used, {}};
    if (state_ == State::counted || state_ == State::data) {
      const auto bytes = input.substr(used, std::min<std::uint64_t>(left_, input.size() - used));
      left_ -= bytes.size();
      if (left_ == 0) state_ = state_ == State::data ? State::data_cr : State::ended;
      return {Kind::data, used + bytes.size(), bytes};
    }
    state_ = after(input[used++]);
  }
  return {state_ == State::ended ? Kind::end : Kind::malformed, used, {}};
}

BodyDecoder::State BodyDecoder::after(char c) {
  if (state_ >= State::trailer_line && ++trailer_bytes_ > kTrailerBytesMax) return State::malformed;
  switch (state_) {
    case State::size_first:
      digits_ = 0;
      left_ = 0;
      return after_size_digit(hex_digit(c));
    case State::size:
      if (c == '\r') return State::size_lf;
      if (c == ';') return State::extension;
      return after_size_digit(hex_digit(c));
    case State::extension:
    case State::extension_name:
    case State::extension_equals:
    case State::extension_value:
    case State::extension_token:
    case State::extension_quoted:
    case State::extension_escaped:
    case State::extension_closed:
      if (++extension_bytes_ > kChunkExtensionBytesMax) return State::malformed;
      return after_in_extension(c);
    case State::size_lf:
      if (c != '\n') return State::malformed;
      return left_ > 0 ? State::data : State::trailer_line;
    case State::data_cr:
      return c == '\r' ? State::data_lf : State::malformed;
    case State::data_lf:
      return c == '\n' ? State::size_first : State::malformed;
    case State::trailer_line:
      if (c == '\r') return State::last_lf;
      return is_token_char(c) ? State::trailer_name : State::malformed;
    case State::trailer_name:
      if (c == ':') return State::trailer_value;
      return is_token_char(c) ? State::trailer_name : State::malformed;
    case State::trailer_value:
      if (c == '\r') return State::trailer_lf;
      return is_control(c) ? State::malformed : State::trailer_value;
    case State::trailer_lf:
      return c == '\n' ? State::trailer_line : State::malformed;
    case State::last_lf:
      return c == '\n' ? State::ended : State::malformed;
    default:
      return State::malformed;
  }
}

BodyDecoder::State BodyDecoder::after_size_digit(int digit) {
  if (digit < 0 || ++digits_ > kSizeDigitsMax) return State::malformed;
  left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
  return State::size;
}

// RFC 9112 section 7.1.1. Its grammar is held although extensions are dropped: a parser that takes a quoted string
// seriously would look for its end behind the line's.
BodyDecoder::State BodyDecoder::after_in_extension(char c) const {
  const bool blank = c == ' ' || c == '\t';
  switch (state_) {
    case State::extension:
      if (blank) return state_;
      return is_token_char(c) ? State::extension_name : State::malformed;
    case State::extension_name:
      if (is_token_char(c)) return state_;
      if (blank) return State::extension_equals;
      if (c == '=') return State::extension_value;
      break;
    case State::extension_equals:
      if (blank) return state_;
      return c == '=' ? State::extension_value : State::malformed;
    case State::extension_value:
      if (blank) return state_;
      if (c == '"') return State::extension_quoted;
      return is_token_char(c) ? State::extension_token : State::malformed;
    case State::extension_token:
      if (is_token_char(c)) return state_;
      break;
    case State::extension_quoted:
      if (c == '"') return State::extension_closed;
      if (c == '\\') return State::extension_escaped;
      return is_control(c) ? State::malformed : state_;
    case State::extension_escaped:
      return is_control(c) ? State::malformed : State::extension_quoted;
    default:
      break;
  }
  if (c == ';') return State::extension;
  return c == '\r' ? State::size_lf : State::malformed;
}

}  // namespace gatehouse::http
