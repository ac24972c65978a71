#include "crypto/jwk.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <vector>

#include "crypto/openssl_object.hpp"

namespace gatehouse::crypto {

namespace {

using Number = OpensslObject<BIGNUM, BN_free>;
using Context = OpensslObject<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Builder = OpensslObject<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = OpensslObject<OSSL_PARAM, OSSL_PARAM_free>;
using Digest = OpensslObject<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcdsaSignature = OpensslObject<ECDSA_SIG, ECDSA_SIG_free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_of(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

EVP_PKEY* make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return key;
}

// Whether a point is on its curve, and not a small number of it.
bool is_valid(EVP_PKEY* key) {
  const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  const bool valid = context && EVP_PKEY_public_check(context.get()) == 1;
  ERR_clear_error();
  return valid;
}

const EVP_MD* hash_of(SignatureAlgorithm algorithm) {
  using enum SignatureAlgorithm;
  switch (algorithm) {
    case rs256:
    case ps256:
    case es256:
      return EVP_sha256();
    case rs384:
    case ps384:
    case es384:
      return EVP_sha384();
    case rs512:
    case ps512:
    case es512:
      return EVP_sha512();
    case eddsa:
      break;
  }
  return nullptr;
}

// JWS has r and s side by side (RFC 7518 section 3.4), OpenSSL wants DER.
std::optional<std::vector<unsigned char>> to_der(std::string_view signature, std::size_t part_bytes) {
  if (signature.size() != 2 * part_bytes) return std::nullopt;
  const EcdsaSignature parts(ECDSA_SIG_new());
  Number r = number_of(signature.substr(0, part_bytes)), s = number_of(signature.substr(part_bytes));
  if (!parts || !r || !s || ECDSA_SIG_set0(parts.get(), r.release(), s.release()) != 1) return std::nullopt;
  const int length = i2d_ECDSA_SIG(parts.get(), nullptr);
  if (length <= 0) return std::nullopt;
  std::vector<unsigned char> der(static_cast<std::size_t>(length));
  unsigned char* out = der.data();
  i2d_ECDSA_SIG(parts.get(), &out);
  return der;
}

}  // namespace

struct PublicKey::Handle {
  explicit Handle(EVP_PKEY* owned) : key(owned) {}
  ~Handle() { EVP_PKEY_free(key); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  EVP_PKEY* const key;
};

std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view name) {
  using enum SignatureAlgorithm;
  static constexpr std::array<std::pair<std::string_view, SignatureAlgorithm>, 10> kNames{{{"RS256", rs256},
                                                                                           {"RS384", rs384},
                                                                                           {"RS512", rs512},
                                                                                           {"PS256", ps256},
                                                                                           {"PS384", ps384},
                                                                                           {"PS512", ps512},
                                                                                           {"ES256", es256},
                                                                                           {"ES384", es384},
                                                                                           {"ES512", es512},
                                                                                           {"EdDSA", eddsa}}};
  for (const auto& [known, algorithm] : kNames) {
    if (known == name) return algorithm;
  }
  return std::nullopt;
}

std::optional<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  while (modulus.starts_with('\0')) modulus.remove_prefix(1);
  if (modulus.size() < 256 || modulus.size() > 1024 || (modulus.back() & 1) == 0) return std::nullopt;
  if (exponent.empty() || exponent.size() > 4 || (exponent.back() & 1) == 0) return std::nullopt;
  const Number n = number_of(modulus), e = number_of(exponent);
  if (!n || !e || BN_num_bits(n.get()) < 2048 || BN_is_one(e.get())) return std::nullopt;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return std::nullopt;
  EVP_PKEY* key = make_key("RSA", builder.get());
  if (key == nullptr) return std::nullopt;
  return PublicKey(Kind::rsa, std::make_shared<const Handle>(key));
}

std::optional<PublicKey> PublicKey::elliptic(std::string_view curve, std::string_view x, std::string_view y) {
  struct Curve {
    std::string_view name;
    const char* group;
    std::size_t bytes;
    Kind kind;
  };
  static constexpr std::array<Curve, 3> kCurves{{{"P-256", "prime256v1", 32, Kind::p256},
                                                 {"P-384", "secp384r1", 48, Kind::p384},
                                                 {"P-521", "secp521r1", 66, Kind::p521}}};
  for (const Curve& one : kCurves) {
    if (one.name != curve) continue;
    if (x.size() != one.bytes || y.size() != one.bytes) return std::nullopt;
    const std::string point = "\x04" + std::string(x) + std::string(y);
    const Builder builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, one.group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
      return std::nullopt;
    EVP_PKEY* key = make_key("EC", builder.get());
    if (key == nullptr) return std::nullopt;
    auto handle = std::make_shared<const Handle>(key);
    if (!is_valid(key)) return std::nullopt;
    return PublicKey(one.kind, std::move(handle));
  }
  return std::nullopt;
}

std::optional<PublicKey> PublicKey::ed25519(std::string_view x) {
  EVP_PKEY* key =
      x.size() == 32 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()) : nullptr;
  if (key == nullptr) return std::nullopt;
  return PublicKey(Kind::ed25519, std::make_shared<const Handle>(key));
}

bool PublicKey::verify(SignatureAlgorithm algorithm, std::string_view message, std::string_view signature) const {
  using enum SignatureAlgorithm;
  const bool is_pss = algorithm == ps256 || algorithm == ps384 || algorithm == ps512;
  const bool is_rsa = is_pss || algorithm == rs256 || algorithm == rs384 || algorithm == rs512;
  const Kind wanted = is_rsa               ? Kind::rsa
                      : algorithm == es256 ? Kind::p256
                      : algorithm == es384 ? Kind::p384
                      : algorithm == es512 ? Kind::p521
                                           : Kind::ed25519;
  if (kind_ != wanted) return false;
  std::string_view bytes = signature;
  std::vector<unsigned char> der;
  if (kind_ == Kind::p256 || kind_ == Kind::p384 || kind_ == Kind::p521) {
    auto converted = to_der(signature, kind_ == Kind::p256 ? 32 : kind_ == Kind::p384 ? 48 : 66);
    if (!converted) return false;
    der = std::move(*converted);
    bytes = {reinterpret_cast<const char*>(der.data()), der.size()};
  }
  const Digest context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  bool right =
      context && EVP_DigestVerifyInit(context.get(), &key_context, hash_of(algorithm), nullptr, handle_->key) == 1;
  if (right && is_pss) {
    right = EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  right =
      right && EVP_DigestVerify(context.get(), bytes_of(bytes), bytes.size(), bytes_of(message), message.size()) == 1;
  ERR_clear_error();
  return right;
}

}  // namespace gatehouse::crypto
