#include "crypto/jwe.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "crypto/digest.hpp"
#include "crypto/jose_header.hpp"
#include "crypto/openssl_object.hpp"

namespace gatehouse::crypto {

namespace {

constexpr std::size_t kKeyBytes = 64;
constexpr std::size_t kHalf = kKeyBytes / 2;
constexpr std::size_t kCbcVectorBytes = 16;
constexpr std::size_t kCbcTagBytes = 32;
constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kGcmVectorBytes = 12;
constexpr std::size_t kGcmTagBytes = 16;

using CipherContext = OpensslObject<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

CipherContext make_context() {
  CipherContext context(EVP_CIPHER_CTX_new());
  GATEHOUSE_CHECK(context != nullptr);
  return context;
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// The parts of a token, decoded but for the header, which is authenticated as it is written.
struct Parts {
  std::string_view header;
  std::string vector;
  std::string ciphertext;
  std::string tag;
};

std::optional<Parts> split(std::string_view token) {
  std::array<std::string_view, 5> pieces;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto end = token.find('.');
    if ((end == std::string_view::npos) != (i + 1 == pieces.size())) return std::nullopt;
    pieces[i] = token.substr(0, end);
    token.remove_prefix(std::min(pieces[i].size() + 1, token.size()));
  }
  // There is no encrypted key where the key is agreed on.
  if (!pieces[1].empty()) return std::nullopt;
  auto vector = base64url_decode(pieces[2]);
  auto ciphertext = base64url_decode(pieces[3]);
  auto tag = base64url_decode(pieces[4]);
  if (!vector || !ciphertext || !tag) return std::nullopt;
  return Parts{pieces[0], std::move(*vector), std::move(*ciphertext), std::move(*tag)};
}

// RFC 7518 section 5.2.2.1, steps 4 to 7.
std::string make_cbc_tag(const JweKey& key, std::string_view header, std::string_view vector,
                         std::string_view ciphertext) {
  std::string message(header);
  message.append(vector).append(ciphertext);
  const std::uint64_t bits = std::uint64_t{header.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<char>(bits >> shift & 255));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  GATEHOUSE_CHECK(HMAC(EVP_sha512(), key.bytes.data(), kHalf, bytes(message), message.size(), digest.data(), &length) !=
                  nullptr);
  return {reinterpret_cast<const char*>(digest.data()), kCbcTagBytes};
}

std::optional<std::string> open_cbc(const JweKey& key, const Parts& parts) {
  if (parts.vector.size() != kCbcVectorBytes || parts.tag.size() != kCbcTagBytes) return std::nullopt;
  // Nothing is deciphered that was not authenticated: the padding says nothing to anybody.
  if (!equal_constant_time(make_cbc_tag(key, parts.header, parts.vector, parts.ciphertext), parts.tag))
    return std::nullopt;
  const auto context = make_context();
  std::string text(parts.ciphertext.size() + kBlockBytes, '\0');
  int length = 0, rest = 0;
  GATEHOUSE_CHECK(EVP_DecryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, bytes(key.bytes) + kHalf,
                                     bytes(parts.vector)) == 1);
  if (EVP_DecryptUpdate(context.get(), bytes(text), &length, bytes(parts.ciphertext),
                        static_cast<int>(parts.ciphertext.size())) != 1)
    return std::nullopt;
  if (EVP_DecryptFinal_ex(context.get(), bytes(text) + length, &rest) != 1) return std::nullopt;
  text.resize(static_cast<std::size_t>(length + rest));
  return text;
}

std::optional<std::string> open_gcm(const JweKey& key, Parts& parts) {
  if (parts.vector.size() != kGcmVectorBytes || parts.tag.size() != kGcmTagBytes) return std::nullopt;
  const auto context = make_context();
  std::string text(parts.ciphertext.size() + kBlockBytes, '\0');
  int length = 0, rest = 0;
  GATEHOUSE_CHECK(
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes(key.bytes), bytes(parts.vector)) == 1);
  const bool taken = EVP_DecryptUpdate(context.get(), nullptr, &length, bytes(parts.header),
                                       static_cast<int>(parts.header.size())) == 1 &&
                     EVP_DecryptUpdate(context.get(), bytes(text), &length, bytes(parts.ciphertext),
                                       static_cast<int>(parts.ciphertext.size())) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kGcmTagBytes, bytes(parts.tag)) == 1;
  if (!taken || EVP_DecryptFinal_ex(context.get(), bytes(text) + length, &rest) != 1) return std::nullopt;
  text.resize(static_cast<std::size_t>(length + rest));
  return text;
}

}  // namespace

JweKey derive_jwe_key(std::string_view secret, std::string_view salt) {
  JweKey key;
  key.bytes = hkdf_sha256(secret, salt, "BetterAuth.js Generated Encryption Key", kKeyBytes);
  const auto digest = sha256(fmt::format(R"({{"k":"{}","kty":"oct"}})", base64url_encode(key.bytes)));
  key.id = base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  return key;
}

std::string seal_jwe(const JweKey& key, std::string_view text) {
  const std::string header =
      base64url_encode(fmt::format(R"({{"alg":"dir","enc":"A256CBC-HS512","kid":"{}"}})", key.id));
  std::string vector(kCbcVectorBytes, '\0');
  SystemRandom().fill(std::as_writable_bytes(std::span(vector)));
  std::string ciphertext(text.size() + kBlockBytes, '\0');
  const auto context = make_context();
  int length = 0, rest = 0;
  GATEHOUSE_CHECK(
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, bytes(key.bytes) + kHalf, bytes(vector)) == 1);
  GATEHOUSE_CHECK(
      EVP_EncryptUpdate(context.get(), bytes(ciphertext), &length, bytes(text), static_cast<int>(text.size())) == 1);
  GATEHOUSE_CHECK(EVP_EncryptFinal_ex(context.get(), bytes(ciphertext) + length, &rest) == 1);
  ciphertext.resize(static_cast<std::size_t>(length + rest));
  return header + ".." + base64url_encode(vector) + "." + base64url_encode(ciphertext) + "." +
         base64url_encode(make_cbc_tag(key, header, vector, ciphertext));
}

std::optional<std::string> open_jwe(std::span<const JweKey> keys, std::string_view token) {
  auto parts = split(token);
  if (!parts) return std::nullopt;
  const auto header = parse_jose_header(parts->header);
  if (!header || header->algorithm != "dir") return std::nullopt;
  const bool gcm = header->encryption == "A256GCM";
  if (!gcm && header->encryption != "A256CBC-HS512") return std::nullopt;
  for (const JweKey& key : keys) {
    if (header->key_id && *header->key_id != key.id) continue;
    auto text = gcm ? open_gcm(key, *parts) : open_cbc(key, *parts);
    if (text) return text;
  }
  return std::nullopt;
}

}  // namespace gatehouse::crypto
