#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/failure.hpp"
#include "crypto/password_hasher.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
namespace json = boost::json;

namespace {

constexpr const char* kPassword = "correct horse battery";
constexpr const char* kFresh = "another long one";

std::string code_of(const Answer& answer) {
  return std::string(answer.json().at("code").as_string());
}

struct Fixture {
  AuthServer server;
  Browser browser{server};
  Fixture() { REQUIRE(browser.sign_up("ann@example.test").status == 200); }

  Answer change(std::string current, std::string fresh, bool revoke = false) {
    return browser.post("/change-password",
                        {{"currentPassword", current}, {"newPassword", fresh}, {"revokeOtherSessions", revoke}});
  }
  Answer sign_in(Browser& with, std::string password) {
    return with.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", password}});
  }
};

Awaitable<> hash_once(crypto::PasswordHasher& hasher) {
  co_await hasher.hash("somebody else's password");
}

// While the service of breached passwords is asked, between the two turns of a change, ten minutes pass and others come
// to have their passwords hashed.
struct BusyFixture {
  AuthServer server{with_check()};
  Browser browser{server};
  asio::io_context others;

  BusyFixture() {
    REQUIRE(browser.sign_up("ann@example.test").status == 200);
    server.http.answer = [this](const outbound::HttpRequest&) {
      server.clock.advance(std::chrono::minutes{10});
      for (int i = 0; i < 8; ++i) asio::co_spawn(others, hash_once(server.passwords), asio::detached);
      others.poll();
      return outbound::HttpResponse{200, "text/plain", "0000000000000000000000000000000000A:3"};
    };
  }
  ~BusyFixture() { others.run(); }

  static config::AuthSettings with_check() {
    auto settings = AuthServer::default_settings();
    settings.breached_passwords.enabled = true;
    return settings;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "change-password wants the current password and a new one that fits") {
  CHECK(code_of(change("wrong password", kFresh)) == "INVALID_PASSWORD");
  CHECK(code_of(change(kPassword, "short")) == "PASSWORD_TOO_SHORT");
  CHECK(code_of(change(kPassword, std::string(129, 'x'))) == "PASSWORD_TOO_LONG");
  CHECK(code_of(change(std::string(129, 'x'), kFresh)) == "PASSWORD_TOO_LONG");
  CHECK(
      browser.post("/change-password", {{"newPassword", kFresh}}).body ==
      R"({"message":"[body.currentPassword] Invalid input: expected string, received undefined","code":"VALIDATION_ERROR"})");
  Browser stranger(server);
  CHECK(stranger.post("/change-password", {{"currentPassword", kPassword}, {"newPassword", kFresh}}).status == 401);
  CHECK(sign_in(stranger, kPassword).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "change-password keeps the sessions where it is not told otherwise") {
  Browser other(server);
  sign_in(other, kPassword);
  const auto answer = change(kPassword, kFresh);
  REQUIRE(answer.status == 200);
  CHECK(answer.json().at("token").is_null());
  CHECK(answer.json().at("user").at("email").as_string() == "ann@example.test");
  CHECK(answer.cookies().empty());
  CHECK(other.get("/get-session").body != "null");
  Browser again(server);
  CHECK(sign_in(again, kPassword).status == 401);
  CHECK(sign_in(again, kFresh).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "change-password with revokeOtherSessions leaves one session, a new one") {
  Browser other(server);
  sign_in(other, kPassword);
  const auto before = browser.cookies;
  const auto answer = change(kPassword, kFresh, true);
  REQUIRE(answer.status == 200);
  CHECK(answer.json().at("token").as_string().size() == 32);
  CHECK(browser.cookies != before);
  CHECK(browser.get("/get-session").json().at("session").at("token") == answer.json().at("token"));
  CHECK(other.get("/get-session").body == "null");
  Browser copied(server);
  copied.cookies = before;
  CHECK(copied.get("/get-session").body == "null");
  CHECK(server.query(R"(SELECT "id" FROM "session")").rows.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "change-password changes nothing where the new session cannot be stored") {
  server.query(R"(CREATE TRIGGER full BEFORE INSERT ON "session" BEGIN SELECT RAISE(ABORT, 'full'); END)");
  CHECK(change(kPassword, kFresh, true).status == 500);
  server.query("DROP TRIGGER full");
  CHECK(browser.get("/get-session").body != "null");
  Browser again(server);
  CHECK(sign_in(again, kFresh).status == 401);
  CHECK(sign_in(again, kPassword).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "change-password tells a user without a password so") {
  server.query(R"(UPDATE "account" SET "password" = NULL)");
  CHECK(code_of(change(kPassword, kFresh)) == "CREDENTIAL_ACCOUNT_NOT_FOUND");
}

TEST_CASE_FIXTURE(Fixture, "verify-password knows the password of the session's user alone") {
  CHECK(browser.post("/verify-password", {{"password", kPassword}}).body == R"({"status":true})");
  CHECK(code_of(browser.post("/verify-password", {{"password", "wrong password"}})) == "INVALID_PASSWORD");
  CHECK(code_of(browser.post("/verify-password", {{"password", std::string(200, 'x')}})) == "PASSWORD_TOO_LONG");
  CHECK(code_of(browser.post("/verify-password", json::object{})) == "VALIDATION_ERROR");
  server.query(R"(DELETE FROM "account")");
  CHECK(code_of(browser.post("/verify-password", {{"password", kPassword}})) == "INVALID_PASSWORD");
}

TEST_CASE_FIXTURE(
    Fixture, "a user who is deleted while the password is hashed is told that there is none, and gets no session") {
  for (const bool revokes : {false, true}) {
    CAPTURE(revokes);
    server.database->interrupt_after(2, R"(DELETE FROM "user")");
    const auto late = change(kPassword, kFresh, revokes);
    CHECK(late.status == 400);
    CHECK(code_of(late) == "CREDENTIAL_ACCOUNT_NOT_FOUND");
    CHECK(late.cookies().empty());
    CHECK(server.query(R"(SELECT "id" FROM "session")").rows.empty());
    browser.cookies.clear();
    REQUIRE(browser.sign_up("ann@example.test", kPassword).status == 200);
  }
}

TEST_CASE_FIXTURE(BusyFixture, "change-password waits for both of its hashes together as long as others for one") {
  CHECK_THROWS_WITH_AS(browser.post("/change-password", {{"currentPassword", kPassword}, {"newPassword", kFresh}}),
                       "a password waited too long to be hashed", Failure);
  server.http.answer = nullptr;
  others.run();
  others.restart();
  Browser again(server);
  CHECK(again.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", kPassword}}).status == 200);
}

TEST_CASE_FIXTURE(BusyFixture, "sign-up waits for the service of breached passwords and its turn together as long") {
  CHECK_THROWS_WITH_AS(browser.sign_up("bob@example.test"), "a password waited too long to be hashed", Failure);
  CHECK(server.query(R"(SELECT "id" FROM "user" WHERE "email" = 'bob@example.test')").rows.empty());
}
