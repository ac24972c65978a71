// What a rate limit counts by: an address, a session, a user, the route as a whole, or several of them together.
#pragma once
#include <cstdint>
#include <string>

namespace gatehouse::config {

enum class LimitPart : std::uint8_t { user = 1, session = 2, ip = 4, route = 8 };

// Requests that agree in all parts of a key share a bucket.
class LimitKey {
 public:
  static constexpr std::uint32_t kCount = 16;  // of what bits() may be

  constexpr LimitKey() = default;
  constexpr LimitKey(LimitPart part) : bits_(static_cast<std::uint8_t>(part)) {}  // NOLINT: a part is a key

  constexpr bool has(LimitPart part) const { return (bits_ & static_cast<std::uint8_t>(part)) != 0; }
  constexpr void add(LimitPart part) { bits_ |= static_cast<std::uint8_t>(part); }
  constexpr bool is_compound() const { return (bits_ & (bits_ - 1)) != 0; }
  constexpr std::uint8_t bits() const { return bits_; }

  friend constexpr bool operator==(LimitKey, LimitKey) = default;

 private:
  std::uint8_t bits_ = 0;
};

// "ip", "user+ip": the name of the policy in RateLimit-Policy.
std::string to_string(LimitKey key);

}  // namespace gatehouse::config
