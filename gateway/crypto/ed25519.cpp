#include "crypto/ed25519.hpp"

#include <sodium.h>

#include "base/check.hpp"

namespace gatehouse::crypto {

namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Ed25519Key::Ed25519Key(std::string_view seed) {
  GATEHOUSE_CHECK(sodium_init() >= 0);
  GATEHOUSE_CHECK(seed.size() == crypto_sign_SEEDBYTES);
  GATEHOUSE_CHECK(crypto_sign_seed_keypair(public_.data(), secret_.data(), bytes_of(seed)) == 0);
}

Ed25519Key::~Ed25519Key() {
  sodium_memzero(secret_.data(), secret_.size());
}

std::string Ed25519Key::sign(std::string_view message) const {
  std::string signature(crypto_sign_BYTES, '\0');
  GATEHOUSE_CHECK(crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr, bytes_of(message),
                                       message.size(), secret_.data()) == 0);
  return signature;
}

std::string Ed25519Key::public_key() const {
  return {reinterpret_cast<const char*>(public_.data()), public_.size()};
}

bool verify_ed25519(std::string_view public_key, std::string_view message, std::string_view signature) {
  GATEHOUSE_CHECK(sodium_init() >= 0);
  return public_key.size() == crypto_sign_PUBLICKEYBYTES && signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.size(), bytes_of(public_key)) == 0;
}

}  // namespace gatehouse::crypto
