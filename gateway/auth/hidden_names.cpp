#include "auth/hidden_names.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth {

HiddenNames::HiddenNames(std::string_view secret, std::string_view purpose)
    : hash_(crypto::hkdf_sha256(secret, "", purpose, 32)) {}

HiddenNames::Name HiddenNames::make(std::string_view text) {
  const auto digest = hash_.sign(text);
  Name name;
  std::copy_n(digest.begin(), name.size(), name.begin());
  return name;
}

std::string HiddenNames::make_text(std::string_view text) {
  const Name name = make(text);
  return base64url_encode({reinterpret_cast<const char*>(name.data()), name.size()});
}

}  // namespace gatehouse::auth
