#include "crypto/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/check.hpp"

namespace gatehouse::crypto {

struct HmacSha256::Context {
  EVP_MAC* mac = nullptr;
  EVP_MAC_CTX* keyed = nullptr;

  ~Context() {
    EVP_MAC_CTX_free(keyed);
    EVP_MAC_free(mac);
  }
};

HmacSha256::HmacSha256(std::string_view key) : context_(std::make_unique<Context>()) {
  context_->mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  GATEHOUSE_CHECK(context_->mac != nullptr);
  context_->keyed = EVP_MAC_CTX_new(context_->mac);
  GATEHOUSE_CHECK(context_->keyed != nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  // An empty key is a key; a null pointer would mean "keep the key".
  const char* bytes = key.empty() ? "" : key.data();
  GATEHOUSE_CHECK(
      EVP_MAC_init(context_->keyed, reinterpret_cast<const unsigned char*>(bytes), key.size(), parameters) == 1);
}

HmacSha256::~HmacSha256() = default;

Sha256Digest HmacSha256::sign(std::string_view message) {
  Sha256Digest digest;
  std::size_t length = 0;
  GATEHOUSE_CHECK(EVP_MAC_init(context_->keyed, nullptr, 0, nullptr) == 1);
  GATEHOUSE_CHECK(
      EVP_MAC_update(context_->keyed, reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1);
  GATEHOUSE_CHECK(EVP_MAC_final(context_->keyed, digest.data(), &length, digest.size()) == 1);
  return digest;
}

}  // namespace gatehouse::crypto
