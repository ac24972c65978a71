#include "auth/trusted_origins.hpp"

#include <doctest/doctest.h>

#include "auth/web_url.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;

namespace {

const TrustedOrigins& origins() {
  static const TrustedOrigins trusted({"https", "auth.example.test", 443},
                                      {"http://app.example.test", "https://*.wild.example.test", "myapp://",
                                       "other://cb/path", "*.host.test", "https://192.168.*.*", "exp://10.0.0.?:*/**"});
  return trusted;
}

bool redirects(std::string_view url) {
  return origins().trusts_redirect(url);
}

std::string origin_of(std::string_view text) {
  const auto url = parse_web_url(text);
  if (!url) return "no URL";
  return url->is_http() ? url->origin() : url->scheme + ":";
}

}  // namespace

TEST_CASE("parse_web_url finds the origin that a browser would go to") {
  CHECK(origin_of("http://app.example.test/x?y#z") == "http://app.example.test");
  CHECK(origin_of("HTTP://APP.Example.TEST:80/") == "http://app.example.test");
  CHECK(origin_of("https://a.test:444") == "https://a.test:444");
  CHECK(origin_of("http:evil.test") == "http://evil.test");
  CHECK(origin_of("https:\\\\evil.test\\x") == "https://evil.test");
  CHECK(origin_of("https:/evil.test") == "https://evil.test");
  CHECK(origin_of("http://app.example.test@evil.test") == "http://evil.test");
  CHECK(origin_of("http://a:b@c@evil.test/") == "http://evil.test");
  CHECK(origin_of(" \thttps://e\nvil.test ") == "https://evil.test");
  CHECK(origin_of("http://%65vil.test") == "http://evil.test");
  CHECK(origin_of("http://0x7f.1/") == "http://127.0.0.1");
  CHECK(origin_of("http://2130706433") == "http://127.0.0.1");
  CHECK(origin_of("http://[2001:DB8::1]:8080/") == "http://[2001:db8::1]:8080");
  CHECK(origin_of("javascript:alert(1)") == "javascript:");
  CHECK(origin_of("MyApp://cb/x") == "myapp:");
  for (const char* text :
       {"", "x", "//a.test", "http://", "http://a b", "http://a:70000", "http://a:x", "http://1.2.3.256", "http://[::1",
        "http://ex\xC3\xA4mple.test", "http://a%2fb", "1http://a", "http://a|b", "http://a%00b", "my app://x"}) {
    CAPTURE(text);
    CHECK(origin_of(text) == "no URL");
  }
  CHECK(origin_of(std::string_view("http://[::1\0.evil.test]/", 24)) == "no URL");
}

TEST_CASE("trusts_origin compares parsed origins, never the start or end of a text") {
  const auto trusts = [](std::string_view url) { return origins().trusts_origin(url); };
  CHECK(trusts("https://auth.example.test"));
  CHECK(trusts("http://app.example.test"));
  CHECK(trusts("HTTP://APP.EXAMPLE.TEST"));
  CHECK(trusts("http://app.example.test/page?x=1"));
  CHECK(trusts("https://a.wild.example.test"));
  CHECK(trusts("https://a.b.wild.example.test"));
  CHECK(trusts("http://x.host.test:8080") == false);
  CHECK(trusts("http://x.host.test"));
  CHECK(trusts("myapp://"));
  CHECK(trusts("myapp://anything"));
  CHECK(trusts("https://192.168.1.2"));
  for (const char* url : {"", "null", "nonsense", "/path", "http://auth.example.test", "https://auth.example.test:444",
                          "https://app.example.test", "http://app.example.test:8080",
                          "http://app.example.test.evil.test", "http://app.example.test@evil.test",
                          "http://evilapp.example.test", "http://a.wild.example.test", "https://wild.example.test",
                          "https://a.wild.example.test.evil.test", "https://evil.test/https://a.wild.example.test",
                          "https://192.168.evil.test", "otherapp://x", "myapp2://x", "http://app.example.test."}) {
    CAPTURE(url);
    CHECK_FALSE(trusts(url));
  }
}

TEST_CASE("a pattern of an app's scheme with host and path admits these and what is below") {
  CHECK(redirects("other://cb/path"));
  CHECK(redirects("OTHER://CB/path/below?x"));
  CHECK_FALSE(redirects("other://cb/pathological"));
  CHECK_FALSE(redirects("other://cb/path/../evil"));
  CHECK_FALSE(redirects("other://cb/path/%2e%2e/evil"));
  CHECK_FALSE(redirects("other://evil/path"));
  CHECK(redirects("exp://10.0.0.5:8081/--/x"));
  CHECK_FALSE(redirects("exp://user@10.0.0.5:8081/x"));
}

TEST_CASE("a redirect that ends with a space is none: a query that is added would make it a part of the host") {
  const TrustedOrigins every_host({"https", "auth.example.test", 443}, {"other://"});
  CHECK(every_host.trusts_redirect("other://cb"));
  CHECK_FALSE(every_host.trusts_redirect("other:// "));
  CHECK_FALSE(every_host.trusts_redirect("other://cb "));
}

TEST_CASE("trusts_redirect takes paths that no browser reads as another origin") {
  for (const char* url :
       {"/", "/ok", "/a?b=c#d", "/a/../b", "/a?x=%2f", "/ ",
        "/\xC3\xBCn\xC3\xAF"
        "code",
        "/[x]", "/@evil.test", "/..//evil.test", "http://app.example.test/x?y#z", "https://auth.example.test/inside"}) {
    CAPTURE(url);
    CHECK(redirects(url));
  }
  for (const char* url :
       {"//evil.test", "/\\evil.test", "/\\/evil.test", "\\\\evil.test", "/%2fevil.test", "/%5cevil.test", "/a%2Fb",
        "/a\tb", "/a\nb", " /x", "relative", "?x", "#x", "javascript:alert(1)", "data:text/html,x", "https:evil.test",
        "http://app.example.test/\r\nSet-Cookie: a=b",
        "/a\xC2\x85"
        "b",
        "https://evil.test"}) {
    CAPTURE(url);
    CHECK_FALSE(redirects(url));
  }
  CHECK(redirects("/a\xC2?b"));  // no C1 control, though it begins like one
}
