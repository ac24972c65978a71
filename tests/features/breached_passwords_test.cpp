// Passwords that are known from breaches, at the endpoints that set one.
#include <doctest/doctest.h>

#include "auth/breached_passwords.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;

namespace {

constexpr const char* kEmail = "ann@example.test";
// SHA-1: 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
constexpr const char* kBreached = "password";
constexpr const char* kSuffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
constexpr const char* kOther = "0000000000000000000000000000000000A:3\r\n";

config::AuthSettings with_check() {
  auto settings = AuthServer::default_settings();
  settings.breached_passwords.enabled = true;
  return settings;
}

struct Fixture {
  AuthServer server{with_check()};
  Browser browser{server};

  Fixture() { say(std::string(kOther) + kSuffix + ":9659365\r\n"); }
  void say(std::string body, int status = 200) {
    server.http.answer = [=](const outbound::HttpRequest&) {
      return outbound::HttpResponse{status, "text/plain", body};
    };
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a breached password is not taken at sign-up, change and reset, in Better Auth's words") {
  const auto refused = browser.sign_up(kEmail, kBreached);
  CHECK(refused.status == 400);
  CHECK(refused.json().at("code").as_string() == "PASSWORD_COMPROMISED");
  CHECK(refused.json().at("message").as_string() ==
        "The password you entered has been compromised. Please choose a different password.");
  CHECK(server.query(R"(SELECT "id" FROM "user")").rows.empty());

  REQUIRE(browser.sign_up(kEmail).status == 200);
  CHECK(browser.post("/change-password", {{"currentPassword", "correct horse battery"}, {"newPassword", kBreached}})
            .status == 400);
  REQUIRE(browser.post("/request-password-reset", {{"email", kEmail}}).status == 200);
  const auto& url = server.mailer.mails.at(0).url;
  const auto from = url.rfind('/') + 1;
  const auto token = url.substr(from, url.find('?') - from);
  CHECK(browser.post("/reset-password", {{"token", token}, {"newPassword", kBreached}}).status == 400);
  CHECK(browser.post("/reset-password", {{"token", token}, {"newPassword", "another long one"}}).status == 200);
  CHECK(browser.post("/sign-in/email", {{"email", kEmail}, {"password", kBreached}}).status == 401);
}

TEST_CASE_FIXTURE(Fixture, "five digits of the hash go out and nothing else of the password, with padding asked for") {
  browser.sign_up(kEmail, kBreached);
  REQUIRE(server.http.requests.size() == 1);
  const auto& request = server.http.requests.at(0);
  CHECK(request.method == "GET");
  CHECK(request.url == "https://api.pwnedpasswords.com/range/5BAA6");
  CHECK(request.headers == auth::Headers{{"Add-Padding", "true"}});
  CHECK(request.body.empty());
  CHECK(request.timeout == std::chrono::milliseconds{1'000});
  CHECK(request.answer_max == 262'144);
  CHECK(request.reach == outbound::Reach{});
}

TEST_CASE_FIXTURE(Fixture, "padding is no breach, and neither is the same digits in another password") {
  say(std::string(kOther) + kSuffix + ":0\r\n");
  CHECK(browser.sign_up(kEmail, kBreached).status == 200);
  CHECK(server.breached.counts().clean == 1);
}

TEST_CASE_FIXTURE(Fixture, "letter case and line ends are as they come") {
  say("1e4c9b93f3f0682250b6cf8331b7ee68fd8:1\n0000000000000000000000000000000000A:3");
  CHECK(browser.sign_up(kEmail, kBreached).status == 400);
}

TEST_CASE_FIXTURE(Fixture, "a service that does not answer, or answers nonsense, stops nobody and is counted") {
  auto sign_up = [&, number = 0]() mutable {
    return Browser(server).sign_up("a" + std::to_string(++number) + kEmail, kBreached).status;
  };
  for (const char* body :
       {"", "<html>not now</html>", "1E4C9B93F3F0682250B6CF8331B7EE68FD8", "1E4C9B93F3F0682250B6CF8331B7EE68FD8:x"}) {
    say(body);
    server.clock.advance(std::chrono::minutes{1});
    CHECK(sign_up() == 200);
  }
  say(std::string(kSuffix) + ":1", 503);
  server.clock.advance(std::chrono::minutes{1});
  CHECK(sign_up() == 200);
  server.http.answer = nullptr;
  server.clock.advance(std::chrono::minutes{1});
  CHECK(sign_up() == 200);
  CHECK(server.breached.counts().unanswered == 6);
  CHECK_FALSE(server.breached.counts().works);
  // After several failures it is left alone for a while.
  const auto asked = server.http.requests.size();
  CHECK(sign_up() == 200);
  CHECK(server.http.requests.size() == asked);
  say(std::string(kSuffix) + ":1");
  server.clock.advance(std::chrono::seconds{10});
  CHECK(sign_up() == 400);
  CHECK(server.breached.counts().works);
}

TEST_CASE("nobody is asked where it is not switched on") {
  AuthServer server;
  Browser browser(server);
  CHECK(browser.sign_up(kEmail, kBreached).status == 200);
  CHECK(server.http.requests.empty());
}
