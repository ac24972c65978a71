#include <doctest/doctest.h>

#include "auth/session_cache.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;
using outbound::Mail;

namespace {

std::string path_of(const std::string& url) {
  return url.substr(std::string("http://auth.example.test/api/auth").size());
}

struct World {
  explicit World(bool by_mail = false)
      : server([&] {
          auto settings = AuthServer::default_settings();
          settings.user.delete_user.enabled = true;
          settings.user.delete_user.send_delete_account_verification = by_mail;
          return settings;
        }()) {
    ann.sign_up("ann@example.test");
  }

  std::string take_link() {
    REQUIRE(server.mailer.mails.size() == 1);
    auto url = server.mailer.mails.front().url;
    server.mailer.mails.clear();
    return path_of(url);
  }
  std::size_t users() { return server.query(R"(SELECT 1 FROM "user")").rows.size(); }

  AuthServer server;
  Browser ann{server};
};

}  // namespace

TEST_CASE("delete-user is off unless it is switched on") {
  AuthServer server;
  Browser ann(server);
  ann.sign_up("ann@example.test");
  const auto answer = ann.post("/delete-user", boost::json::object{});
  CHECK(answer.status == 404);
  CHECK(answer.body.empty());
  const auto link = ann.get("/delete-user/callback?token=x");
  CHECK(link.status == 404);
  CHECK(link.body == R"({"message":"Not found","code":"NOT_FOUND"})");
}

TEST_CASE("the right password deletes the user and signs every browser out") {
  World world;
  Browser other(world.server);
  other.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "correct horse battery"}});
  std::vector<std::string> ended;
  world.server.cache.on_session_ended([&](const std::string& token) { ended.push_back(token); });
  CHECK(world.ann.post("/delete-user", {{"password", "something else"}}).json().at("code") == "INVALID_PASSWORD");
  CHECK(world.ann.post("/delete-user", {{"password", std::string(129, 'x')}}).json().at("code") == "PASSWORD_TOO_LONG");
  const auto answer = world.ann.post("/delete-user", {{"password", "correct horse battery"}});
  CHECK(answer.body == R"({"success":true,"message":"User deleted"})");
  CHECK(world.ann.cookies.empty());
  CHECK(ended.size() == 2);
  CHECK(other.get("/get-session").body == "null");
  CHECK(world.server.query(R"(SELECT 1 FROM "user")").rows.empty());
  CHECK(world.server.query(R"(SELECT 1 FROM "session")").rows.empty());
  CHECK(world.server.query(R"(SELECT 1 FROM "account")").rows.empty());
  CHECK(other.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "correct horse battery"}}).status ==
        401);
}

TEST_CASE("without a password the session must be fresh") {
  World world;
  world.server.clock.advance(25h);
  const auto answer = world.ann.post("/delete-user", boost::json::object{});
  CHECK(answer.status == 400);
  CHECK(answer.json().at("code") == "SESSION_EXPIRED");
  CHECK(world.users() == 1);
}

TEST_CASE("where mails decide, neither the password nor a fresh session deletes, but the link does, once") {
  World world(true);
  const auto sent = world.ann.post("/delete-user", {{"password", "correct horse battery"}, {"callbackURL", "/bye"}});
  CHECK(sent.body == R"({"success":true,"message":"Verification email sent"})");
  CHECK(world.users() == 1);
  const auto link = world.take_link();
  CHECK(link.starts_with("/delete-user/callback?token="));
  CHECK(link.ends_with("&callbackURL=%2Fbye"));
  Browser nobody(world.server);
  CHECK(nobody.get(link).json().at("code") == "FAILED_TO_GET_USER_INFO");
  CHECK(world.ann.get("/delete-user/callback?token=wrong").json().at("code") == "INVALID_TOKEN");
  CHECK(world.ann.get("/delete-user/callback").status == 400);
  CHECK(world.ann.get(link + "%2F..%5C").status == 403);
  CHECK(world.users() == 1);
  const auto gone = world.ann.get(link);
  CHECK(gone.status == 302);
  CHECK(gone.header("Location") == "/bye");
  CHECK(world.users() == 0);
}

TEST_CASE("a token that another user tries is used up") {
  World world(true);
  Browser ben(world.server);
  ben.sign_up("ben@example.test");
  world.ann.post("/delete-user", boost::json::object{});
  const auto link = world.take_link();
  CHECK(ben.get(link).status == 404);
  CHECK(world.ann.get(link).status == 404);
  CHECK(world.users() == 2);
}

TEST_CASE("a token works for as long as it says") {
  World world(true);
  world.ann.post("/delete-user", boost::json::object{});
  const auto link = world.take_link();
  world.server.clock.advance(24h + 1s);
  CHECK(world.ann.get(link).status == 404);
  CHECK(world.users() == 1);
}

TEST_CASE("the token may be posted by the user") {
  World world(true);
  world.ann.post("/delete-user", boost::json::object{});
  const auto link = world.take_link();
  const auto from = link.find("token=") + 6;
  const auto token = link.substr(from, 32);
  CHECK(world.ann.post("/delete-user", {{"token", token}}).body == R"({"success":true,"message":"User deleted"})");
  CHECK(world.users() == 0);
}
