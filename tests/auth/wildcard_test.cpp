#include "auth/wildcard.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gatehouse;

namespace {

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all.append(text);
  return all;
}

}  // namespace

TEST_CASE("a pattern of many stars that does not match is told soon") {
  // Whoever tries every length for every star would not be through in years.
  CHECK_FALSE(auth::matches_wildcard(repeated("*a", 40) + "b", std::string(20'000, 'a')));
  CHECK(auth::matches_wildcard(repeated("*a", 40) + "*", std::string(20'000, 'a')));
  CHECK_FALSE(auth::matches_path_wildcard(repeated("/**/a", 20) + "/b", repeated("/a", 5'000)));
  CHECK(auth::matches_path_wildcard(repeated("/**/a", 20) + "/**", repeated("/a", 5'000)));
}

TEST_CASE("a star is any run of bytes, a question mark any one, a backslash takes the next as it is") {
  CHECK(auth::matches_wildcard("https://*.example.com", "https://a.b.example.com"));
  CHECK_FALSE(auth::matches_wildcard("https://*.example.com", "https://example.com"));
  CHECK(auth::matches_wildcard("a?c", "abc"));
  CHECK_FALSE(auth::matches_wildcard("a?c", "ac"));
  CHECK(auth::matches_wildcard("a\\*c", "a*c"));
  CHECK_FALSE(auth::matches_wildcard("a\\*c", "abc"));
}
