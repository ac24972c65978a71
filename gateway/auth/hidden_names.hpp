// Names for things in a store that others read too, which tell nobody what they stand for: no token, address or e-mail
// can be found out from one, not by trying all there are either. The same on every gateway that has the same secret.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include "crypto/hmac.hpp"

namespace gatehouse::auth {

// Not thread-safe: one for each thread.
class HiddenNames {
 public:
  // `purpose` keeps the names of one use apart from those of another.
  HiddenNames(std::string_view secret, std::string_view purpose);

  // 128 bits: enough that no two names ever meet.
  using Name = std::array<unsigned char, 16>;
  Name make(std::string_view text);
  // 22 characters of base64url.
  std::string make_text(std::string_view text);

 private:
  crypto::HmacSha256 hash_;
};

}  // namespace gatehouse::auth
