// Tokens of clients (JWT, JWE) and keys of others (JWK): only what was made with the secret opens, to what was put in,
// and not once a byte has changed. The first byte says what the rest is.
#include <array>
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/token_claims.hpp"
#include "base/check.hpp"
#include "base/encoding.hpp"
#include "crypto/hmac.hpp"
#include "crypto/jose_header.hpp"
#include "crypto/jwe.hpp"
#include "crypto/jwk.hpp"
#include "crypto/jwt.hpp"

using namespace gatehouse;
using namespace gatehouse::crypto;

namespace {

constexpr std::string_view kSecret = "a secret of at least 32 bytes, yes!";

std::string sign(const std::string& signed_part) {
  const auto digest = HmacSha256(kSecret).sign(signed_part);
  return signed_part + "." + base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// Another character at a place that the text itself chooses.
std::string damage(std::string token, std::string_view text) {
  std::size_t at = text.size();
  for (const char c : text) at = at * 31 + static_cast<unsigned char>(c);
  char& changed = token[at % token.size()];
  changed = changed == 'A' ? 'B' : 'A';
  return token;
}

void check_claims(std::string_view text) {
  const auto claims = auth::TokenClaims::parse(text);
  if (!claims) return;
  static_cast<void>(claims->text("email"));
  const auto end = claims->expires_at();
  GATEHOUSE_CHECK(!end ||
                  (end->time_since_epoch().count() >= 0 && end->time_since_epoch() < std::chrono::days(2'932'897)));
}

void check_jwt(const std::string& text) {
  GATEHOUSE_CHECK(!open_jwt(kSecret, text));
  const std::string token = sign_jwt(kSecret, text);
  GATEHOUSE_CHECK(open_jwt(kSecret, token) == text);
  GATEHOUSE_CHECK(!open_jwt(kSecret, damage(token, text)));
  check_claims(text);
}

// A header that is signed, whatever it is.
void check_header(const std::string& text) {
  const auto opened = open_jwt(kSecret, sign(base64url_encode(text) + "." + base64url_encode("{}")));
  if (!opened) return;
  boost::system::error_code error;
  const auto header = boost::json::parse(text, error);
  GATEHOUSE_CHECK(!error && header.is_object() && header.get_object().at("alg") == "HS256");
  GATEHOUSE_CHECK(!header.get_object().contains("crit"));
}

void check_jwe(const std::string& text) {
  static const std::array keys{derive_jwe_key(kSecret, "one"), derive_jwe_key(kSecret, "two")};
  GATEHOUSE_CHECK(!open_jwe(keys, text));
  const std::string token = seal_jwe(keys[1], text);
  GATEHOUSE_CHECK(open_jwe(keys, token) == text);
  GATEHOUSE_CHECK(!open_jwe(std::span(keys).first(1), token));
  GATEHOUSE_CHECK(!open_jwe(keys, damage(token, text)));
}

// Members of a key and a signature, a line each. No input was signed by anybody.
void check_key(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (auto& part : parts) {
    const auto end = text.find('\n');
    part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  const auto algorithm = parse_signature_algorithm(parts[0]).value_or(SignatureAlgorithm::rs256);
  const auto first = base64url_decode(parts[1]), second = base64url_decode(parts[2]),
             signature = base64url_decode(parts[3]);
  if (!first || !second || !signature) return;
  for (const auto& key : {PublicKey::rsa(*first, *second), PublicKey::elliptic("P-256", *first, *second),
                          PublicKey::elliptic("P-384", *first, *second), PublicKey::elliptic("P-521", *first, *second),
                          PublicKey::ed25519(*first)}) {
    if (key) static_cast<void>(key->verify(algorithm, "message", *signature));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 8 * 1024) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check_jwt(text);
      break;
    case 1:
      check_header(text);
      break;
    case 2:
      check_jwe(text);
      break;
    default:
      check_key(text);
  }
  return 0;
}
