#include <doctest/doctest.h>

#include "auth/secrets.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;

namespace {

const config::SecretVersion kNew{2, Secret("the new secret, at least 32 bytes long")};
const config::SecretVersion kOld{1, Secret("the old secret")};

// Made by better-auth 1.7.25 of the text "token".
constexpr std::string_view kByNew =
    "$ba$2$050b8a8cd04fdc1b3e8a27b0c6c14a1931c5af5a666cfc66e81eb1321c78cb1bc30712caefb1f6242aa7ff11c8";
constexpr std::string_view kByOld =
    "$ba$1$580416b50dfc6203ad8d149c7540fcc6462c6b16438b2d007e451322ab9eb7e4f06884b3b4a33e88fba033af62";
constexpr std::string_view kByPlain =
    "31da179925a64efb03a139d66fb8829ef3bec09984dab067999fb78e4e11bda4910d33c690a73b54a144012d0f";

}  // namespace

TEST_CASE("Secrets signs with the first version, or with the plain secret where there are no versions") {
  CHECK(Secrets({kNew, kOld}, Secret("the legacy secret")).current() == kNew.value);
  CHECK(Secrets({}, Secret("the legacy secret")).current() == Secret("the legacy secret"));
}

TEST_CASE("Secrets opens what Better Auth encrypted under each version, and bare hex with the plain secret") {
  const Secrets secrets({kNew, kOld}, Secret("the legacy secret"));
  CHECK(secrets.decrypt(kByNew) == "token");
  CHECK(secrets.decrypt(kByOld) == "token");
  CHECK(secrets.decrypt(kByPlain) == "token");
  CHECK(Secrets({}, Secret("the legacy secret")).decrypt(kByPlain) == "token");
}

TEST_CASE("Secrets opens nothing of a version that is gone, and no other secret is tried for it") {
  CHECK_FALSE(Secrets({kNew}, Secret()).decrypt(kByOld));
  CHECK_FALSE(Secrets({kNew}, kOld.value).decrypt(kByOld));
  CHECK_FALSE(Secrets({}, kNew.value).decrypt(kByNew));
  CHECK_FALSE(Secrets({kNew, kOld}, Secret()).decrypt(kByPlain));
  const Secrets secrets({kNew, kOld}, Secret());
  for (const char* text : {"", "$ba$", "$ba$2", "$ba$2$", "$ba$-1$00", "$ba$2x$00", "$ba$99999999999$00", "plain"}) {
    CAPTURE(text);
    CHECK_FALSE(secrets.decrypt(text));
  }
}

TEST_CASE("Secrets encrypts under the current version and names it; without versions it writes bare hex") {
  const Secrets secrets({kNew, kOld}, Secret());
  CHECK(secrets.encrypt("x").starts_with("$ba$2$"));
  CHECK(secrets.decrypt(secrets.encrypt("x")) == "x");
  const Secrets plain({}, Secret("the legacy secret"));
  CHECK(plain.encrypt("x").find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(plain.decrypt(plain.encrypt("x")) == "x");
}

TEST_CASE("Secrets for a purpose open what Better Auth encrypted for it, and nothing else does") {
  constexpr std::string_view kState =
      "7bcea3016c2dacda8b73ce837a8e83efe8988f3a71e77613e694d47dd3808ce93344b04fe802c786b02cbb5d3c";
  const Secrets plain({}, Secret("a secret of at least 32 bytes, yes!"));
  const Secrets of_state = plain.for_purpose("oauth-state-cookie");
  CHECK(of_state.current() == Secret("fbc93e2f8a5a9635eea02092ebd52615727b39ef44c96f78bdb76ca0e576ae24"));
  CHECK(of_state.decrypt(kState) == "state");
  CHECK_FALSE(plain.decrypt(kState));
  CHECK_FALSE(plain.for_purpose("oauth-link-session-token").decrypt(kState));
  const Secrets versioned = Secrets({kNew, kOld}, Secret()).for_purpose("oauth-state-cookie");
  CHECK(versioned.encrypt("x").starts_with("$ba$2$"));
}

TEST_CASE("Secrets lists all that may have encrypted something, each once") {
  CHECK(Secrets({kNew, kOld}, Secret("the legacy secret")).all() ==
        std::vector<std::string_view>{"the new secret, at least 32 bytes long", "the old secret", "the legacy secret"});
  CHECK(Secrets({kNew, kOld}, kOld.value).all().size() == 2);
}
