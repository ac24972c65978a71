#include "auth/hidden_names.hpp"

#include "base/encoding.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth {

HiddenNames::HiddenNames(std::string_view secret, std::string_view purpose)
    : hash_(crypto::hkdf_sha256(secret, "", purpose, 32)) {}

std::string HiddenNames::make(std::string_view text) {
  constexpr std::size_t kBytes = 16;  // enough that no two names ever meet
  const auto digest = hash_.sign(text);
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), kBytes});
}

}  // namespace gatehouse::auth
