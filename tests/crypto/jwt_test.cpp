#include <doctest/doctest.h>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "crypto/hmac.hpp"
#include "crypto/jwt.hpp"
#include "crypto/symmetric.hpp"

using namespace gatehouse;
using namespace gatehouse::crypto;

namespace {

constexpr std::string_view kSecret = "a secret of at least 32 bytes, yes!";
// Made by better-auth 1.7.25.
constexpr std::string_view kToken =
    "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImFubkBleGFtcGxlLnRlc3QiLCJpYXQiOjE3OTUzMTA4ODMsImV4cCI6MTc5NTMxNDQ4M30."
    "1GJvhW0XxZHRMQhnuRz2ZtHOKWtA8W5IXJXLBCH_5Qo";
constexpr std::string_view kClaims = R"({"email":"ann@example.test","iat":1795310883,"exp":1795314483})";

std::string token_with_header(std::string_view header) {
  const std::string text = base64url_encode(header) + "." + base64url_encode(kClaims);
  const auto digest = HmacSha256(kSecret).sign(text);
  return text + "." + base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

TEST_CASE("sign_jwt makes the token that Better Auth makes of the same claims") {
  CHECK(sign_jwt(kSecret, kClaims) == kToken);
}

TEST_CASE("open_jwt gives the claims of Better Auth's token") {
  CHECK(open_jwt(kSecret, kToken) == std::string(kClaims));
}

TEST_CASE("open_jwt refuses what was changed, cut, or signed with another secret") {
  CHECK_FALSE(open_jwt("another secret of at least 32 bytes", kToken));
  CHECK_FALSE(open_jwt(kSecret, ""));
  CHECK_FALSE(open_jwt(kSecret, ".."));
  CHECK_FALSE(open_jwt(kSecret, kToken.substr(0, kToken.rfind('.'))));
  CHECK_FALSE(open_jwt(kSecret, kToken.substr(0, kToken.rfind('.') + 1)));
  CHECK_FALSE(open_jwt(kSecret, std::string(kToken) + "."));
  CHECK_FALSE(open_jwt(kSecret, std::string(kToken) + "="));
  for (std::size_t i = 0; i < kToken.size(); ++i) {
    std::string changed(kToken);
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(open_jwt(kSecret, changed));
  }
}

TEST_CASE("open_jwt takes HS256 alone, whatever else a right signature comes with") {
  CHECK(open_jwt(kSecret, token_with_header(R"({"typ":"JWT","alg":"HS256"})")));
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"HS512"})", R"({"alg":"hs256"})", R"({"alg":["HS256"]})", R"({"typ":"JWT"})",
        R"({"alg":"HS256","crit":["exp"]})", R"({"alg":"HS256","b64":false})", R"(["HS256"])", "HS256", ""}) {
    CAPTURE(header);
    CHECK_FALSE(open_jwt(kSecret, token_with_header(header)));
  }
}

TEST_CASE("decrypt opens what Better Auth encrypted") {
  CHECK(decrypt(kSecret,
                "e1f354ac0f6b09ce53392d98865ef658dc59942cc6ff9da2c5e62480be4608b07cc35001d6ef0ef85bd55333597db5") ==
        "grüße");
}

TEST_CASE("decrypt opens what encrypt made, and nothing that was changed") {
  const std::string sealed = encrypt(kSecret, "token");
  CHECK(sealed.size() == 2 * (24 + 5 + 16));
  CHECK(encrypt(kSecret, "token") != sealed);
  CHECK(decrypt(kSecret, sealed) == "token");
  CHECK(decrypt(kSecret, encrypt(kSecret, "")) == "");
  CHECK_FALSE(decrypt("another secret of at least 32 bytes", sealed));
  for (const std::size_t at : {std::size_t{0}, sealed.size() / 2, sealed.size() - 1}) {
    std::string changed = sealed;
    changed[at] = changed[at] == '0' ? '1' : '0';
    CHECK_FALSE(decrypt(kSecret, changed));
  }
  CHECK_FALSE(decrypt(kSecret, ""));
  CHECK_FALSE(decrypt(kSecret, "plain-old-token"));
  CHECK_FALSE(decrypt(kSecret, sealed.substr(0, 78)));
  CHECK_FALSE(decrypt(kSecret, "deadbeef"));
}
