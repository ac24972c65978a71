#include <doctest/doctest.h>

#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
namespace json = boost::json;

namespace {

constexpr const char* kPassword = "correct horse battery";

std::string message_of(const Answer& answer) {
  return std::string(answer.json().at("message").as_string());
}
std::string code_of(const Answer& answer) {
  return std::string(answer.json().at("code").as_string());
}

json::object sign_up_body(std::string email = "ann@example.test") {
  return {{"name", "Ann"}, {"email", email}, {"password", kPassword}};
}

struct Fixture {
  AuthServer server;
  Browser browser{server};

  Answer sign_up(json::object changes) {
    auto body = sign_up_body();
    for (const auto& [name, value] : changes) body[name] = value;
    return browser.post("/sign-up/email", body);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "sign-up stores user, password account and session, and signs in") {
  const auto answer = sign_up(
      {{"email", "Ann@Example.TEST"}, {"image", "pic"}, {"id", "mine"}, {"emailVerified", true}, {"role", "admin"}});
  REQUIRE(answer.status == 200);
  const auto body = answer.json();
  CHECK(body.as_object().size() == 2);
  CHECK(body.at("user").as_object().size() == 7);
  CHECK(body.at("user").at("email").as_string() == "ann@example.test");
  CHECK(body.at("user").at("image").as_string() == "pic");
  CHECK(body.at("user").at("emailVerified").as_bool() == false);
  CHECK(body.at("user").at("createdAt").as_string() == "2025-06-15T15:06:40.000Z");
  CHECK(body.at("user").at("id").as_string() != "mine");
  REQUIRE(answer.cookies().size() == 1);
  CHECK(
      answer.cookies()[0].starts_with("better-auth.session_token=" + std::string(body.at("token").as_string()) + "."));
  CHECK(answer.cookies()[0].ends_with("; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"));
  const auto account = server.query(
      R"(SELECT "accountId", "providerId", "userId", "password" FROM "account" WHERE "accountId" = "userId" AND "scope" IS NULL)");
  REQUIRE(account.rows.size() == 1);
  CHECK(account.rows[0].text(0) == std::string(body.at("user").at("id").as_string()));
  CHECK(account.rows[0].text(1) == "credential");
  CHECK(account.rows[0].text(3).size() == 32 + 1 + 128);
  CHECK(server.query(R"(SELECT "id" FROM "session")").rows.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "sign-up tells each wrong field in the schema's order") {
  const auto told = [&](const json::value& body) { return message_of(browser.post("/sign-up/email", body)); };
  CHECK(told({{"name", 1}, {"email", "x"}, {"password", ""}, {"rememberMe", "no"}}) ==
        "[body.name] Invalid input: expected string, received number; [body.email] Invalid email address; "
        "[body.password] Too small: expected string to have >=1 characters; "
        "[body.rememberMe] Invalid input: expected boolean, received string");
  CHECK(told(json::object()) ==
        "[body.name] Invalid input: expected string, received undefined; [body.email] Invalid input: expected string, "
        "received "
        "undefined; [body.password] Invalid input: expected string, received undefined");
  CHECK(told(json::array()) ==
        "[body] Invalid input: expected object, received array; [body] Invalid input: expected record, received array");
  CHECK(told(nullptr) ==
        "[body] Invalid input: expected object, received null; [body] Invalid input: expected record, received null");
  CHECK(message_of(browser.send("POST", "/sign-up/email")) ==
        "[body] Invalid input: expected object, received undefined; [body] Invalid input: expected record, received "
        "undefined");
  CHECK(message_of(sign_up({{"image", nullptr}})) == "[body.image] Invalid input: expected string, received null");
  CHECK(message_of(sign_up({{"callbackURL", 5}})) == "Invalid callbackURL: expected a string");
}

TEST_CASE_FIXTURE(Fixture, "passwords are measured in UTF-16 code units") {
  CHECK(code_of(sign_up({{"password", "abcdefg"}})) == "PASSWORD_TOO_SHORT");
  CHECK(code_of(sign_up({{"password", std::string(129, 'a')}})) == "PASSWORD_TOO_LONG");
  CHECK(code_of(sign_up({{"password", "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"}})) ==
        "PASSWORD_TOO_SHORT");
  CHECK(sign_up({{"password", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"}}).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "an address that is taken is told, in any case of its letters") {
  CHECK(sign_up({}).status == 200);
  for (const char* email : {"ann@example.test", "ANN@example.test"}) {
    const auto answer = sign_up({{"email", email}});
    CHECK(answer.status == 422);
    CHECK(code_of(answer) == "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
  }
}

TEST_CASE_FIXTURE(Fixture, "a field that no database keeps is refused with 422") {
  const auto answer = sign_up({{"name", json::string("a\0b", 3)}});
  CHECK(answer.status == 422);
  CHECK(code_of(answer) == "FAILED_TO_CREATE_USER");
  CHECK(server.query(R"(SELECT "id" FROM "user")").rows.empty());
}

TEST_CASE("without automatic sign-in a taken address and a new one get the same answer, and nobody a session") {
  auto settings = AuthServer::default_settings();
  settings.email_and_password.auto_sign_in = false;
  AuthServer server(settings);
  Browser first(server), second(server);
  const auto fresh = first.sign_up("ann@example.test");
  const auto taken = second.sign_up("ann@example.test");
  for (const auto* answer : {&fresh, &taken}) {
    CHECK(answer->status == 200);
    CHECK(answer->json().at("token").is_null());
    CHECK(answer->json().at("user").at("email").as_string() == "ann@example.test");
    CHECK(answer->cookies().empty());
  }
  CHECK(fresh.json().at("user").at("id") != taken.json().at("user").at("id"));
  CHECK(server.query(R"(SELECT "id" FROM "user")").rows.size() == 1);
  CHECK(server.query(R"(SELECT "id" FROM "session")").rows.empty());
}

TEST_CASE("a name that no database keeps is refused alike for a taken address and a new one") {
  auto settings = AuthServer::default_settings();
  settings.email_and_password.require_email_verification = true;
  AuthServer server(settings);
  Browser browser(server);
  CHECK(browser.sign_up("ann@example.test").status == 200);
  for (const char* email : {"ann@example.test", "new@example.test"}) {
    const auto answer = browser.post(
        "/sign-up/email", {{"name", json::string("a\0b", 3)}, {"email", email}, {"password", "correct horse battery"}});
    CHECK(answer.status == 422);
    CHECK(code_of(answer) == "FAILED_TO_CREATE_USER");
  }
}

TEST_CASE_FIXTURE(Fixture, "sign-in makes a new session each time and answers with token and user") {
  const auto up = sign_up({});
  const auto in = browser.post("/sign-in/email", {{"email", "ANN@example.test"}, {"password", kPassword}});
  REQUIRE(in.status == 200);
  CHECK(in.json().as_object().size() == 3);
  CHECK(in.json().at("redirect").as_bool() == false);
  CHECK(in.json().at("user") == up.json().at("user"));
  CHECK(in.json().at("token") != up.json().at("token"));
  CHECK(in.header("Location").empty());
  CHECK(server.query(R"(SELECT "id" FROM "session")").rows.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "sign-in refuses unknown address, wrong password and accounts without a password alike") {
  sign_up({});
  const auto refused = [&](std::string email, std::string password) {
    const auto answer = browser.post("/sign-in/email", {{"email", email}, {"password", password}});
    return std::pair(answer.status, answer.body);
  };
  const std::pair expected(
      401, std::string(R"({"message":"Invalid email or password","code":"INVALID_EMAIL_OR_PASSWORD"})"));
  CHECK(refused("ann@example.test", "wrong password") == expected);
  CHECK(refused("ann@example.test", "") == expected);
  CHECK(refused("nobody@example.test", kPassword) == expected);
  server.query(R"(UPDATE "account" SET "password" = 'not-a-hash')");
  CHECK(refused("ann@example.test", kPassword) == expected);
  server.query(R"(UPDATE "account" SET "password" = NULL)");
  CHECK(refused("ann@example.test", kPassword) == expected);
  server.query(R"(DELETE FROM "account")");
  CHECK(refused("ann@example.test", kPassword) == expected);
}

TEST_CASE_FIXTURE(Fixture, "the password account is the one whose accountId is the user's id") {
  sign_up({});
  server.query(R"(UPDATE "account" SET "accountId" = 'another')");
  CHECK(browser.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", kPassword}}).status == 401);
}

TEST_CASE_FIXTURE(Fixture, "sign-in tells a wrong address syntax and a password that is too long, in this order") {
  const auto code = [&](std::string email, std::string password) {
    return code_of(browser.post("/sign-in/email", {{"email", email}, {"password", password}}));
  };
  CHECK(code("nonsense", std::string(129, 'x')) == "INVALID_EMAIL");
  CHECK(code("", "x") == "INVALID_EMAIL");
  CHECK(code("a@example.test", std::string(129, 'x')) == "PASSWORD_TOO_LONG");
  CHECK(
      message_of(browser.post("/sign-in/email", {{"email", 5}, {"password", {{"$ne", 1}}}, {"rememberMe", nullptr}})) ==
      "[body.email] Invalid input: expected string, received number; [body.password] Invalid input: expected string, "
      "received "
      "object; [body.rememberMe] Invalid input: expected boolean, received null");
}

TEST_CASE_FIXTURE(Fixture, "sign-in with a callbackURL tells where to go and stays 200") {
  sign_up({});
  const auto in = [&](std::string url) {
    return browser.post("/sign-in/email",
                        {{"email", "ann@example.test"}, {"password", kPassword}, {"callbackURL", url}});
  };
  auto answer = in("/home");
  CHECK(answer.status == 200);
  CHECK(answer.header("Location") == "/home");
  CHECK(answer.json().at("url").as_string() == "/home");
  CHECK(answer.json().at("redirect").as_bool());
  answer = in("");
  CHECK(answer.json().at("url").as_string() == "");
  CHECK_FALSE(answer.json().at("redirect").as_bool());
  CHECK(answer.header("Location").empty());
  CHECK(in("/\xC3\xBC").header("Location") == "/%C3%BC");
  CHECK(code_of(in("https://evil.example.test")) == "INVALID_CALLBACK_URL");
}

TEST_CASE_FIXTURE(
    Fixture, "rememberMe false ends the session with the browser, after a day at the latest, and is never renewed") {
  const auto answer = sign_up({{"rememberMe", false}});
  REQUIRE(answer.cookies().size() == 2);
  CHECK(answer.cookies()[0].find("Max-Age") == std::string::npos);
  CHECK(answer.cookies()[1].starts_with("better-auth.dont_remember=true."));
  CHECK(answer.cookies()[1].ends_with("; Path=/; HttpOnly; SameSite=Lax"));
  const auto session = browser.get("/get-session");
  CHECK(session.cookies().empty());
  CHECK(session.json().at("session").at("expiresAt").as_string() == "2025-06-16T15:06:40.000Z");
  const auto again = browser.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", kPassword}});
  REQUIRE(again.cookies().size() == 2);
  CHECK(again.cookies()[1] == "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
}

TEST_CASE_FIXTURE(Fixture, "forms sign up and in; their values stay text") {
  const auto form = [&](std::string path, std::string body) {
    return browser.send("POST", path, body, {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}});
  };
  CHECK(form("/sign-up/email", "name=F+G&email=f%40example.test&password=correct+horse+battery").status == 200);
  const auto in = form("/sign-in/email", "email=f%40example.test&password=x&password=correct+horse+battery");
  CHECK(in.json().at("user").at("name").as_string() == "F G");
  CHECK(message_of(form("/sign-in/email", "email=f%40example.test&password=x&rememberMe=false")) ==
        "[body.rememberMe] Invalid input: expected boolean, received string");
}

TEST_CASE("with e-mail and password switched off both endpoints say so") {
  AuthServer server{config::AuthSettings()};
  Browser browser(server);
  CHECK(code_of(browser.post("/sign-up/email", sign_up_body())) == "EMAIL_PASSWORD_SIGN_UP_DISABLED");
  CHECK(code_of(browser.post("/sign-in/email", sign_up_body())) == "EMAIL_PASSWORD_DISABLED");
}

TEST_CASE_FIXTURE(Fixture, "a user who is deleted while the password is hashed gets the answer of a wrong password") {
  REQUIRE(sign_up({}).status == 200);
  Browser other(server);
  const auto wrong = other.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "not the password"}});
  REQUIRE(wrong.status == 401);
  server.database->interrupt_after(1, R"(DELETE FROM "user")");
  const auto late = other.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", kPassword}});
  CHECK(late.status == 401);
  CHECK(late.body == wrong.body);
  CHECK(late.cookies().empty());
}
