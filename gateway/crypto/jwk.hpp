// Public keys that others sign with: the parts of a JSON Web Key (RFC 7517, 7518, 8037) in, verified signatures of JSON
// Web Tokens out. Only asymmetric algorithms exist here: a public key can never serve as the secret of an HMAC.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

enum class SignatureAlgorithm : std::uint8_t {
  rs256,
  rs384,
  rs512,  // RSASSA-PKCS1-v1_5
  ps256,
  ps384,
  ps512,  // RSASSA-PSS, salt as long as the hash
  es256,
  es384,
  es512,  // ECDSA on P-256, P-384, P-521
  eddsa,  // Ed25519
};

// "RS256" … "EdDSA"; absent for all else, "none" and "HS256" among it.
std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view name);

// Immutable: any thread. Members of a JWK are given decoded (bytes, not base64url).
class PublicKey {
 public:
  // Absent: no key that is to be trusted. RSA wants 2048 to 8192 bits and an odd exponent of at most 4 bytes.
  static std::optional<PublicKey> rsa(std::string_view modulus, std::string_view exponent);
  // `curve`: P-256, P-384 or P-521; the point must be on it.
  static std::optional<PublicKey> elliptic(std::string_view curve, std::string_view x, std::string_view y);
  static std::optional<PublicKey> ed25519(std::string_view x);

  // False also where the algorithm does not belong to this kind of key.
  bool verify(SignatureAlgorithm algorithm, std::string_view message, std::string_view signature) const;

 private:
  enum class Kind : std::uint8_t { rsa, p256, p384, p521, ed25519 };
  struct Handle;
  PublicKey(Kind kind, std::shared_ptr<const Handle> handle) : kind_(kind), handle_(std::move(handle)) {}

  Kind kind_;
  std::shared_ptr<const Handle> handle_;  // shared: copies of an immutable key
};

}  // namespace gatehouse::crypto
