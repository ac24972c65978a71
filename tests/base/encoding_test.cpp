#include "base/encoding.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace gatehouse;

TEST_CASE("base64_encode follows RFC 4648") {
  CHECK(base64_encode("") == "");
  CHECK(base64_encode("f") == "Zg==");
  CHECK(base64_encode("fo") == "Zm8=");
  CHECK(base64_encode("foo") == "Zm9v");
  CHECK(base64_encode("foobar") == "Zm9vYmFy");
  CHECK(base64url_encode("\xFB\xFF") == "-_8");
}

TEST_CASE("base64_decode refuses what is not canonical") {
  CHECK(base64_decode("Zm9vYmE=") == "fooba");
  CHECK(base64_decode("Zm8=") == "fo");
  CHECK_FALSE(base64_decode("Zm8"));
  CHECK_FALSE(base64_decode("Zm9="));  // unused bits are not zero
  CHECK_FALSE(base64_decode("Zm8-"));
  CHECK_FALSE(base64_decode("===="));
  CHECK(base64url_decode("-_8") == "\xFB\xFF");
  CHECK_FALSE(base64url_decode("-_8="));
}

TEST_CASE("base64_encode_32 writes what base64_encode writes") {
  unsigned char bytes[32];
  for (int i = 0; i < 32; ++i) bytes[i] = static_cast<unsigned char>(i * 37);
  char out[44];
  base64_encode_32(bytes, out);
  CHECK(std::string(out, 44) == base64_encode({reinterpret_cast<const char*>(bytes), 32}));
}

TEST_CASE("percent_decode refuses a broken escape") {
  CHECK(percent_decode("a%2Fb%2f") == "a/b/");
  CHECK_FALSE(percent_decode("%2"));
  CHECK_FALSE(percent_decode("%zz"));
}

TEST_CASE("encode_uri_component is JavaScript's") {
  CHECK(encode_uri_component("a+b/c=d -_.!~*'()") == "a%2Bb%2Fc%3Dd%20-_.!~*'()");
}
