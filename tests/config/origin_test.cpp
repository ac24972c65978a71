#include "config/origin.hpp"

#include <doctest/doctest.h>

using namespace gatehouse::config;

namespace {

std::string origin_of(std::string_view text) {
  const auto origin = parse_origin(text);
  return origin ? origin->to_string() : "none";
}

}  // namespace

TEST_CASE("parse_origin keeps scheme, host and port") {
  CHECK(origin_of("https://Example.COM") == "https://example.com");
  CHECK(origin_of("HTTPS://example.com:443/") == "https://example.com");
  CHECK(origin_of("https://example.com:8443") == "https://example.com:8443");
  CHECK(origin_of("http://127.0.0.1:80") == "http://127.0.0.1");
  CHECK(origin_of("http://[::1]:8080") == "http://[::1]:8080");
  CHECK(parse_origin("http://example.com")->port == 80);
  CHECK(parse_origin("https://example.com")->port == 443);
}

TEST_CASE("parse_origin refuses what is more or less than an origin") {
  for (const char* text : {"",
                           "example.com",
                           "ftp://example.com",
                           "https://",
                           "https://a/b",
                           "https://a?x",
                           "https://a#x",
                           "https://u@a",
                           "https://u:p@a",
                           "https://a:0",
                           "https://a:65536",
                           "https://a:",
                           "https://a:08",
                           "https://a..b",
                           "https://a b",
                           "https://a.",
                           "https://-a",
                           "https://a-",
                           "https://1.2.3",
                           "https://1.2.3.4.5",
                           "https://[::1",
                           "https://[1.2.3.4]",
                           "https://[::ffff:1.2.3.4]",
                           "https://a//",
                           "https://::1"}) {
    CAPTURE(text);
    CHECK(origin_of(text) == "none");
  }
}
