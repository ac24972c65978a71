#include <doctest/doctest.h>

#include <algorithm>

#include "base/ip_address.hpp"
#include "base/iso_time.hpp"
#include "base/json_text.hpp"
#include "base/random.hpp"
#include "base/utf8.hpp"

using namespace gatehouse;

TEST_CASE("an IPv4-mapped address is the IPv4 address") {
  CHECK(parse_ip("::ffff:203.0.113.9")->to_string() == "203.0.113.9");
  CHECK(parse_ip("::ffff:203.0.113.9") == parse_ip("203.0.113.9"));
}

TEST_CASE("parse_ip refuses ports, brackets, zones and leading zeros") {
  for (const char* text :
       {"", "203.0.113.7:80", "[::1]", "fe80::1%eth0", "010.0.0.1", "1.2.3", "nonsense", " 1.2.3.4"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ip(text));
  }
}

TEST_CASE("parse_ip reads all of its text, also behind a NUL") {
  CHECK_FALSE(parse_ip(std::string_view("1.2.3.4\0", 8)));
  CHECK_FALSE(parse_ip(std::string_view("::1\0x", 5)));
}

TEST_CASE("masked keeps the network part") {
  CHECK(parse_ip("2001:db8:1:2:3:4:5:6")->masked(64).to_string_full() == "2001:0db8:0001:0002:0000:0000:0000:0000");
  CHECK(parse_ip("2001:db8:1:2::5")->masked(48).to_string() == "2001:db8:1::");
  CHECK(parse_ip("203.0.113.9")->masked(20).to_string() == "203.0.112.0");
  CHECK(parse_ip("203.0.113.9")->masked(64).to_string() == "203.0.113.9");
}

TEST_CASE("a CIDR contains its own family only") {
  const auto ten = parse_cidr("10.0.0.0/8");
  REQUIRE(ten);
  CHECK(ten->contains(*parse_ip("10.255.1.2")));
  CHECK(ten->contains(*parse_ip("::ffff:10.1.1.1")));
  CHECK_FALSE(ten->contains(*parse_ip("11.0.0.1")));
  CHECK_FALSE(ten->contains(*parse_ip("::a00:1")));
  CHECK_FALSE(parse_cidr("10.0.0.0/33"));
  CHECK_FALSE(parse_cidr("10.0.0.0/-1"));
}

TEST_CASE("ISO times have milliseconds and Z") {
  const auto time = parse_iso("2026-02-28T23:59:59.007Z");
  REQUIRE(time);
  CHECK(to_iso(*time) == "2026-02-28T23:59:59.007Z");
  CHECK(to_iso(*parse_iso("2026-02-28T23:59:59Z")) == "2026-02-28T23:59:59.000Z");
  CHECK_FALSE(parse_iso("2026-02-30T00:00:00.000Z"));
  CHECK_FALSE(parse_iso("2026-02-28 23:59:59.007Z"));
}

TEST_CASE("invalid UTF-8 becomes one replacement for each maximal piece") {
  CHECK(replace_invalid_utf8("a\xE0\x80z") == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  CHECK(replace_invalid_utf8("\xF0\x9F\x98z") == "\xEF\xBF\xBDz");
  CHECK(is_utf8("日本語"));
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));
}

TEST_CASE("JSON text cannot break out of its line") {
  CHECK(json_quoted("a\"b\\c\n\x7f\xff") == "\"a\\\"b\\\\c\\u000a\\u007f\xEF\xBF\xBD\"");
}

TEST_CASE("random text draws from the whole alphabet and nothing else") {
  SystemRandom random;
  const std::string text = random.text(4000, "abc");
  CHECK(text.size() == 4000);
  CHECK(text.find_first_not_of("abc") == std::string::npos);
  for (const char c : {'a', 'b', 'c'}) CHECK(std::count(text.begin(), text.end(), c) > 1000);
}
