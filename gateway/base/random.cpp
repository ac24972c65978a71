#include "base/random.hpp"

#include <openssl/rand.h>

#include <array>

#include "base/check.hpp"
#include "base/failure.hpp"

namespace gatehouse {

std::string Random::text(std::size_t length, std::string_view alphabet) {
  GATEHOUSE_CHECK(!alphabet.empty() && alphabet.size() <= 256);
  // Bytes at or above the largest multiple of the alphabet's size are thrown away: every character is equally likely.
  const std::size_t limit = 256 - 256 % alphabet.size();
  std::string out;
  out.reserve(length);
  std::array<std::byte, 64> bytes;
  while (out.size() < length) {
    fill(bytes);
    for (const std::byte byte : bytes) {
      const auto value = std::to_integer<std::size_t>(byte);
      if (value < limit && out.size() < length) out.push_back(alphabet[value % alphabet.size()]);
    }
  }
  return out;
}

void SystemRandom::fill(std::span<std::byte> bytes) {
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1) {
    throw Failure(503, "random_unavailable", "the system has no random bytes");
  }
}

}  // namespace gatehouse
