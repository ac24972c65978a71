#include "pipeline/request_id.hpp"

#include <bit>
#include <span>

namespace gatehouse::pipeline {

namespace {

void write_hex(std::uint64_t value, char* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) out[i] = kHex[value >> (60 - 4 * i) & 15];
}

}  // namespace

RequestIds::RequestIds(Random& random) {
  random.fill(std::as_writable_bytes(std::span(state_)));
}

// Blackman and Vigna, "Scrambled linear pseudorandom number generators": xoshiro256++.
std::uint64_t RequestIds::next() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

RequestId RequestIds::make() {
  RequestId id;
  write_hex(next() | 1, id.text.data());  // never all zero, which Trace Context forbids
  write_hex(next(), id.text.data() + 16);
  return id;
}

std::array<char, 16> RequestIds::make_span() {
  std::array<char, 16> span;
  write_hex(next() | 1, span.data());
  return span;
}

}  // namespace gatehouse::pipeline
