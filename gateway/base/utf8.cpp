#include "base/utf8.hpp"

namespace gatehouse {

namespace {

struct Sequence {
  std::size_t length;  // of the valid sequence, or of the maximal invalid piece
  bool valid;
};

// Table 3-7 of the Unicode standard, as code: which second bytes may follow a first byte.
Sequence sequence_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, true};
  std::size_t need = 0;
  unsigned char low = 0x80, high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    need = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    need = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    need = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < need; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {need, true};
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view text) {
  const Sequence sequence = sequence_at(text);
  return sequence.valid ? sequence.length : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Sequence sequence = sequence_at(text);
    if (!sequence.valid) return false;
    text.remove_prefix(sequence.length);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Sequence sequence = sequence_at(text);
    if (sequence.valid) {
      out.append(text.substr(0, sequence.length));
    } else {
      out.append("\xEF\xBF\xBD");
    }
    text.remove_prefix(sequence.length);
  }
  return out;
}

}  // namespace gatehouse
