#include "pipeline/csrf.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace gatehouse;

namespace {

const auth::TrustedOrigins kOrigins({"https", "app.example", 443}, {"https://*.partner.example"});

using Fields = std::vector<std::pair<std::string, std::string>>;

bool is_cross_site(std::string_view method, const Fields& sent, bool upgrade = false) {
  std::vector<http::HeaderField> fields;
  for (const auto& [name, value] : sent) fields.push_back({name, value, http::find_name(name)});
  http::RequestHead head;
  head.method = method;
  head.fields = fields;
  return pipeline::is_cross_site(head, upgrade, kOrigins);
}

}  // namespace

TEST_CASE("safe methods are never cross-site, unsafe ones are judged by Origin") {
  for (const auto* method : {"GET", "HEAD", "OPTIONS"})
    CHECK_FALSE(is_cross_site(method, {{"Origin", "https://evil"}}));
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND", ""}) {
    CAPTURE(method);
    CHECK(is_cross_site(method, {{"Origin", "https://evil.example"}}));
    CHECK_FALSE(is_cross_site(method, {{"Origin", "https://app.example"}}));
    CHECK_FALSE(is_cross_site(method, {{"Origin", "https://one.partner.example"}}));
  }
}

TEST_CASE("an Origin that only looks like a trusted one is foreign") {
  for (const auto* origin : {"null", "", "http://app.example", "https://app.example.evil.example",
                             "https://app.example:8443", "https://evil.example/https://app.example",
                             "https://app.example@evil.example", "/", "https://partner.example.evil", "app.example"}) {
    CAPTURE(origin);
    CHECK(is_cross_site("POST", {{"Origin", origin}}));
  }
}

// RFC 6454 section 6.2. No browser sends anything else, so that what is written otherwise comes from no browser.
TEST_CASE("an Origin that is no serialized origin is foreign, whatever it would be parsed to") {
  for (const auto* origin : {"https://user@app.example",
                             "https://user:word@app.example",
                             "https://@app.example",
                             "https://app.example/",
                             "https://app.example/path",
                             "https://app.example?query",
                             "https://app.example#fragment",
                             "HTTPS://app.example",
                             "https://APP.example",
                             "https://app.example:443",
                             "https://app.example:",
                             "https:app.example",
                             "https:/app.example",
                             "https:\\\\app.example",
                             " https://app.example",
                             "https://app.example ",
                             "https://app.ex\tample",
                             "https://%61pp.example",
                             "https://app.example https://app.example",
                             "https://app.example, https://app.example",
                             "https://user@one.partner.example",
                             "https://one.partner.example:443"}) {
    CAPTURE(origin);
    CHECK(is_cross_site("POST", {{"Origin", origin}}));
  }
}

TEST_CASE("every Origin must be trusted, should there be several") {
  CHECK(is_cross_site("POST", {{"Origin", "https://app.example"}, {"Origin", "https://evil.example"}}));
  CHECK(is_cross_site("POST", {{"Origin", "https://evil.example"}, {"Origin", "https://app.example"}}));
}

TEST_CASE("without Origin the fetch metadata decides, and without both it is no browser") {
  CHECK_FALSE(is_cross_site("POST", {}));
  CHECK_FALSE(is_cross_site("POST", {{"Sec-Fetch-Site", "same-origin"}}));
  CHECK_FALSE(is_cross_site("POST", {{"Sec-Fetch-Site", "none"}}));
  CHECK(is_cross_site("POST", {{"Sec-Fetch-Site", "same-site"}}));
  CHECK(is_cross_site("POST", {{"Sec-Fetch-Site", "cross-site"}}));
  CHECK(is_cross_site("POST", {{"Sec-Fetch-Site", ""}}));
  CHECK_FALSE(is_cross_site("POST", {{"Origin", "https://one.partner.example"}, {"Sec-Fetch-Site", "cross-site"}}));
}

TEST_CASE("a WebSocket handshake is judged although it is a GET") {
  CHECK(is_cross_site("GET", {{"Origin", "https://evil.example"}}, true));
  CHECK_FALSE(is_cross_site("GET", {{"Origin", "https://app.example"}}, true));
  CHECK_FALSE(is_cross_site("GET", {}, true));
}
