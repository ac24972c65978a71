#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>

#include "auth/dispatcher.hpp"
#include "auth/verifications.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;

namespace {

constexpr const char* kPassword = "correct horse battery";
constexpr const char* kFresh = "brand new password";

std::string code_of(const Answer& answer) {
  return std::string(answer.json().at("code").as_string());
}

struct Fixture {
  AuthServer server;
  Browser browser{server};

  Answer request(std::string email = "ann@example.test", std::string redirect_to = "/reset") {
    Browser stranger(server);
    return stranger.post("/request-password-reset", {{"email", email}, {"redirectTo", redirect_to}});
  }
  Answer reset(std::string token, std::string password = kFresh) {
    Browser stranger(server);
    return stranger.post("/reset-password", {{"newPassword", password}, {"token", token}});
  }
  Answer sign_in(std::string password) {
    Browser other(server);
    return other.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", password}});
  }
  // Signs Ann up and asks for a link: its token.
  std::string token_for_ann() {
    REQUIRE(browser.sign_up("ann@example.test").status == 200);
    REQUIRE(request().status == 200);
    return last_token();
  }
  std::string last_token() {
    REQUIRE(!server.mailer.mails.empty());
    const std::string& url = server.mailer.mails.back().url;
    const auto start = url.find("/reset-password/") + 16;
    return url.substr(start, url.find('?') - start);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "request-password-reset mails a link of the base URL that works for an hour") {
  const auto token = token_for_ann();
  CHECK(request("Ann@Example.TEST", "/reset?keep=1").body ==
        R"({"status":true,"message":"If this email exists in our system, check your email for the reset link"})");
  REQUIRE(server.mailer.mails.size() == 2);
  const auto& mail = server.mailer.mails[1];
  CHECK(mail.kind == outbound::Mail::Kind::reset_password);
  CHECK(mail.to == "ann@example.test");
  CHECK(mail.name == "Ann");
  CHECK(mail.url ==
        "http://auth.example.test/api/auth/reset-password/" + last_token() + "?callbackURL=%2Freset%3Fkeep%3D1");
  CHECK(mail.expires_at == server.clock.now() + std::chrono::hours{1});
  CHECK(token.size() == 24);
  CHECK(last_token() != token);
  CHECK(server.query("SELECT \"value\" FROM \"verification\" WHERE \"identifier\" = 'reset-password:" + token + "'")
            .rows.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "request-password-reset answers strangers alike and mails nobody who is unknown") {
  browser.sign_up("ann@example.test");
  const auto known = request();
  const auto unknown = request("nobody@example.test");
  CHECK(unknown.status == 200);
  CHECK(unknown.body == known.body);
  CHECK(unknown.headers == known.headers);
  CHECK(server.mailer.mails.size() == 1);
  // Both write a row; the one of the stranger belongs to nobody.
  CHECK(server.query(R"(SELECT "id" FROM "verification")").rows.size() == 2);
  CHECK(server.query(R"(SELECT v."id" FROM "verification" v JOIN "user" u ON u."id" = v."value")").rows.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "request-password-reset judges its input") {
  CHECK(code_of(request("nonsense")) == "VALIDATION_ERROR");
  CHECK(code_of(request("ann@example.test", "https://evil.example.test/")) == "INVALID_REDIRECT_URL");
  CHECK(code_of(request("ann@example.test", "//evil.example.test/")) == "INVALID_REDIRECT_URL");
  CHECK(server.mailer.mails.empty());
}

TEST_CASE_FIXTURE(Fixture, "a link for which no page was named leads to the hosted page, where there is one") {
  browser.sign_up("ann@example.test");
  const auto link_to = [](const std::string& token, const std::string& page) {
    return "http://auth.example.test/api/auth/reset-password/" + token + "?callbackURL=" + page;
  };
  request("ann@example.test", "");
  CHECK(server.mailer.mails.back().url == link_to(last_token(), ""));

  server.settings.email_and_password.reset_page = "/reset-password";
  browser.post("/request-password-reset", {{"email", "ann@example.test"}});
  CHECK(server.mailer.mails.back().url == link_to(last_token(), "%2Freset-password"));
  const auto token = last_token();
  CHECK(browser.get("/reset-password/" + token + "?callbackURL=%2Freset-password").header("Location") ==
        "http://auth.example.test/reset-password?token=" + token);
  request("ann@example.test", "/reset");
  CHECK(server.mailer.mails.back().url == link_to(last_token(), "%2Freset"));
}

TEST_CASE_FIXTURE(Fixture, "request-password-reset is off without a mailer") {
  server.mailer.available = false;
  browser.sign_up("ann@example.test");
  const auto answer = request();
  CHECK(answer.status == 400);
  CHECK(code_of(answer) == "RESET_PASSWORD_DISABLED");
}

TEST_CASE_FIXTURE(Fixture, "the link leads to the front-end with the token, as often as it is opened") {
  const auto token = token_for_ann();
  for (int i = 0; i < 2; ++i) {
    const auto answer = browser.get("/reset-password/" + token + "?callbackURL=%2Freset%3Fa%3D1%26token%3Dold%23part");
    CHECK(answer.status == 302);
    CHECK(answer.header("Location") == "http://auth.example.test/reset?a=1&token=" + token + "#part");
  }
}

TEST_CASE_FIXTURE(Fixture, "a link with a wrong or expired token leads to the front-end with an error") {
  const auto token = token_for_ann();
  CHECK(browser.get("/reset-password/wrong?callbackURL=/reset").header("Location") ==
        "http://auth.example.test/reset?error=INVALID_TOKEN");
  CHECK(browser.get("/reset-password/" + token + "?callbackURL=").header("Location") ==
        "http://auth.example.test/api/auth/error?error=INVALID_TOKEN");
  server.clock.advance(std::chrono::hours{1});
  CHECK(browser.get("/reset-password/" + token + "?callbackURL=/reset").header("Location") ==
        "http://auth.example.test/reset?error=INVALID_TOKEN");
  CHECK(code_of(reset(token)) == "INVALID_TOKEN");
}

TEST_CASE_FIXTURE(Fixture, "a link leads nowhere that is not trusted") {
  const auto token = token_for_ann();
  const auto answer = browser.get("/reset-password/" + token + "?callbackURL=https://evil.example.test/");
  CHECK(answer.status == 403);
  CHECK(code_of(answer) == "INVALID_CALLBACK_URL");
  CHECK(
      browser.get("/reset-password/" + token).body ==
      R"({"message":"[query.callbackURL] Invalid input: expected string, received undefined","code":"VALIDATION_ERROR"})");
  CHECK(browser.get("/reset-password/").status == 404);
  CHECK(browser.get("/reset-password/a/b?callbackURL=/x").status == 404);
}

TEST_CASE_FIXTURE(Fixture, "reset-password sets the password once and ends the sessions") {
  const auto token = token_for_ann();
  CHECK(code_of(reset(token, "short")) == "PASSWORD_TOO_SHORT");
  CHECK(code_of(reset(token, std::string(129, 'x'))) == "PASSWORD_TOO_LONG");
  CHECK(reset(token).body == R"({"status":true})");
  CHECK(code_of(reset(token)) == "INVALID_TOKEN");
  CHECK(sign_in(kPassword).status == 401);
  CHECK(sign_in(kFresh).status == 200);
  CHECK(browser.get("/get-session").body == "null");
}

TEST_CASE("reset-password leaves the sessions where it is told so") {
  auto settings = AuthServer::default_settings();
  settings.email_and_password.revoke_sessions_on_password_reset = false;
  AuthServer server(settings);
  Browser browser(server);
  browser.sign_up("ann@example.test");
  Browser(server).post("/request-password-reset", {{"email", "ann@example.test"}});
  const auto url = server.mailer.mails.at(0).url;
  const auto token = url.substr(url.find("/reset-password/") + 16, 24);
  CHECK(Browser(server).post("/reset-password?token=" + token, {{"newPassword", kFresh}}).status == 200);
  CHECK(browser.get("/get-session").body != "null");
}

TEST_CASE_FIXTURE(Fixture, "reset-password gives a password to a user without one") {
  const auto token = token_for_ann();
  server.query(R"(DELETE FROM "account")");
  CHECK(reset(token).status == 200);
  CHECK(sign_in(kFresh).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "reset-password wants a token of a user who is there") {
  CHECK(code_of(browser.post("/reset-password", {{"newPassword", kFresh}})) == "INVALID_TOKEN");
  CHECK(code_of(reset("wrong")) == "INVALID_TOKEN");
  CHECK(code_of(reset(std::string(24, 'a'))) == "INVALID_TOKEN");
  const auto token = token_for_ann();
  server.query(R"(DELETE FROM "user")");
  CHECK(code_of(reset(token)) == "USER_NOT_FOUND");
}

TEST_CASE_FIXTURE(Fixture, "of twenty that use a token at once one sets the password") {
  const auto token = token_for_ann();
  int right = 0;
  int wrong = 0;
  for (int i = 0; i < 20; ++i) {
    auth::AuthRequest use;
    use.method = "POST";
    use.path = "/reset-password";
    use.headers = {{"content-type", "application/json"}};
    use.body = R"({"newPassword":"brand new password )" + std::to_string(i) + R"(","token":")" + token + "\"}";
    asio::co_spawn(server.context.get_executor(), server.dispatcher->dispatch(std::move(use)),
                   [&](const std::exception_ptr& failed, const auth::AuthResponse& response) {
                     REQUIRE(!failed);
                     (response.status == 200 ? right : wrong) += 1;
                   });
  }
  server.context.restart();
  while (right + wrong < 20 && server.context.run_one() > 0) {
  }
  CHECK(right == 1);
  CHECK(wrong == 19);
}

TEST_CASE("a hashed identifier hides the token of a link, and a plain one of before still counts") {
  auto settings = AuthServer::default_settings();
  settings.verification.store_identifier = config::VerificationSettings::Identifier::hashed;
  AuthServer server(settings);
  Browser browser(server);
  const auto end = server.clock.now() + std::chrono::hours{1};
  run_coroutine(server.context, server.verifications.create("reset-password:abc", "someone", end));
  CHECK(server.query(R"(SELECT "identifier" FROM "verification")").rows.at(0).text(0) ==
        "IMUqJ3lXuvod79AbI4EdsWmdAkZeIP5syfKs7-d5fQQ");
  CHECK(run_coroutine(server.context, server.verifications.find("reset-password:abc")) == "someone");
  server.query(R"(UPDATE "verification" SET "identifier" = 'reset-password:abc')");
  CHECK(run_coroutine(server.context, server.verifications.consume("reset-password:abc")) == "someone");
  CHECK(!run_coroutine(server.context, server.verifications.find("reset-password:abc")));
}

TEST_CASE_FIXTURE(Fixture, "a user who is deleted while the new password is hashed is told that there is none") {
  const auto token = token_for_ann();
  server.database->interrupt_after(2, R"(DELETE FROM "user")");
  const auto late = reset(token);
  CHECK(late.status == 400);
  CHECK(code_of(late) == "USER_NOT_FOUND");
  CHECK(server.query(R"(SELECT "id" FROM "account")").rows.empty());
}
