#include <doctest/doctest.h>

#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
namespace json = boost::json;
using outbound::Mail;

namespace {

std::string path_of(const std::string& url) {
  return url.substr(std::string("http://auth.example.test/api/auth").size());
}

struct World {
  explicit World(bool confirmation = false, bool at_once = false)
      : server([&] {
          auto settings = AuthServer::default_settings();
          settings.user.change_email = {true, confirmation, at_once};
          return settings;
        }()) {
    ann.sign_up("ann@example.test");
  }

  Mail take_mail() {
    REQUIRE(server.mailer.mails.size() == 1);
    auto mail = server.mailer.mails.front();
    server.mailer.mails.clear();
    return mail;
  }
  void verify_address() { server.query(R"(UPDATE "user" SET "emailVerified" = 1)"); }
  json::value user() { return ann.get("/get-session").json().at("user"); }

  AuthServer server;
  Browser ann{server};
};

}  // namespace

TEST_CASE("change-email is off unless it is switched on") {
  AuthServer server;
  Browser ann(server);
  ann.sign_up("ann@example.test");
  const auto answer = ann.post("/change-email", {{"newEmail", "new@example.test"}});
  CHECK(answer.status == 400);
  CHECK(answer.json().at("code") == "CHANGE_EMAIL_DISABLED");
}

TEST_CASE("the address changes when the link that went to the new one is followed") {
  World world;
  CHECK(world.ann.post("/change-email", {{"newEmail", "New@example.test"}, {"callbackURL", "/changed"}}).body ==
        R"({"status":true})");
  const auto mail = world.take_mail();
  CHECK(mail.kind == Mail::Kind::verify_email);
  CHECK(mail.to == "new@example.test");
  CHECK(world.user().at("email") == "ann@example.test");
  const auto followed = world.ann.get(path_of(mail.url));
  CHECK(followed.status == 302);
  CHECK(followed.header("Location") == "/changed");
  CHECK(followed.cookies().size() == 1);
  CHECK(world.user().at("email") == "new@example.test");
  CHECK(world.user().at("emailVerified") == false);
  CHECK(world.server.mailer.mails.empty());
  CHECK(world.ann.get(path_of(mail.url)).header("Location") == "/changed?error=INVALID_TOKEN");
}

TEST_CASE("a verified address agrees first where that is wanted, and stays verified") {
  World world(true);
  world.verify_address();
  world.ann.post("/change-email", {{"newEmail", "new@example.test"}, {"callbackURL", "/changed"}});
  const auto first = world.take_mail();
  CHECK(first.kind == Mail::Kind::change_email_confirmation);
  CHECK(first.to == "ann@example.test");
  CHECK(first.new_email == "new@example.test");
  CHECK(world.ann.get(path_of(first.url)).header("Location") == "/changed");
  CHECK(world.user().at("email") == "ann@example.test");
  const auto second = world.take_mail();
  CHECK(second.kind == Mail::Kind::verify_email);
  CHECK(second.to == "new@example.test");
  CHECK(world.ann.get(path_of(second.url)).header("Location") == "/changed");
  CHECK(world.user().at("email") == "new@example.test");
  CHECK(world.user().at("emailVerified") == true);
}

TEST_CASE("the link works without a session, and not in the session of somebody else") {
  World world;
  Browser ben(world.server);
  ben.sign_up("ben@example.test");
  world.ann.post("/change-email", {{"newEmail", "new@example.test"}});
  const auto link = path_of(world.take_mail().url);
  CHECK(ben.get(link).header("Location") == "/?error=INVALID_USER");
  CHECK(world.user().at("email") == "ann@example.test");
  Browser nobody(world.server);
  CHECK(nobody.get(link).header("Location") == "/");
  CHECK(world.user().at("email") == "new@example.test");
}

TEST_CASE("nobody learns from change-email whether an address is in use, and no mail goes there") {
  World world;
  Browser ben(world.server);
  ben.sign_up("ben@example.test");
  CHECK(world.ann.post("/change-email", {{"newEmail", "ben@example.test"}}).body == R"({"status":true})");
  CHECK(world.server.mailer.mails.empty());
  const auto same = world.ann.post("/change-email", {{"newEmail", "ANN@example.test"}});
  CHECK(same.status == 400);
  CHECK(same.body == R"({"message":"Email is the same"})");
}

TEST_CASE("an address that somebody took after the mail was sent stays theirs") {
  World world;
  world.ann.post("/change-email", {{"newEmail", "ben@example.test"}});
  const auto link = path_of(world.take_mail().url);
  Browser ben(world.server);
  ben.sign_up("ben@example.test");
  CHECK(world.ann.get(link).header("Location") == "/?error=INVALID_TOKEN");
  CHECK(world.user().at("email") == "ann@example.test");
}

TEST_CASE("an unverified address changes at once where that is wanted, and the new one is asked to verify") {
  World world(false, true);
  const auto answer = world.ann.post("/change-email", {{"newEmail", "new@example.test"}});
  CHECK(answer.body == R"({"status":true})");
  CHECK(answer.cookies().size() == 1);
  CHECK(world.user().at("email") == "new@example.test");
  const auto mail = world.take_mail();
  CHECK(mail.to == "new@example.test");
  world.ann.get(path_of(mail.url));
  CHECK(world.user().at("emailVerified") == true);
  world.ann.post("/change-email", {{"newEmail", "third@example.test"}});
  CHECK(world.user().at("email") == "new@example.test");
  CHECK(world.take_mail().to == "third@example.test");
}

TEST_CASE("without mails an address changes only where it may at once") {
  World world;
  world.server.mailer.available = false;
  const auto answer = world.ann.post("/change-email", {{"newEmail", "new@example.test"}});
  CHECK(answer.status == 400);
  CHECK(answer.body == R"({"message":"Verification email isn't enabled"})");
}

TEST_CASE("links that went to an address do nothing once the user has another one") {
  World world(false, true);
  world.ann.post("/request-password-reset", {{"email", "ann@example.test"}});
  const auto link = path_of(world.take_mail().url);
  const std::string token = link.substr(std::string("/reset-password/").size(), 24);
  CHECK(world.ann.post("/change-email", {{"newEmail", "new@example.test"}}).status == 200);
  CHECK(world.user().at("email") == "new@example.test");
  const auto reset = world.ann.post("/reset-password", {{"newPassword", "somebody else's"}, {"token", token}});
  CHECK(reset.status == 400);
  CHECK(reset.json().at("code") == "INVALID_TOKEN");
}

TEST_CASE("links stay as they are when a change of the address fails or changes something else") {
  World world;
  world.ann.post("/request-password-reset", {{"email", "ann@example.test"}});
  const auto link = path_of(world.take_mail().url);
  const std::string token = link.substr(std::string("/reset-password/").size(), 24);
  world.ann.post("/update-user", {{"name", "Anna"}});
  world.ann.post("/change-email", {{"newEmail", "new@example.test"}});
  const auto change = path_of(world.take_mail().url);
  Browser ben(world.server);
  ben.sign_up("new@example.test");
  CHECK(world.ann.get(change).header("Location") == "/?error=INVALID_TOKEN");
  CHECK(world.ann.post("/reset-password", {{"newPassword", "a fresh password"}, {"token", token}}).status == 200);
}
