// UTF-8 as the Unicode standard defines it (no surrogates, no overlong forms, at most U+10FFFF).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse {

// The length (1–4) of the valid sequence at the front, or 0 if there is none. `text` is not empty.
std::size_t utf8_sequence_length(std::string_view text);

bool is_utf8(std::string_view text);

// With U+FFFD for each maximal invalid piece, as WHATWG's decoder (and so Node) does it.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace gatehouse
