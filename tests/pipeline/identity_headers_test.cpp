#include "pipeline/identity_headers.hpp"

#include <doctest/doctest.h>

#include "base/encoding.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/hmac.hpp"

using namespace gatehouse;
using namespace std::chrono_literals;
using pipeline::encode_header_value;

namespace {

const WallTime kNow{std::chrono::milliseconds{1'750'000'000'000}};

struct Fixture {
  auth::AssertionSigner signer{Secret("a secret of at least 32 bytes, yes!"), "https://app.example"};
  config::Upstream upstream;

  Fixture() {
    upstream.name = "orders";
    upstream.key = Secret("the key of the upstream");
  }

  static auth::IdentityPtr identity(std::string name = "Ann", std::optional<std::string> role = {}) {
    auth::Identity made;
    made.user.id = "u1";
    made.user.name = std::move(name);
    made.user.email = "ann@example.com";
    made.user.role = std::move(role);
    made.session.id = "s1";
    made.session.token = "the secret token";
    return std::make_shared<const auth::Identity>(std::move(made));
  }
};

std::string assertion_in(const std::string& lines) {
  constexpr std::string_view kName = "X-Gatehouse-Assertion: ";
  const auto at = lines.find(kName);
  REQUIRE(at != std::string::npos);
  REQUIRE(lines.find(kName, at + 1) == std::string::npos);
  const auto begin = at + kName.size();
  return lines.substr(begin, lines.find("\r\n", begin) - begin);
}

struct Jwt {
  explicit Jwt(const std::string& token) {
    const auto first = token.find('.'), last = token.rfind('.');
    header = base64url_decode(token.substr(0, first)).value();
    payload = base64url_decode(token.substr(first + 1, last - first - 1)).value();
    signed_text = token.substr(0, last);
    signature = base64url_decode(token.substr(last + 1)).value();
  }
  std::string header, payload, signed_text, signature;
};

std::string public_key_of(const std::string& jwks) {
  const auto at = jwks.find("\"x\":\"") + 5;
  return base64url_decode(jwks.substr(at, jwks.find('"', at) - at)).value();
}

}  // namespace

TEST_CASE("encode_header_value leaves visible ASCII and inner blanks alone and encodes the rest") {
  CHECK(encode_header_value("") == "");
  CHECK(encode_header_value("Ann Lee") == "Ann Lee");
  CHECK(encode_header_value(" Ann ") == "%20Ann%20");
  CHECK(encode_header_value(" ") == "%20");
  CHECK(encode_header_value("100%") == "100%25");
  CHECK(encode_header_value("a\r\nX-User-Role: admin") == "a%0D%0AX-User-Role: admin");
  CHECK(encode_header_value(std::string_view("a\0b", 3)) == "a%00b");
  CHECK(encode_header_value("a\tb\x7F") == "a%09b%7F");
  CHECK(encode_header_value("Zoë 東") == "Zo%C3%AB %E6%9D%B1");
  CHECK(encode_header_value("\xFF") == "%FF");
}

TEST_CASE_FIXTURE(Fixture, "the identity is said in complete lines, the role where there is one") {
  upstream.assertion.enabled = false;
  pipeline::IdentityHeaders headers(upstream, signer);
  CHECK(headers.lines(identity("Zoë"), kNow) ==
        "X-User-ID: u1\r\nX-User-Email: ann@example.com\r\nX-User-Name: Zo%C3%AB\r\nX-Session-ID: s1\r\n");
  CHECK(headers.lines(identity("A\r\nB", "admin,staff"), kNow) ==
        "X-User-ID: u1\r\nX-User-Email: ann@example.com\r\nX-User-Name: A%0D%0AB\r\nX-User-Role: admin,staff\r\n"
        "X-Session-ID: s1\r\n");
}

TEST_CASE_FIXTURE(Fixture, "the session's token is never part of what an upstream sees") {
  pipeline::IdentityHeaders headers(upstream, signer);
  const std::string lines = headers.lines(identity(), kNow);
  CHECK(lines.find("the secret token") == std::string::npos);
  CHECK(Jwt(assertion_in(lines)).payload.find("the secret token") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "an upstream can verify the assertion with the published key") {
  pipeline::IdentityHeaders headers(upstream, signer);
  const Jwt jwt(assertion_in(headers.lines(identity("Ann", "admin"), kNow)));
  CHECK(jwt.payload ==
        R"({"iss":"https://app.example","aud":"orders","iat":1750000000,"exp":1750000300,"sub":"u1","sid":"s1",)"
        R"("email":"ann@example.com","role":"admin"})");
  CHECK(jwt.header.starts_with(R"({"alg":"EdDSA","typ":"gatehouse-assertion+jwt","kid":")"));
  const auto key = public_key_of(signer.jwks());
  CHECK(crypto::verify_ed25519(key, jwt.signed_text, jwt.signature));
  CHECK_FALSE(crypto::verify_ed25519(key, jwt.signed_text + "x", jwt.signature));
  const auto kid = jwt.header.substr(jwt.header.find("\"kid\":"));
  CHECK(signer.jwks().find(kid.substr(0, kid.size() - 1)) != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "replicas with one secret share a key, another secret makes another") {
  CHECK(auth::AssertionSigner(Secret("a secret of at least 32 bytes, yes!"), "https://other").jwks() == signer.jwks());
  CHECK(auth::AssertionSigner(Secret("another secret of 32 bytes, yes!!!!"), "https://app.example").jwks() !=
        signer.jwks());
}

TEST_CASE_FIXTURE(Fixture, "HS256 signs with the upstream's own key, for the audience that is set") {
  upstream.assertion.algorithm = config::Assertion::Algorithm::hs256;
  upstream.assertion.audience = "urn:orders";
  pipeline::IdentityHeaders headers(upstream, signer);
  const Jwt jwt(assertion_in(headers.lines(identity(), kNow)));
  CHECK(jwt.header == R"({"alg":"HS256","typ":"gatehouse-assertion+jwt"})");
  CHECK(jwt.payload == R"({"iss":"https://app.example","aud":"urn:orders","iat":1750000000,"exp":1750000300,)"
                       R"("sub":"u1","sid":"s1","email":"ann@example.com"})");
  const auto digest = crypto::HmacSha256("the key of the upstream").sign(jwt.signed_text);
  CHECK(jwt.signature == std::string(digest.begin(), digest.end()));
}

TEST_CASE_FIXTURE(Fixture, "claims cannot break out of their string") {
  pipeline::IdentityHeaders headers(upstream, signer);
  const Jwt jwt(assertion_in(headers.lines(identity("x", "a\",\"sub\":\"root"), kNow)));
  CHECK(jwt.payload.ends_with(R"("role":"a\",\"sub\":\"root"})"));
}

TEST_CASE_FIXTURE(Fixture, "an assertion is used again until 60 seconds before its end") {
  pipeline::IdentityHeaders headers(upstream, signer);
  const auto who = identity();
  const auto first = assertion_in(headers.lines(who, kNow));
  CHECK(assertion_in(headers.lines(who, kNow + 239'999ms)) == first);
  const auto second = assertion_in(headers.lines(who, kNow + 240s));
  CHECK(second != first);
  CHECK(Jwt(second).payload.find("\"exp\":1750000540") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a short-lived assertion is used for half of its time") {
  upstream.assertion.ttl = 30s;
  pipeline::IdentityHeaders headers(upstream, signer);
  const auto who = identity();
  const auto first = assertion_in(headers.lines(who, kNow));
  CHECK(assertion_in(headers.lines(who, kNow + 14'999ms)) == first);
  CHECK(assertion_in(headers.lines(who, kNow + 15s)) != first);
}

TEST_CASE_FIXTURE(Fixture, "a reloaded identity with the same claims keeps its assertion, a changed one gets its own") {
  pipeline::IdentityHeaders headers(upstream, signer);
  const auto first = assertion_in(headers.lines(identity("Ann", "user"), kNow));
  const std::string renamed = headers.lines(identity("Anna", "user"), kNow + 10s);
  CHECK(renamed.find("X-User-Name: Anna\r\n") != std::string::npos);
  CHECK(assertion_in(renamed) == first);
  const auto promoted = assertion_in(headers.lines(identity("Anna", "admin"), kNow + 10s));
  CHECK(promoted != first);
  CHECK(Jwt(promoted).payload.find("\"role\":\"admin\"") != std::string::npos);
}
