#include "config/values.hpp"

#include <doctest/doctest.h>

#include "config/path_pattern.hpp"

using namespace gatehouse::config;
using namespace std::chrono_literals;

TEST_CASE("durations carry a unit") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("2h") == 2h);
  CHECK(parse_duration("7d") == 168h);
  CHECK(parse_duration("0") == 0ms);
  CHECK(parse_duration("10").error() == "has no unit, write for example 10s");
  CHECK(parse_duration("99999999999999999999s").error() == "is too large");
  CHECK(parse_duration("999999999d").error() == "is too large");
  for (const char* text : {"", "s", "-1s", "+1s", "1.5s", "1 s", "1S", "1w", "1h30m", "0x1s", "١s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
  CHECK(SecondsValue::parse("1500ms").error() == "is not in whole seconds");
  CHECK(SecondsValue::parse("2000ms") == 2s);
}

TEST_CASE("durations are printed in their largest unit") {
  CHECK(print_duration(0ms) == "0");
  CHECK(print_duration(1500ms) == "1500ms");
  CHECK(print_duration(90s) == "90s");
  CHECK(print_duration(120s) == "2m");
  CHECK(print_duration(24h) == "1d");
}

TEST_CASE("sizes carry a unit") {
  CHECK(SizeValue::parse("512B") == 512);
  CHECK(SizeValue::parse("32KiB") == 32768);
  CHECK(SizeValue::parse("10MiB") == 10485760);
  CHECK(SizeValue::parse("1GiB") == 1073741824);
  CHECK(SizeValue::parse("0") == 0);
  for (const char* text : {"", "10", "10MB", "10mib", "10 MiB", "-1KiB", "1.5GiB", "99999999999GiB"}) {
    CAPTURE(text);
    CHECK_FALSE(SizeValue::parse(text).has_value());
  }
  CHECK(SizeValue::print(10485760) == "10MiB");
  CHECK(SizeValue::print(1000) == "1000B");
}

TEST_CASE("local addresses are an IP address and a port") {
  CHECK(SocketAddressValue::parse("127.0.0.1:0") == SocketAddress{"127.0.0.1", 0});
  CHECK(SocketAddressValue::parse("[::1]:443") == SocketAddress{"::1", 443});
  for (const char* text :
       {"", ":80", "80", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[127.0.0.1]:80"}) {
    CAPTURE(text);
    CHECK_FALSE(SocketAddressValue::parse(text).has_value());
  }
}

TEST_CASE("trusted origins are origins or Better Auth's patterns") {
  CHECK(OriginPatternValue::parse("https://App.example.com:443/") == "https://app.example.com");
  CHECK(OriginPatternValue::parse("https://*.Example.com") == "https://*.example.com");
  CHECK(OriginPatternValue::parse("*.example.com") == "*.example.com");
  CHECK(OriginPatternValue::parse("localhost:3000") == "localhost:3000");
  CHECK(OriginPatternValue::parse("myapp://") == "myapp://");
  CHECK(OriginPatternValue::parse("exp://192.168.*.*:*/*") == "exp://192.168.*.*:*/*");
  for (const char* text : {"", "https://", "https://a/b", "https://*.a/b", "https://u@a", "://a", "https://a b"}) {
    CAPTURE(text);
    CHECK_FALSE(OriginPatternValue::parse(text).has_value());
  }
}

TEST_CASE("header names are tokens without an underscore") {
  CHECK(HeaderNameValue::parse("X-Client-Authorization") == "X-Client-Authorization");
  for (const char* text : {"", "a b", "a:b", "x_y", "ü"}) CHECK_FALSE(HeaderNameValue::parse(text).has_value());
}

TEST_CASE("methods are written in capitals, and never CONNECT or TRACE") {
  CHECK(MethodValue::parse("PATCH") == "PATCH");
  CHECK(MethodValue::parse("M-SEARCH") == "M-SEARCH");
  for (const char* text : {"", "get", "CONNECT", "TRACE", "GET "}) CHECK_FALSE(MethodValue::parse(text).has_value());
}

TEST_CASE("patterns are brought into the canonical form of paths") {
  CHECK(normalize_pattern("/") == "/");
  CHECK(normalize_pattern("/a/b/") == "/a/b");
  CHECK(normalize_pattern("/**") == "/**");
  CHECK(normalize_pattern("/a/*/b/**") == "/a/*/b/**");
  CHECK(normalize_pattern("/%41%7e/%c3%a9") == "/A~/%C3%A9");
  CHECK(normalize_pattern("/é") == "/%C3%A9");
  CHECK(normalize_pattern("/a:b@c,d") == "/a:b@c,d");
  for (const char* text :
       {"",     "a",    "//",     "/a//b",  "/a/../b", "/./a",   "/%2e%2e/a", "/a*", "/***", "/**/a", "/a?b",
        "/a#b", "/a b", "/a%2Fb", "/a%5cb", "/a;b",    "/a%3bb", "/a%00",     "/a%", "/a%4", "/a\\b", "/a\tb"}) {
    CAPTURE(text);
    CHECK_FALSE(normalize_pattern(text).has_value());
  }
  CHECK_FALSE(normalize_path("/a/*").has_value());
  CHECK_FALSE(normalize_path("/**").has_value());
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "/a";
  CHECK_FALSE(normalize_pattern(deep).has_value());
}
