#include <doctest/doctest.h>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/hmac.hpp"

using namespace gatehouse;
using namespace gatehouse::crypto;

namespace {

std::string hex(const Sha256Digest& digest) {
  return hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
std::string bytes(std::string_view text) {
  return hex_decode(text).value();
}

}  // namespace

TEST_CASE("HmacSha256 gives RFC 4231's values, also when the context is used again") {
  HmacSha256 jefe("Jefe");
  const char* expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  CHECK(hex(jefe.sign("what do ya want for nothing?")) == expected);
  jefe.sign("something else");
  CHECK(hex(jefe.sign("what do ya want for nothing?")) == expected);
  HmacSha256 long_key(std::string(131, '\xaa'));
  CHECK(hex(long_key.sign("Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("HmacSha256 takes an empty key and an empty message") {
  HmacSha256 empty("");
  CHECK(hex(empty.sign("")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("sha256 gives FIPS 180's value") {
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("hkdf_sha256 gives RFC 5869's values, with and without a salt") {
  const std::string secret(22, '\x0b');
  CHECK(hex_encode(hkdf_sha256(secret, bytes("000102030405060708090a0b0c"), bytes("f0f1f2f3f4f5f6f7f8f9"), 42)) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  CHECK(hex_encode(hkdf_sha256(secret, "", "", 42)) ==
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST_CASE("Ed25519Key gives RFC 8032's key and signature") {
  const Ed25519Key key(bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  CHECK(hex_encode(key.public_key()) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::string signature = key.sign("\x72");
  CHECK(hex_encode(signature) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
        "eeb00d291612bb0c00");
  CHECK(verify_ed25519(key.public_key(), "\x72", signature));
  CHECK_FALSE(verify_ed25519(key.public_key(), "\x73", signature));
  CHECK_FALSE(verify_ed25519(key.public_key(), "\x72", signature.substr(1)));
}

TEST_CASE("equal_constant_time compares length and bytes") {
  CHECK(equal_constant_time("abc", "abc"));
  CHECK_FALSE(equal_constant_time("abc", "abd"));
  CHECK_FALSE(equal_constant_time("abc", "abcd"));
  CHECK(equal_constant_time("", ""));
}
