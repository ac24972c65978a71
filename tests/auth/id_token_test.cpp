#include "auth/oauth/id_token.hpp"

#include <doctest/doctest.h>

#include "base/encoding.hpp"
#include "crypto/hmac.hpp"
#include "tests/support/jwt_signer.hpp"

using namespace gatehouse;
using namespace gatehouse::auth::oauth;
using tests::JwtSigner;

namespace {

constexpr WallTime kNow{std::chrono::milliseconds{1'750'000'000'000}};

const std::string kClaims =
    R"({"iss":"https://id.example","sub":"7","aud":"app","iat":1750000000,"exp":1750003600,"nonce":"n"})";

IdTokenRules rules() {
  return {.issuers = {"https://id.example"}, .audiences = {"app"}, .algorithms = {"RS256"}};
}

KeySet keys_of(const std::string& jwks) {
  return KeySet::parse(R"({"keys":[)" + jwks + "]}").value();
}

bool holds(const std::string& claims, const IdTokenRules& with = rules(), std::optional<std::string> nonce = {}) {
  const auto token =
      parse_signed_token(base64url_encode(R"({"alg":"RS256"})") + "." + base64url_encode(claims) + ".AA");
  REQUIRE(token);
  return claims_hold(token->claims, with, nonce, kNow);
}

std::string with(const std::string& from, const std::string& to) {
  std::string claims = kClaims;
  claims.replace(claims.find(from), from.size(), to);
  return claims;
}

}  // namespace

TEST_CASE("each algorithm verifies its own signatures and no changed ones") {
  for (const char* algorithm : {"RS256", "PS256", "ES256", "EdDSA"}) {
    CAPTURE(algorithm);
    const JwtSigner signer(algorithm, "one");
    const auto keys = keys_of(signer.jwk());
    const std::string text = signer.sign(kClaims);
    const auto token = parse_signed_token(text);
    REQUIRE(token);
    CHECK(keys.verify(*token));
    auto changed = *token;
    changed.signature[changed.signature.size() / 2] ^= 1;
    CHECK(!keys.verify(changed));
    changed = *token;
    changed.signed_part += "A";
    CHECK(!keys.verify(changed));
    const JwtSigner other(algorithm, "one");
    CHECK(!keys.verify(*parse_signed_token(other.sign(kClaims))));
  }
}

TEST_CASE("neither none nor an HMAC under the public key passes for a signature") {
  const JwtSigner signer("RS256", "one");
  const auto keys = keys_of(signer.jwk());
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"HS256","kid":"one"})", R"({"alg":"hs256"})", R"({"alg":"RS1"})"}) {
    CAPTURE(header);
    const std::string message = base64url_encode(header) + "." + base64url_encode(kClaims);
    crypto::HmacSha256 hmac(signer.jwk());
    const auto digest = hmac.sign(message);
    const std::string_view bytes(reinterpret_cast<const char*>(digest.data()), digest.size());
    const auto token = parse_signed_token(message + "." + base64url_encode(bytes));
    REQUIRE(token);
    CHECK(!keys.verify(*token));
    const auto unsigned_token = parse_signed_token(message + ".");
    CHECK((!unsigned_token || !keys.verify(*unsigned_token)));
  }
}

TEST_CASE("a token is verified with the key that it names, and a key only by the algorithm that it is for") {
  const JwtSigner one("RS256", "one"), two("ES256", "two");
  const auto keys = keys_of(one.jwk() + "," + two.jwk());
  CHECK(keys.verify(*parse_signed_token(one.sign(kClaims))));
  CHECK(keys.verify(*parse_signed_token(two.sign(kClaims))));
  const auto unknown = parse_signed_token(one.sign(R"({"alg":"RS256","kid":"three"})", kClaims));
  CHECK(!keys.has_candidate(*unknown));
  CHECK(!keys.verify(*unknown));
  CHECK(keys.verify(*parse_signed_token(one.sign(R"({"alg":"RS256"})", kClaims))));
  CHECK(!keys.verify(*parse_signed_token(one.sign(R"({"alg":"PS256","kid":"one"})", kClaims))));
}

TEST_CASE("keys that are too weak or not on their curve are left out") {
  const std::string short_key =
      R"({"kty":"RSA","n":")" + base64url_encode(std::string(128, '\xff')) + R"(","e":"AQAB"})";
  const std::string off_curve = R"({"kty":"EC","crv":"P-256","x":")" + base64url_encode(std::string(32, '\1')) +
                                R"(","y":")" + base64url_encode(std::string(32, '\1')) + "\"}";
  const auto keys =
      keys_of(short_key + "," + off_curve + R"(,{"kty":"oct","k":"AAAA"},{},7,{"kty":"RSA","n":"!","e":"AQAB"})");
  const JwtSigner signer("RS256", "one");
  CHECK(!keys.has_candidate(*parse_signed_token(signer.sign(R"({"alg":"RS256"})", kClaims))));
  CHECK(!KeySet::parse("{}"));
  CHECK(!KeySet::parse("[]"));
  CHECK(!KeySet::parse(R"({"keys":{}})"));
}

TEST_CASE("claims hold only with issuer, audience, subject and times that are right") {
  CHECK(holds(kClaims));
  CHECK(!holds(with("https://id.example", "https://id.example.evil")));
  CHECK(!holds(with(R"("aud":"app")", R"("aud":"other")")));
  CHECK(holds(with(R"("aud":"app")", R"("aud":["other","app"])")));
  CHECK(!holds(with(R"("aud":"app")", R"("aud":["other","app"],"azp":"other")")));
  CHECK(!holds(with(R"("aud":"app")", R"("aud":[])")));
  CHECK(!holds(with(R"("sub":"7")", R"("sub":"")")));
  CHECK(!holds(with(R"("sub":"7")", R"("sub":7)")));
  CHECK(!holds(with(R"("sub":"7",)", "")));
  CHECK(!holds(with(R"(,"exp":1750003600)", "")));
  CHECK(!holds(with(R"("iat":1750000000,)", "")));
  CHECK(holds(with("1750003600", "1749999971")));
  CHECK(!holds(with("1750003600", "1749999970")));
  CHECK(!holds(with("1750003600", R"("1750003600")")));
  CHECK(!holds(with(R"("nonce")", R"("nbf":1750000031,"nonce")")));
}

TEST_CASE("a token may be too old by its time of issue") {
  auto strict = rules();
  strict.age_max = std::chrono::hours(1);
  CHECK(holds(kClaims, strict));
  CHECK(!holds(with(R"("iat":1750000000)", R"("iat":1749996300)"), strict));
  CHECK(!holds(with(R"("iat":1750000000)", R"("iat":1750000100)"), strict));
}

TEST_CASE("a nonce must be the one that was sent, or its hash where the provider hashes it") {
  CHECK(holds(kClaims, rules(), "n"));
  CHECK(!holds(kClaims, rules(), "m"));
  CHECK(!holds(with(R"(,"nonce":"n")", ""), rules(), "n"));
  const std::string hashed =
      with(R"("nonce":"n")", R"("nonce":"1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9")");
  CHECK(!holds(hashed, rules(), "n"));
  auto hashing = rules();
  hashing.nonce_may_be_hashed = true;
  CHECK(holds(hashed, hashing, "n"));
}

TEST_CASE("what is no signed token is refused") {
  const std::string header = base64url_encode(R"({"alg":"RS256"})"), claims = base64url_encode(kClaims);
  for (const std::string& text :
       {std::string(), std::string("a.b"), header + "." + claims, header + "." + claims + ".AA.AA",
        "!." + claims + ".AA", header + ".W10.AA", base64url_encode("[]") + "." + claims + ".AA",
        base64url_encode("{}") + "." + claims + ".AA",
        base64url_encode(R"({"alg":"RS256","crit":["exp"]})") + "." + claims + ".AA",
        header + "." + base64url_encode(std::string(70'000, ' ') + kClaims) + ".AA"}) {
    CAPTURE(text.substr(0, 80));
    CHECK(!parse_signed_token(text));
  }
}
