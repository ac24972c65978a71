#include "http/target.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace gatehouse::http;

namespace {

// The canonical form, "!" in front if the client spelled it differently, "refused" if there is none.
std::string canonical(std::string path) {
  const auto result = canonicalize_path(path.data(), path.data() + path.size());
  if (!result) return "refused";
  return (result->changed ? "!" : "") + std::string(result->path);
}

std::string host(std::string text) {
  const auto result = canonicalize_host(text.data(), text.data() + text.size());
  return result ? std::string(*result) : "refused";
}

std::string folded(std::string_view path) {
  std::string out(path.size(), '\0');
  out.resize(fold_path(path, out.data()));
  return out;
}

}  // namespace

TEST_CASE("canonicalize_path leaves a canonical path alone") {
  for (const std::string path : {"/", "/a", "/a/", "/a/b.c/d-e_f~g", "/a%20b", "/%C3%A9", "/a:b@c!$&'()*+,=", "/a.",
                                 "/...", "/..a", "/.well-known/jwks.json", "/%3F%23"}) {
    CAPTURE(path);
    CHECK(canonical(path) == path);
  }
}

TEST_CASE("canonicalize_path brings spellings together") {
  const std::pair<std::string, std::string> table[] = {
      {"/%61dmin", "!/admin"},
      {"/%7Euser", "!/~user"},
      {"/a%c3%a9", "!/a%C3%A9"},
      {"/a//b", "!/a/b"},
      {"//a", "!/a"},
      {"//", "!/"},
      {"/a/./b", "!/a/b"},
      {"/a/.", "!/a/"},
      {"/./", "!/"},
      {"/.", "!/"},
      {"/a/../b", "!/b"},
      {"/a/b/..", "!/a/"},
      {"/a/b/../", "!/a/"},
      {"/a/..", "!/"},
      {"/public/%2e%2e/private", "!/private"},
      {"/public/%2E./private", "!/private"},
      {"/a/b/../../c", "!/c"},
      {"/a//../b", "!/b"},
      {"/a/%2e/b", "!/a/b"},
  };
  for (const auto& [path, expected] : table) {
    CAPTURE(path);
    CHECK(canonical(path) == expected);
  }
}

TEST_CASE("canonicalize_path is at rest after one pass") {
  for (const std::string path : {"/a//../b%61/./c", "/%41/%2e%2e/%42", "/x/..//y/", "/%25%36%31"}) {
    CAPTURE(path);
    const std::string once = canonical(path).substr(1);
    CHECK(canonical(once) == once);
  }
}

TEST_CASE("an escaped percent sign is not decoded twice") {
  CHECK(canonical("/%252e%252e/a") == "/%252e%252e/a");
  CHECK(canonical("/%25%32%65") == "!/%252e");
}

TEST_CASE("canonicalize_path refuses what another parser could read as another path") {
  for (const std::string path : {"",         "a",
                                 "*",        "/..",
                                 "/../a",    "/a/../../b",
                                 "/%2e%2e",  "/a%2Fb",
                                 "/a%2fb",   "/a%5Cb",
                                 "/a%5cb",   "/a\\b",
                                 "/a%00",    "/a%0d%0a",
                                 "/a%7F",    "/a%1f",
                                 "/a\x01",   "/a\x7F",
                                 "/a b",     "/\xC3\xA9",
                                 "/a%",      "/a%4",
                                 "/a%4g",    "/a%%41",
                                 "/a;b",     "/a;jsessionid=1",
                                 "/a/..;/b", "/a%3Bb",
                                 "/a%3bb",   "/a#b",
                                 "/%C3",     "/%FF",
                                 "/%C0%AE",  "/%ED%A0%80",
                                 "/%80",     "/%C3/%A9"}) {
    CAPTURE(path);
    CHECK(canonical(path) == "refused");
  }
  CHECK(canonical(std::string("/a\0b", 4)) == "refused");
}

TEST_CASE("canonicalize_host brings spellings together") {
  const std::pair<std::string, std::string> table[] = {
      {"app.example", "app.example"},
      {"App.EXAMPLE", "app.example"},
      {"app.example.", "app.example"},
      {"app.example:8443", "app.example"},
      {"app.example.:1", "app.example"},
      {"127.0.0.1:65535", "127.0.0.1"},
      {"[::1]:8443", "[::1]"},
      {"[2001:DB8::A]", "[2001:db8::a]"},
      {"localhost", "localhost"},
      {"a_b-c.d", "a_b-c.d"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
  };
  for (const auto& [text, expected] : table) {
    CAPTURE(text);
    CHECK(host(text) == expected);
  }
}

TEST_CASE("canonicalize_host refuses what is no host with a port") {
  for (const std::string text : {"",
                                 ".",
                                 "a..b",
                                 ".a",
                                 "a..",
                                 ":80",
                                 "a:",
                                 "a:0",
                                 "a:65536",
                                 "a:99999",
                                 "a:123456",
                                 "a:8x",
                                 "a:+8",
                                 "a:-8",
                                 "a:8:8",
                                 "a b",
                                 " a",
                                 "a,b",
                                 "a/b",
                                 "user@a",
                                 "a?b",
                                 "a#b",
                                 "a\\b",
                                 "[::1",
                                 "::1",
                                 "[]",
                                 "[::1]x",
                                 "[::1]:",
                                 "[::1]:0",
                                 "[127.0.0.1]",
                                 "[fe80::1%25eth0]",
                                 "[v1.a]",
                                 "a\xC3\xA9",
                                 "a%41",
                                 "a;b",
                                 "a'b"}) {
    CAPTURE(text);
    CHECK(host(text) == "refused");
  }
  CHECK(host(std::string(253, 'a')) == std::string(253, 'a'));
  CHECK(host(std::string(255, 'a')) == "refused");
  CHECK(host(std::string("a\0b", 3)) == "refused");
}

TEST_CASE("is_query takes visible ASCII but no fragment") {
  CHECK(is_query("a=b&c=%0d%0a?/"));
  CHECK(is_query(""));
  for (const std::string_view query : {"a b", "a#b", "a\r", "a\n", "a\t", "\x7F", "\xC3\xA9"}) {
    CAPTURE(query);
    CHECK_FALSE(is_query(query));
  }
}

TEST_CASE("fold_path takes away what a lenient upstream could take away") {
  CHECK(folded("/Admin/Users") == "/admin/users");
  CHECK(folded("/admin.") == "/admin");
  CHECK(folded("/admin%20") == "/admin");
  CHECK(folded("/admin.%20./x") == "/admin/x");
  CHECK(folded("/a.b/c%20d") == "/a.b/c%20d");
  CHECK(folded("/admin...") == "/admin");
  CHECK(folded("/") == "/");
  CHECK(folded("/%2") == "/%2");
}
