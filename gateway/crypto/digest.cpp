#include "crypto/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/check.hpp"
#include "crypto/openssl_object.hpp"

namespace gatehouse::crypto {

Sha256Digest sha256(std::string_view bytes) {
  Sha256Digest digest;
  unsigned length = 0;
  GATEHOUSE_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  return digest;
}

std::array<unsigned char, 20> sha1(std::string_view bytes) {
  std::array<unsigned char, 20> digest;
  unsigned length = 0;
  GATEHOUSE_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha1(), nullptr) == 1);
  return digest;
}

std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info, std::size_t length) {
  const OpensslObject<EVP_KDF, EVP_KDF_free> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  GATEHOUSE_CHECK(kdf != nullptr);
  const OpensslObject<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(kdf.get()));
  GATEHOUSE_CHECK(context != nullptr);
  char digest[] = "SHA256";
  // OpenSSL's parameters are not const, but are only read here.
  const auto octets = [](const char* name, std::string_view value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()), value.size());
  };
  OSSL_PARAM parameters[5] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                              octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_INFO, info),
                              OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
  // Without a salt RFC 5869 takes zeros, and OpenSSL wants the parameter absent.
  if (!salt.empty()) parameters[3] = octets(OSSL_KDF_PARAM_SALT, salt);
  std::string out(length, '\0');
  GATEHOUSE_CHECK(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), out.size(), parameters) ==
                  1);
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace gatehouse::crypto
