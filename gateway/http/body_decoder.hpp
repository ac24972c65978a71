// Takes the framing off the body of an HTTP/1.1 message (RFC 9112 sections 6 and 7), for requests and answers alike, as
// the bytes come and whatever their pieces are. No I/O, no buffer: what is incomplete is remembered as a state.
//
// Chunked is read strictly: sizes are hexadecimal digits and nothing else, lines end in CRLF, extensions and trailers
// are checked for what could be read differently, counted, and dropped.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::http {

inline constexpr std::size_t kChunkExtensionBytesMax = 4 * 1024;  // of one body, in total
inline constexpr std::size_t kTrailerBytesMax = 8 * 1024;

class BodyDecoder {
 public:
  static BodyDecoder none() { return BodyDecoder(State::ended, 0); }
  static BodyDecoder of_size(std::uint64_t bytes) { return BodyDecoder(bytes ? State::counted : State::ended, bytes); }
  static BodyDecoder chunked() { return BodyDecoder(State::size_first, 0); }
  static BodyDecoder until_close() { return BodyDecoder(State::until_close, 0); }

  struct Step {
    enum class Kind : std::uint8_t { data, end, need_more, malformed };
    Kind kind;
    std::size_t used;        // bytes of the input that are done with; all of them if more are needed
    std::string_view bytes;  // data: a view into the input
  };
  // The next step, from the bytes that follow what was used before. After `end` and `malformed` it repeats itself. A
  // body until close never says `end`.
  Step decode(std::string_view input);

  bool ended() const { return state_ == State::ended; }
  bool is_until_close() const { return state_ == State::until_close; }
  // What is still to come of a body whose length was told; absent for the others.
  std::optional<std::uint64_t> left() const;
  // What is still to come of the chunk whose size was the last to be read; 0 between chunks and for other bodies.
  std::uint64_t announced() const { return state_ == State::data ? left_ : 0; }

 private:
  enum class State : std::uint8_t {
    counted,
    until_close,
    size_first,
    size,
    extension,  // behind its ';'
    extension_name,
    extension_equals,
    extension_value,
    extension_token,
    extension_quoted,
    extension_escaped,
    extension_closed,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_line,
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    ended,
    malformed,
  };

  BodyDecoder(State state, std::uint64_t left) : state_(state), left_(left) {}
  State after(char c);
  State after_size_digit(int digit);
  State after_in_extension(char c) const;

  State state_;
  std::uint8_t digits_ = 0;
  std::uint16_t extension_bytes_ = 0;
  std::uint16_t trailer_bytes_ = 0;
  std::uint64_t left_;  // of the body, or of the chunk
};

}  // namespace gatehouse::http
