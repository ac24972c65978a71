// Unpredictable bytes, for ids, tokens and salts. Injected where a test needs to foresee them.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse {

inline constexpr std::string_view kAlphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

class Random {
 public:
  virtual ~Random() = default;
  // Fills all of it with cryptographically strong bytes; throws Failure(503) if the system has none. Any thread.
  virtual void fill(std::span<std::byte> bytes) = 0;

  // `length` characters, each drawn evenly from `alphabet` (at most 256 characters).
  std::string text(std::size_t length, std::string_view alphabet = kAlphanumeric);
};

// The kernel's generator, through OpenSSL.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override;
};

}  // namespace gatehouse
