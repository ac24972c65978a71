// HMAC-SHA256 (RFC 2104) with a key that stays: the context is set up once and reused, which costs a tenth of the
// one-shot call. What checks the signature of each request's session cookie.
#pragma once
#include <array>
#include <memory>
#include <string_view>

namespace gatehouse::crypto {

using Sha256Digest = std::array<unsigned char, 32>;

// Not thread-safe: one for each thread. Neither copied nor moved.
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  ~HmacSha256();
  HmacSha256(const HmacSha256&) = delete;
  HmacSha256& operator=(const HmacSha256&) = delete;

  Sha256Digest sign(std::string_view message);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace gatehouse::crypto
