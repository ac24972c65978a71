#include "crypto/es256.hpp"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <vector>

#include "base/check.hpp"
#include "crypto/openssl_object.hpp"

namespace gatehouse::crypto {

namespace {

constexpr int kPartBytes = 32;

// OpenSSL would ask at the terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

bool is_on_p256(EVP_PKEY* key) {
  std::string name(32, '\0');
  std::size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         std::string_view(name.data(), size) == "prime256v1";
}

}  // namespace

struct Es256Key::Handle {
  explicit Handle(EVP_PKEY* owned) : key(owned) {}
  ~Handle() { EVP_PKEY_free(key); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  EVP_PKEY* const key;
};

std::optional<Es256Key> Es256Key::parse(std::string_view pem) {
  const OpensslObject<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* key = bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr;
  ERR_clear_error();
  if (key == nullptr) return std::nullopt;
  auto handle = std::make_shared<const Handle>(key);
  if (!is_on_p256(key)) return std::nullopt;
  return Es256Key(std::move(handle));
}

std::string Es256Key::sign(std::string_view message) const {
  const OpensslObject<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  GATEHOUSE_CHECK(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, handle_->key) == 1);
  std::size_t size = 0;
  GATEHOUSE_CHECK(EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()) == 1);
  std::vector<unsigned char> der(size);
  GATEHOUSE_CHECK(EVP_DigestSign(context.get(), der.data(), &size, bytes, message.size()) == 1);
  const unsigned char* in = der.data();
  const OpensslObject<ECDSA_SIG, ECDSA_SIG_free> parts(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(size)));
  GATEHOUSE_CHECK(parts);
  std::string signature(2 * kPartBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  GATEHOUSE_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out, kPartBytes) == kPartBytes);
  GATEHOUSE_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out + kPartBytes, kPartBytes) == kPartBytes);
  return signature;
}

}  // namespace gatehouse::crypto
