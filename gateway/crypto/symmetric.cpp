#include "crypto/symmetric.hpp"

#include <sodium.h>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::crypto {

namespace {

constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == std::tuple_size_v<Sha256Digest>);

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string encrypt(std::string_view secret, std::string_view text) {
  std::string out(kNonceBytes + text.size() + kTagBytes, '\0');
  SystemRandom().fill(std::as_writable_bytes(std::span(out.data(), kNonceBytes)));
  const Sha256Digest key = sha256(secret);
  unsigned long long length = 0;
  auto* const begin = reinterpret_cast<unsigned char*>(out.data());
  GATEHOUSE_CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(begin + kNonceBytes, &length, bytes(text), text.size(),
                                                             nullptr, 0, nullptr, begin, key.data()) == 0);
  return hex_encode(out);
}

std::optional<std::string> decrypt(std::string_view secret, std::string_view hex) {
  const auto whole = hex_decode(hex);
  if (!whole || whole->size() < kNonceBytes + kTagBytes) return std::nullopt;
  const Sha256Digest key = sha256(secret);
  std::string text(whole->size() - kNonceBytes - kTagBytes, '\0');
  unsigned long long length = 0;
  const auto* const begin = bytes(*whole);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(text.data()), &length, nullptr,
                                                 begin + kNonceBytes, whole->size() - kNonceBytes, nullptr, 0, begin,
                                                 key.data()) != 0)
    return std::nullopt;
  return text;
}

}  // namespace gatehouse::crypto
