#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "auth/email_token.hpp"
#include "crypto/jwt.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;
namespace json = boost::json;
using outbound::Mail;

namespace {

config::AuthSettings settings_with(auto change) {
  auto settings = AuthServer::default_settings();
  change(settings);
  return settings;
}

void require_verification(config::AuthSettings& settings) {
  settings.email_and_password.require_email_verification = true;
}

// The path and query of a link below the auth base path.
std::string path_of(const std::string& url) {
  const std::string base = "http://auth.example.test/api/auth";
  REQUIRE(url.starts_with(base));
  return url.substr(base.size());
}

std::string link_to(const std::string& token, const std::string& callback = "") {
  return "/verify-email?token=" + token + (callback.empty() ? "" : "&callbackURL=" + callback);
}

struct World {
  explicit World(config::AuthSettings settings = AuthServer::default_settings()) : server(std::move(settings)) {}

  json::object claims(json::object more = {}) {
    const auto now = std::chrono::floor<std::chrono::seconds>(server.clock.now().time_since_epoch()).count();
    json::object all{{"email", "ann@example.test"}, {"iat", now}, {"exp", now + 3600}};
    for (const auto& [name, value] : more) all[name] = value;
    return all;
  }
  std::string sign(json::object more = {}) {
    return crypto::sign_jwt(server.secret.reveal(), json::serialize(claims(std::move(more))));
  }
  Mail take_mail() {
    REQUIRE(server.mailer.mails.size() == 1);
    auto mail = server.mailer.mails.front();
    server.mailer.mails.clear();
    return mail;
  }
  bool is_verified(Browser& browser) {
    return browser.get("/get-session").json().at("user").at("emailVerified").as_bool();
  }
  Answer sign_in(std::string password = "correct horse battery") {
    return ann.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", password}});
  }

  AuthServer server;
  Browser ann{server};
};

}  // namespace

TEST_CASE("sign-up with required verification makes no session and sends the link") {
  World world(settings_with(require_verification));
  const auto answer = world.ann.post("/sign-up/email", {{"name", "Ann"},
                                                        {"email", "Ann@example.test"},
                                                        {"password", "correct horse battery"},
                                                        {"callbackURL", "/verified?x=1"}});
  CHECK(answer.status == 200);
  CHECK(answer.json().at("token").is_null());
  CHECK(answer.cookies().empty());
  const auto mail = world.take_mail();
  CHECK(mail.kind == Mail::Kind::verify_email);
  CHECK(mail.to == "ann@example.test");
  CHECK(mail.name == "Ann");
  CHECK(mail.url.ends_with("&callbackURL=%2Fverified%3Fx%3D1"));
  CHECK((mail.expires_at == world.server.clock.now() + 1h));
  const auto followed = world.ann.get(path_of(mail.url));
  CHECK(followed.status == 302);
  CHECK(followed.header("Location") == "/verified?x=1");
  CHECK(followed.cookies().empty());
  CHECK(world.sign_in().status == 200);
}

TEST_CASE("a sign-up with an address that is taken is answered like a new one, and sends nothing") {
  World world(settings_with(require_verification));
  world.ann.sign_up("ann@example.test");
  world.server.mailer.mails.clear();
  const auto again = world.ann.sign_up("ann@example.test");
  CHECK(again.status == 200);
  CHECK(again.json().at("token").is_null());
  CHECK(world.server.mailer.mails.empty());
}

TEST_CASE("sign-in with an unverified address is refused, and only the right password brings a mail") {
  World world(settings_with([](auto& settings) {
    require_verification(settings);
    settings.email_verification.send_on_sign_in = true;
  }));
  world.ann.sign_up("ann@example.test");
  world.server.mailer.mails.clear();
  CHECK(world.sign_in("something else").status == 401);
  CHECK(world.server.mailer.mails.empty());
  const auto answer = world.sign_in();
  CHECK(answer.status == 403);
  CHECK(answer.json().at("code") == "EMAIL_NOT_VERIFIED");
  CHECK(world.take_mail().to == "ann@example.test");
}

TEST_CASE("no mail is sent at sign-up unless it is asked for") {
  World world;
  world.ann.sign_up("ann@example.test");
  CHECK(world.server.mailer.mails.empty());
  World other(settings_with([](auto& settings) {
    require_verification(settings);
    settings.email_verification.send_on_sign_up = false;
  }));
  other.ann.sign_up("ann@example.test");
  CHECK(other.server.mailer.mails.empty());
}

TEST_CASE("following the link signs in where that is wanted, once") {
  World world(settings_with([](auto& settings) {
    require_verification(settings);
    settings.email_verification.auto_sign_in_after_verification = true;
  }));
  world.ann.sign_up("ann@example.test");
  const auto link = path_of(world.take_mail().url);
  const auto first = world.ann.get(link);
  CHECK(first.status == 302);
  CHECK(first.cookies().size() == 1);
  CHECK(world.is_verified(world.ann));
  Browser other(world.server);
  const auto second = other.get(link);
  CHECK(second.status == 302);
  CHECK(second.header("Location") == "/");
  CHECK(second.cookies().empty());
}

TEST_CASE("verify-email answers with JSON where no place to go was named") {
  World world;
  world.ann.sign_up("ann@example.test");
  const auto answer = world.ann.get(link_to(world.sign()));
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"status":true,"user":null})");
  CHECK(world.is_verified(world.ann));
}

TEST_CASE("verify-email says what is wrong with a link") {
  World world;
  world.ann.sign_up("ann@example.test");
  auto& ann = world.ann;
  CHECK(ann.get("/verify-email").json().at("message") ==
        "[query.token] Invalid input: expected string, received undefined");
  const auto error_of = [&](const std::string& token) {
    const auto plain = ann.get(link_to(token));
    CHECK(plain.status == 401);
    const std::string code(plain.json().at("code").as_string());
    CHECK(ann.get(link_to(token, "/after")).header("Location") == "/after?error=" + code);
    CHECK(ann.get(link_to(token, "/after%3Fx%3D1%23end")).header("Location") == "/after?x=1&error=" + code + "#end");
    return code;
  };
  CHECK(error_of("garbage") == "INVALID_TOKEN");
  CHECK(error_of(crypto::sign_jwt("another secret", json::serialize(world.claims()))) == "INVALID_TOKEN");
  CHECK(error_of(world.sign({{"exp", 1}})) == "TOKEN_EXPIRED");
  CHECK(error_of(world.sign({{"exp", nullptr}})) == "INVALID_TOKEN");
  CHECK(error_of(world.sign({{"email", "nobody@example.test"}})) == "USER_NOT_FOUND");
  CHECK(error_of(world.sign({{"userId", "someone"}})) == "INVALID_TOKEN");
  CHECK(error_of(world.sign({{"updateTo", "new@example.test"}})) == "INVALID_TOKEN");
  CHECK(ann.get(link_to(world.sign({{"email", 5}}), "/after")).status == 401);
  CHECK(ann.get(link_to(world.sign(), "https%3A%2F%2Fevil.example%2F")).status == 403);
  CHECK_FALSE(world.is_verified(ann));
}

TEST_CASE("send-verification-email serves the signed-in user's own unverified address alone") {
  World world;
  world.ann.sign_up("ann@example.test");
  CHECK(world.ann.post("/send-verification-email", {{"email", "other@example.test"}}).json().at("code") ==
        "EMAIL_MISMATCH");
  CHECK(world.ann.post("/send-verification-email", {{"email", "Ann@example.test"}, {"callbackURL", "/v"}}).body ==
        R"({"status":true})");
  const auto mail = world.take_mail();
  CHECK(mail.url.ends_with("&callbackURL=%2Fv"));
  world.ann.get(path_of(mail.url));
  CHECK(world.ann.post("/send-verification-email", {{"email", "ann@example.test"}}).json().at("code") ==
        "EMAIL_ALREADY_VERIFIED");
}

TEST_CASE("send-verification-email tells a stranger nothing, not even by its time") {
  World world;
  world.ann.sign_up("ann@example.test");
  Browser stranger(world.server);
  for (const auto* email : {"ann@example.test", "nobody@example.test"}) {
    const auto started = std::chrono::steady_clock::now();
    const auto answer = stranger.post("/send-verification-email", {{"email", email}});
    CHECK((std::chrono::steady_clock::now() - started >= 500ms));
    CHECK(answer.status == 200);
    CHECK(answer.body == R"({"status":true})");
  }
  CHECK(world.take_mail().to == "ann@example.test");
}

TEST_CASE("without mails there is no verification") {
  World world;
  world.server.mailer.available = false;
  const auto answer = world.ann.post("/send-verification-email", {{"email", "ann@example.test"}});
  CHECK(answer.status == 400);
  CHECK(answer.json().at("code") == "VERIFICATION_EMAIL_NOT_ENABLED");
}

TEST_CASE("a link says nothing about an address that its user has left meanwhile") {
  World world(settings_with([](auto& settings) {
    settings.user.change_email.enabled = true;
    settings.user.change_email.update_email_without_verification = true;
  }));
  world.ann.sign_up("ann@example.test");
  const auto old_link = link_to(world.sign());
  CHECK(world.ann.post("/change-email", {{"newEmail", "new@example.test"}}).status == 200);
  CHECK(world.ann.get(old_link).status == 401);
  CHECK_FALSE(world.is_verified(world.ann));
}
