#include <doctest/doctest.h>

#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
namespace json = boost::json;

namespace {

using Field = config::AdditionalField;

config::AuthSettings settings_with_fields() {
  auto settings = AuthServer::default_settings();
  settings.user.additional_fields = {
      {.name = "nickname", .required = false},
      {.name = "plan", .required = false, .input = false, .default_value = "free"},
      {.name = "badge", .required = false, .input = false},
      {.name = "level", .type = Field::Type::number, .required = false, .default_value = "1"},
      {.name = "secretNote", .required = false, .returned = false},
      {.name = "newsletter", .type = Field::Type::boolean, .required = false, .field_name = "wants_mail"},
      {.name = "born", .type = Field::Type::date, .required = false},
      {.name = "tags", .type = Field::Type::strings, .required = false},
      {.name = "handle", .required = false, .unique = true},
  };
  settings.session.additional_fields = {{.name = "theme", .required = false},
                                        {.name = "step", .type = Field::Type::number, .default_value = "0"}};
  return settings;
}

json::object sign_up_body(json::object more = {}) {
  json::object body{{"name", "Ann"}, {"email", "ann@example.test"}, {"password", "correct horse battery"}};
  for (const auto& [name, value] : more) body[name] = value;
  return body;
}

struct World {
  AuthServer server{settings_with_fields()};
  Browser ann{server};

  json::value user() { return ann.get("/get-session").json().at("user"); }
  json::value session() { return ann.get("/get-session").json().at("session"); }
};

}  // namespace

TEST_CASE("sign-up stores additional fields, shows those that are returned, and null where nothing was given") {
  World world;
  const auto answer = world.ann.post("/sign-up/email", sign_up_body({{"nickname", "Nick"},
                                                                     {"level", 9},
                                                                     {"secretNote", "psst"},
                                                                     {"newsletter", true},
                                                                     {"born", "1990-05-17"},
                                                                     {"tags", json::array{"a", "b"}},
                                                                     {"unknown", 1}}));
  REQUIRE(answer.status == 200);
  for (const auto& user : {answer.json().at("user"), world.user()}) {
    CHECK(user.at("nickname") == "Nick");
    CHECK(user.at("level") == 9);
    CHECK(user.at("newsletter") == true);
    CHECK(user.at("born") == "1990-05-17T00:00:00.000Z");
    CHECK(user.at("tags") == json::array{"a", "b"});
    CHECK(user.at("handle").is_null());
    CHECK_FALSE(user.as_object().contains("secretNote"));
    CHECK_FALSE(user.as_object().contains("unknown"));
  }
  const auto row = world.server.query(R"(SELECT "secretNote", "wants_mail", "tags" FROM "user")").rows.front();
  CHECK(row.text(0) == "psst");
  CHECK(row.boolean(1));
  CHECK(row.text(2) == R"(["a","b"])");
}

TEST_CASE("a field that clients may not set keeps its default, and is refused without one") {
  World world;
  CHECK(world.ann.post("/sign-up/email", sign_up_body({{"plan", "gold"}})).json().at("user").at("plan") == "free");
  const auto badge = world.ann.post("/sign-up/email", sign_up_body({{"badge", "vip"}, {"email", "b@example.test"}}));
  CHECK(badge.status == 400);
  CHECK(badge.body == R"({"message":"badge is not allowed to be set","code":"FIELD_NOT_ALLOWED"})");
  const auto plan = world.ann.post("/update-user", {{"plan", "gold"}});
  CHECK(plan.status == 400);
  CHECK(plan.body == R"({"message":"plan is not allowed to be set","code":"FIELD_NOT_ALLOWED"})");
  CHECK(world.user().at("plan") == "free");
}

TEST_CASE("a required field is missed at sign-up") {
  auto settings = AuthServer::default_settings();
  settings.user.additional_fields = {{.name = "company"}};
  AuthServer server(settings);
  Browser ann(server);
  const auto answer = ann.post("/sign-up/email", sign_up_body());
  CHECK(answer.status == 400);
  CHECK(answer.body == R"({"message":"company is required","code":"MISSING_FIELD"})");
  CHECK(ann.post("/sign-up/email", sign_up_body({{"company", "Acme"}})).status == 200);
}

TEST_CASE("a value that does not fit is refused as the database refuses it") {
  World world;
  const auto answer = world.ann.post("/sign-up/email", sign_up_body({{"level", "many"}}));
  CHECK(answer.status == 422);
  CHECK(answer.json().at("code") == "FAILED_TO_CREATE_USER");
  CHECK(world.ann.post("/sign-up/email", sign_up_body({{"level", "7"}})).json().at("user").at("level") == 7);
  CHECK(world.ann.post("/update-user", {{"level", "many"}}).status == 400);
  CHECK(world.ann.post("/update-user", {{"tags", json::array{1}}}).status == 400);
}

TEST_CASE("update-user changes additional fields and leaves the others") {
  World world;
  world.ann.post("/sign-up/email", sign_up_body({{"nickname", "Nick"}, {"newsletter", true}}));
  CHECK(world.ann.post("/update-user", {{"level", 2}, {"nickname", nullptr}}).status == 200);
  CHECK(world.user().at("level") == 2);
  CHECK(world.user().at("nickname").is_null());
  CHECK(world.user().at("newsletter") == true);
  CHECK(world.user().at("name") == "Ann");
}

TEST_CASE("a unique field belongs to one user, and its conflict is none of the address") {
  World world;
  CHECK(world.ann.post("/sign-up/email", sign_up_body({{"handle", "ann"}})).status == 200);
  Browser ben(world.server);
  const auto taken = ben.post("/sign-up/email", sign_up_body({{"handle", "ann"}, {"email", "ben@example.test"}}));
  CHECK(taken.status == 422);
  CHECK(taken.json().at("code") == "FAILED_TO_CREATE_USER");
  CHECK(ben.post("/sign-up/email", sign_up_body({{"email", "ben@example.test"}})).status == 200);
  CHECK(ben.post("/update-user", {{"handle", "ann"}}).status == 422);
}

TEST_CASE("update-session changes the session's additional fields alone") {
  World world;
  world.ann.post("/sign-up/email", sign_up_body());
  CHECK(world.session().at("theme").is_null());
  CHECK(world.session().at("step") == 0);
  const auto answer = world.ann.post("/update-session", {{"theme", "dark"}, {"token", "mine"}, {"userId", "x"}});
  CHECK(answer.status == 200);
  CHECK(answer.json().at("session").at("theme") == "dark");
  CHECK(answer.json().at("session").at("step") == 0);
  CHECK(answer.cookies().size() == 1);
  CHECK(world.session().at("theme") == "dark");
  const auto nothing = world.ann.post("/update-session", {{"token", "mine"}, {"userId", "x"}});
  CHECK(nothing.status == 400);
  CHECK(nothing.body == R"({"message":"No fields to update"})");
  CHECK(world.ann.get("/list-sessions").json().at(0).at("theme") == "dark");
}

TEST_CASE("a sign-in shows the additional fields") {
  World world;
  world.ann.post("/sign-up/email", sign_up_body({{"nickname", "Nick"}}));
  const auto answer =
      world.ann.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "correct horse battery"}});
  CHECK(answer.json().at("user").at("nickname") == "Nick");
  CHECK(answer.json().at("user").at("level") == 1);
}

TEST_CASE("a day, and what is no time, in a column of dates keeps nobody out") {
  World world;
  world.ann.post("/sign-up/email", sign_up_body());
  world.server.query(R"(UPDATE "user" SET "born" = '1990-05-17')");
  CHECK(world.user().at("born") == "1990-05-17T00:00:00.000Z");
  world.server.query(R"(UPDATE "user" SET "born" = 'in spring')");
  CHECK(world.user().at("born") == "in spring");
  CHECK(world.ann.post("/update-user", {{"nickname", "Nick"}}).status == 200);
  CHECK(world.user().at("born") == "in spring");
}
