#include "tests/support/jwt_signer.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/check.hpp"
#include "base/encoding.hpp"

namespace gatehouse::tests {

namespace {

std::string number_of(EVP_PKEY* key, const char* name, int bytes) {
  BIGNUM* number = nullptr;
  GATEHOUSE_CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  std::string text(static_cast<std::size_t>(bytes > 0 ? bytes : BN_num_bytes(number)), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(text.size()));
  BN_free(number);
  return base64url_encode(text);
}

// From OpenSSL's DER to r and s side by side.
std::string side_by_side(const std::string& der) {
  const auto* in = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size()));
  GATEHOUSE_CHECK(parts != nullptr);
  std::string text(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(text.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), out + 32, 32);
  ECDSA_SIG_free(parts);
  return text;
}

EVP_PKEY* make_key(const std::string& algorithm) {
  if (algorithm == "ES256") return EVP_EC_gen("P-256");
  if (algorithm == "EdDSA") return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  return EVP_RSA_gen(2048);
}

}  // namespace

JwtSigner::JwtSigner(std::string algorithm, std::string key_id)
    : algorithm_(std::move(algorithm)), key_id_(std::move(key_id)), key_(make_key(algorithm_)) {
  GATEHOUSE_CHECK(key_ != nullptr);
}

JwtSigner::~JwtSigner() {
  EVP_PKEY_free(key_);
}

std::string JwtSigner::jwk() const {
  const std::string rest = R"(,"kid":")" + key_id_ + R"(","alg":")" + algorithm_ + R"(","use":"sig"})";
  if (algorithm_ == "ES256")
    return R"({"kty":"EC","crv":"P-256","x":")" + number_of(key_, OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
           number_of(key_, OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"" + rest;
  if (algorithm_ == "EdDSA") {
    std::string bytes(32, '\0');
    std::size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(key_, reinterpret_cast<unsigned char*>(bytes.data()), &size);
    return R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url_encode(bytes) + "\"" + rest;
  }
  return R"({"kty":"RSA","n":")" + number_of(key_, OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" +
         number_of(key_, OSSL_PKEY_PARAM_RSA_E, 0) + "\"" + rest;
}

std::string JwtSigner::private_key() const {
  BIO* memory = BIO_new(BIO_s_mem());
  GATEHOUSE_CHECK(PEM_write_bio_PKCS8PrivateKey(memory, key_, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

std::string JwtSigner::signature_of(std::string_view message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* key_context = nullptr;
  const EVP_MD* hash = algorithm_ == "EdDSA" ? nullptr : EVP_sha256();
  GATEHOUSE_CHECK(EVP_DigestSignInit(context, &key_context, hash, nullptr, key_) == 1);
  if (algorithm_ == "PS256") {
    EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST);
  }
  std::string signature(1024, '\0');
  std::size_t size = signature.size();
  GATEHOUSE_CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                                 reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return algorithm_ == "ES256" ? side_by_side(signature) : signature;
}

std::string JwtSigner::sign(std::string_view claims) const {
  return sign(R"({"alg":")" + algorithm_ + R"(","kid":")" + key_id_ + "\"}", claims);
}

std::string JwtSigner::sign(std::string_view header, std::string_view claims) const {
  const std::string message = base64url_encode(header) + "." + base64url_encode(claims);
  return message + "." + base64url_encode(signature_of(message));
}

}  // namespace gatehouse::tests
