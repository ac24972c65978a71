#include <doctest/doctest.h>

#include <array>

#include "base/encoding.hpp"
#include "crypto/jwe.hpp"

using namespace gatehouse;
using namespace gatehouse::crypto;

namespace {

const JweKey kKey = derive_jwe_key("a secret of at least 32 bytes, yes!", "better-auth-session");
const JweKey kOther = derive_jwe_key("another secret of at least 32 bytes", "better-auth-session");

// Made by better-auth 1.7.25.
constexpr std::string_view kToken =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiQjlWWEF4VDFfdDhUcWEtNjI1Um5aTzJIR05wVDBkZkdBVGFnRjNNOUFL"
    "ZyJ9..YUCO_C2SC8OKOhAXuGhGFg.pniTthqklujG8XsqLNALPS6Y0Dghrz6BnxQGHWYyADjkJauBHjoIc7nfAmPgjRhzBsrA2l54IvMiV-hJ8vb1"
    "ddtW2H2O5E-72knDWwzliVw26eTzBz02809zBwyshTRT8bLK4Na1YQ-DOReYP4JtrnbZvtJv4hP0GuNO04TJAfc.18W4O3-gzldUcNRBnGR8SmlSJ"
    "1adjM7RhuSL-oWluCM";
// Made by jose 6.2 with the same key, the first without a key id, the second with A256GCM.
constexpr std::string_view kWithoutId =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..s7IcCl7iSbwD7z0lLxxjtg.Yg-fUt4uY0w29s2G2ZAgiPolrzZpAyWllj0p4uTBSo"
    "GjYXpBwLrUa039jx7JBn_W.dw6TMu_HwLztQM6rVKp3Hz7ZMoknCvP8yLlCXW3wHvA";
constexpr std::string_view kGcm =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..Q5iGqX8iqsZ5Jjdf.Fl_s6hoJEwRe_Hy5CFjGYrlBCdSAD2ygwj4McJj-7Fi9Zne0ABnMeruu"
    ".bpSr1abOWjUeKi3zUwAxyA";

std::optional<std::string> open(std::string_view token) {
  return open_jwe(std::array{kOther, kKey}, token);
}

std::string with_header(std::string_view header) {
  return base64url_encode(header) + std::string(kToken.substr(kToken.find('.')));
}

}  // namespace

TEST_CASE("derive_jwe_key names the key by its RFC 7638 thumbprint") {
  CHECK(kKey.id == "B9VXAxT1_t8Tqa-625RnZO2HGNpT0dfGATagF3M9AKg");
  CHECK(kKey.bytes.size() == 64);
}

TEST_CASE("open_jwe opens what Better Auth sealed, with the key that the token names") {
  const auto text = open(kToken);
  REQUIRE(text);
  CHECK(text->starts_with(R"({"session":{"token":"t"},"user":{"id":"u"},"iat":17953)"));
  CHECK_FALSE(open_jwe(std::array{kOther}, kToken));
}

TEST_CASE("open_jwe tries every key for a token that names none") {
  CHECK(open(kWithoutId).value().starts_with(R"({"session":{"token":"t"},"iat":)"));
  CHECK_FALSE(open_jwe(std::array{kOther}, kWithoutId));
}

TEST_CASE("open_jwe reads A256GCM") {
  CHECK(open(kGcm).value().starts_with(R"({"session":{"token":"t"},"iat":)"));
  CHECK_FALSE(open_jwe(std::array{kOther}, kGcm));
}

TEST_CASE("open_jwe opens what seal_jwe made, of any length") {
  for (std::size_t length = 0; length < 50; ++length) {
    const std::string text(length, 'x');
    CHECK(open(seal_jwe(kKey, text)) == text);
  }
  CHECK(seal_jwe(kKey, "x") != seal_jwe(kKey, "x"));
  const auto header_end = kToken.find('.');
  CHECK(seal_jwe(kKey, "x").substr(0, header_end + 2) == kToken.substr(0, header_end + 2));
}

TEST_CASE("open_jwe refuses a token of which any character was changed") {
  for (const auto token : {kToken, kWithoutId, kGcm}) {
    for (std::size_t i = 0; i < token.size(); ++i) {
      std::string changed(token);
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      CAPTURE(i);
      CHECK_FALSE(open(changed));
    }
  }
}

TEST_CASE("open_jwe refuses other algorithms and what is no token") {
  for (const char* header :
       {R"({"alg":"dir"})", R"({"alg":"none","enc":"A256CBC-HS512"})", R"({"alg":"A256KW","enc":"A256CBC-HS512"})",
        R"({"alg":"dir","enc":"A128CBC-HS256"})", R"({"alg":"dir","enc":"A256CBC-HS512","zip":"DEF"})", "{}", ""}) {
    CAPTURE(header);
    CHECK_FALSE(open(with_header(header)));
  }
  for (const char* token : {"", ".", "....", ".....", "a.b.c", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0....",
                            "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.AA.AA.AA.AA"}) {
    CAPTURE(token);
    CHECK_FALSE(open(token));
  }
  CHECK_FALSE(open(std::string(kToken) + "."));
  CHECK_FALSE(open(kToken.substr(0, kToken.rfind('.'))));
}
