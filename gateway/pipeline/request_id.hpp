// The name of one exchange in logs, answers and at upstreams: 32 hexadecimal characters. Not a secret, only unlikely to
// come twice; usable as a trace id (W3C Trace Context).
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/random.hpp"

namespace gatehouse::pipeline {

struct RequestId {
  std::array<char, 32> text;
  std::string_view view() const { return {text.data(), text.size()}; }
};

// One for each thread: xoshiro256++, seeded by the system.
class RequestIds {
 public:
  explicit RequestIds(Random& random);
  RequestId make();
  // 16 hexadecimal characters for traceparent's parent id.
  std::array<char, 16> make_span();

 private:
  std::uint64_t next();
  std::array<std::uint64_t, 4> state_;
};

}  // namespace gatehouse::pipeline
