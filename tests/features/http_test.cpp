// The order of work and the answers that all endpoints share.
#include <doctest/doctest.h>

#include "base/failure.hpp"
#include "crypto/password_hasher.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;

namespace {

constexpr const char* kGood = R"({"email":"nobody@example.test","password":"x"})";

struct Fixture {
  AuthServer server{AuthServer::default_settings(), {"http://app.example.test", "https://*.wild.example.test"}};
  Browser browser{server};

  std::string code(const Answer& answer) {
    if (answer.body.empty()) return "";
    const auto body = answer.json();
    return body.as_object().contains("code") ? std::string(body.at("code").as_string())
                                             : std::string(body.at("message").as_string());
  }
  std::string sign_in(auth::Headers headers, std::string body = kGood) {
    return code(browser.send("POST", "/sign-in/email", body, std::move(headers)));
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what is no endpoint is 404 without a body and without a type") {
  for (const auto& [method, path] :
       std::initializer_list<std::pair<const char*, const char*>>{{"GET", "/nope"},
                                                                  {"POST", "/nope"},
                                                                  {"GET", ""},
                                                                  {"GET", "/"},
                                                                  {"GET", "/ok/"},
                                                                  {"GET", "//ok"},
                                                                  {"GET", "/OK"},
                                                                  {"GET", "/%6fk"},
                                                                  {"GET", "/x/../ok"},
                                                                  {"GET", "/sign-in/email"},
                                                                  {"PUT", "/sign-in/email"},
                                                                  {"OPTIONS", "/sign-in/email"},
                                                                  {"HEAD", "/ok"},
                                                                  {"POST", "/ok"},
                                                                  {"GET", "/constructor"}}) {
    CAPTURE(method);
    CAPTURE(path);
    const auto answer = browser.send(method, path);
    CHECK(answer.status == 404);
    CHECK(answer.body.empty());
    CHECK(answer.headers.empty());
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "the body is judged before the origin, the origin before validation, validation before the session") {
  const auth::Headers foreign{{"origin", "https://evil.example.test"}, {"cookie", "a=b"}};
  CHECK(code(browser.send("POST", "/revoke-session", "{", foreign)) == "BAD_REQUEST");
  CHECK(code(browser.send("POST", "/revoke-session", "{}", foreign)) == "INVALID_ORIGIN");
  CHECK(code(browser.send("POST", "/revoke-session", "{}")) == "VALIDATION_ERROR");
  CHECK(code(browser.send("POST", "/revoke-session", R"({"token":"x"})")) == "UNAUTHORIZED");
  CHECK(browser.send("POST", "/sign-in/email", "x", {{"content-type", "text/plain"}}).status == 415);
}

TEST_CASE_FIXTURE(Fixture, "with any cookie the Origin, or else the Referer, must be trusted") {
  const auto with = [&](auth::Headers headers) {
    headers.emplace_back("cookie", "a=b");
    return sign_in(std::move(headers));
  };
  const std::string passed = "INVALID_EMAIL_OR_PASSWORD";
  CHECK(with({{"origin", "http://app.example.test"}}) == passed);
  CHECK(with({{"origin", "https://a.b.wild.example.test"}}) == passed);
  CHECK(with({{"origin", ""}, {"referer", "http://app.example.test/page?x=1"}}) == passed);
  CHECK(with({{"origin", "null"}, {"sec-fetch-site", "same-origin"}, {"host", "auth.example.test"}}) == passed);
  CHECK(with({{"origin", "null"}, {"sec-fetch-site", "same-origin"}, {"host", "evil.example.test"}}) ==
        "INVALID_ORIGIN");
  CHECK(with({{"origin", "null"}}) == "MISSING_OR_NULL_ORIGIN");
  CHECK(with({{"origin", ""}}) == "MISSING_OR_NULL_ORIGIN");
  CHECK(with({{"origin", ""}, {"referer", "https://evil.example.test/page"}}) == "INVALID_ORIGIN");
  CHECK(with({{"origin", "https://evil.example.test"}}) == "INVALID_ORIGIN");
  CHECK(with({{"origin", "nonsense"}}) == "INVALID_ORIGIN");
  CHECK(browser.get("/get-session", {{"origin", "https://evil.example.test"}, {"cookie", "a=b"}}).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "a first sign-in without cookies is judged by Origin and fetch metadata") {
  const std::string passed = "INVALID_EMAIL_OR_PASSWORD";
  CHECK(sign_in({{"origin", ""}}) == passed);
  CHECK(sign_in({{"origin", ""}, {"sec-fetch-site", " "}}) == passed);
  CHECK(sign_in({{"sec-fetch-site", "same-origin"}, {"sec-fetch-mode", "navigate"}}) == passed);
  CHECK(
      sign_in({{"origin", "http://app.example.test"}, {"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "cors"}}) ==
      passed);
  CHECK(sign_in({{"origin", "https://evil.example.test"}}) == "INVALID_ORIGIN");
  CHECK(sign_in({{"origin", "null"}}) == "MISSING_OR_NULL_ORIGIN");
  CHECK(sign_in({{"origin", ""}, {"referer", "https://evil.example.test/x"}}) == "INVALID_ORIGIN");
  CHECK(sign_in({{"origin", ""}, {"sec-fetch-site", "same-site"}}) == "MISSING_OR_NULL_ORIGIN");
  CHECK(sign_in({{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}}) ==
        "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED");
}

TEST_CASE_FIXTURE(Fixture,
                  "the form check comes after validation, and endpoints without it look at no Origin without cookies") {
  CHECK(sign_in({{"origin", "https://evil.example.test"}}, "{}") == "VALIDATION_ERROR");
  CHECK(browser.post("/sign-out", boost::json::object{}, {{"origin", "https://evil.example.test"}}).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "every URL that a browser could be sent to is judged, whether or not it would be used") {
  const auto with = [&](std::string field, const boost::json::value& value) {
    return code(browser.post("/sign-in/email", {{"email", "nobody@example.test"}, {"password", "x"}, {field, value}}));
  };
  CHECK(with("callbackURL", "/ok") == "INVALID_EMAIL_OR_PASSWORD");
  CHECK(with("callbackURL", "") == "INVALID_EMAIL_OR_PASSWORD");
  CHECK(with("callbackURL", "//evil.example.test") == "INVALID_CALLBACK_URL");
  CHECK(with("callbackURL", boost::json::object{{"a", 1}}) == "Invalid callbackURL: expected a string");
  CHECK(with("callbackURL", 0) == "VALIDATION_ERROR");
  CHECK(with("redirectTo", "https://evil.example.test") == "INVALID_REDIRECT_URL");
  CHECK(with("errorCallbackURL", "https://evil.example.test") == "INVALID_ERROR_CALLBACK_URL");
  CHECK(with("newUserCallbackURL", "javascript:alert(1)") == "INVALID_NEW_USER_CALLBACK_URL");
  CHECK(code(browser.send("POST", "/sign-in/email?callbackURL=https%3A%2F%2Fevil.example.test", kGood)) ==
        "INVALID_CALLBACK_URL");
  CHECK(code(browser.send("POST", "/sign-in/email?callbackURL=a&callbackURL=b", kGood)) ==
        "Invalid callbackURL: expected a string");
}

TEST_CASE_FIXTURE(Fixture, "several Cookie fields count as one header") {
  browser.sign_up("ann@example.test");
  auto signed_in = browser;
  signed_in.cookies.clear();
  auth::AuthRequest request;
  request.method = "GET";
  request.path = "/get-session";
  request.headers = {{"cookie", "a=b"}, {"cookie", browser.cookie_header()}};
  CHECK(server.ask(request).body != "null");
}

TEST_CASE_FIXTURE(Fixture, "what a dependency cannot do is thrown as a Failure: the pipeline answers it") {
  server.passwords.stop();
  CHECK_THROWS_AS(browser.send("POST", "/sign-in/email", kGood), Failure);
}

TEST_CASE("what nobody foresaw is a 500 without a word") {
  AuthServer server;
  Browser browser(server);
  browser.sign_up("ann@example.test");
  server.query(R"(DROP TABLE "session")");
  const auto answer = browser.get("/get-session");
  CHECK(answer.status == 500);
  CHECK(answer.body.empty());
  CHECK(answer.headers.empty());
}

TEST_CASE("with auth.ip_address the address comes from the headers, without it from the edge") {
  auto settings = AuthServer::default_settings();
  settings.ip_address.emplace();
  AuthServer server(settings);
  Browser browser(server);
  const auto address = [&](auth::Headers headers) {
    Browser fresh(server);
    fresh.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "correct horse battery"}},
               std::move(headers));
    return std::string(fresh.get("/get-session").json().at("session").at("ipAddress").as_string());
  };
  browser.sign_up("ann@example.test");
  CHECK(address({{"x-forwarded-for", "203.0.113.7"}}) == "203.0.113.7");
  CHECK(address({{"x-forwarded-for", "203.0.113.7, 10.0.0.1"}}) == "");
}
