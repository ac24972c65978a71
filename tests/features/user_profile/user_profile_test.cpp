#include <doctest/doctest.h>

#include "auth/session_cache.hpp"
#include "auth/sessions.hpp"
#include "auth/users.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;

namespace {

struct SignedIn {
  AuthServer server;
  Browser ann{server};
  Answer sign_up = ann.sign_up("ann@example.test");

  boost::json::value user() { return ann.get("/get-session").json().at("user"); }
};

std::string message_of(const Answer& answer) {
  return std::string(answer.json().at("message").as_string());
}

}  // namespace

TEST_CASE("update-user changes the fields that are given and sets the session's cookie again") {
  SignedIn world;
  const auto answer = world.ann.post("/update-user", {{"name", "Anna"}, {"image", "https://img.example.test/1.png"}});
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"status":true})");
  REQUIRE(answer.cookies().size() == 1);
  CHECK(answer.cookies().front().starts_with("better-auth.session_token="));
  CHECK(answer.cookies().front().find("; Max-Age=604800; ") != std::string::npos);
  CHECK(world.user().at("name") == "Anna");
  CHECK(world.user().at("image") == "https://img.example.test/1.png");
  CHECK(world.ann.post("/update-user", {{"image", nullptr}}).status == 200);
  CHECK(world.user().at("name") == "Anna");
  CHECK(world.user().at("image").is_null());
}

TEST_CASE("update-user keeps a session-only cookie as it is") {
  AuthServer server;
  Browser ann(server);
  ann.post(
      "/sign-up/email",
      {{"name", "Ann"}, {"email", "ann@example.test"}, {"password", "correct horse battery"}, {"rememberMe", false}});
  const auto lines = ann.post("/update-user", {{"name", "Anna"}}).cookies();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("Max-Age") == std::string::npos);
  CHECK(lines[1].starts_with("better-auth.dont_remember=true."));
}

TEST_CASE("update-user changes neither the address nor what only the server sets") {
  SignedIn world;
  const auto refused = world.ann.post("/update-user", {{"email", "other@example.test"}});
  CHECK(refused.status == 400);
  CHECK(refused.json().at("code") == "EMAIL_CAN_NOT_BE_UPDATED");
  const auto nothing = world.ann.post("/update-user", {{"emailVerified", true}, {"id", "x"}, {"email", ""}});
  CHECK(nothing.status == 400);
  CHECK(nothing.body == R"({"message":"No fields to update"})");
  CHECK(world.ann.post("/update-user", {{"name", "N"}, {"emailVerified", true}, {"createdAt", "x"}}).status == 200);
  CHECK(world.user().at("emailVerified") == false);
}

TEST_CASE("update-user takes an object of the right types alone") {
  SignedIn world;
  CHECK(message_of(world.ann.send("POST", "/update-user", "[]")) ==
        "[body] Invalid input: expected record, received array");
  CHECK(message_of(world.ann.send("POST", "/update-user")) ==
        "[body] Invalid input: expected record, received undefined");
  CHECK(world.ann.post("/update-user", {{"name", nullptr}}).status == 400);
  CHECK(world.ann.post("/update-user", {{"name", boost::json::array{"a"}}}).status == 400);
  CHECK(world.ann.send("POST", "/update-user", R"({"name":"a\u0000b"})").status == 400);
  CHECK(world.ann.post("/update-user", {{"name", 5}}).status == 200);
  CHECK(world.user().at("name") == "5");
}

TEST_CASE("update-user wants a session") {
  AuthServer server;
  Browser nobody(server);
  CHECK(nobody.post("/update-user", {{"name", "x"}}).status == 401);
}

TEST_CASE("a changed user is seen by the session cache at once") {
  SignedIn world;
  const std::string token(world.sign_up.json().at("token").as_string());
  auto& server = world.server;
  CHECK(run_coroutine(server.context, server.sessions.load(token))->user.name == "Ann");
  world.ann.post("/update-user", {{"name", "Anna"}});
  CHECK(run_coroutine(server.context, server.sessions.load(token))->user.name == "Anna");
}

TEST_CASE("a user is found by id and by address, and is gone with everything when it was removed") {
  SignedIn world;
  auto& server = world.server;
  std::vector<std::string> ended;
  server.cache.on_session_ended([&](const std::string& token) { ended.push_back(token); });
  const auto user = run_coroutine(server.context, server.users.find_by_email("ann@example.test"));
  REQUIRE(user);
  CHECK(run_coroutine(server.context, server.users.find(user->id))->email == "ann@example.test");
  CHECK_FALSE(run_coroutine(server.context, server.users.find(std::string("a\0b", 3))));
  CHECK(run_coroutine(server.context, server.users.remove(user->id)));
  CHECK_FALSE(run_coroutine(server.context, server.users.remove(user->id)));
  CHECK_FALSE(run_coroutine(server.context, server.users.find(user->id)));
  CHECK(ended == std::vector<std::string>{std::string(world.sign_up.json().at("token").as_string())});
  CHECK(server.query(R"(SELECT 1 FROM "session")").rows.empty());
  CHECK(server.query(R"(SELECT 1 FROM "account")").rows.empty());
}

TEST_CASE("a change that is bound to an address is not made under another one") {
  SignedIn world;
  auto& server = world.server;
  const std::string id(world.sign_up.json().at("user").at("id").as_string());
  CHECK_FALSE(run_coroutine(server.context,
                            server.users.update(id, {.email_verified = true, .while_email = "old@example.test"})));
  const auto changed = run_coroutine(
      server.context, server.users.update(id, {.email_verified = true, .while_email = "ann@example.test"}));
  REQUIRE(changed);
  CHECK(changed->email_verified);
}
