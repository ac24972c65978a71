// The cookie cache, deferred refreshing and bound sessions, as a browser sees them.
#include <doctest/doctest.h>

#include "auth/cookie_cache.hpp"
#include "base/encoding.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;
using Strategy = config::CookieCache::Strategy;

namespace {

const std::string kTokenCookie = "better-auth.session_token";
const std::string kDataCookie = "better-auth.session_data";

config::AuthSettings with_cache(Strategy strategy = Strategy::compact) {
  auto settings = AuthServer::default_settings();
  settings.session.cookie_cache = {.enabled = true, .strategy = strategy};
  return settings;
}

config::AuthSettings with(void (*change)(config::SessionSettings&)) {
  auto settings = AuthServer::default_settings();
  change(settings.session);
  return settings;
}

struct Cached {
  explicit Cached(config::AuthSettings settings = with_cache()) : server(std::move(settings)) {
    const auto answer = ann.sign_up("ann@example.test");
    token = std::string(answer.json().at("token").as_string());
  }
  void delete_session() { server.query(R"(DELETE FROM "session")"); }
  void rename() { server.query(R"(UPDATE "user" SET "name" = 'Changed')"); }
  std::string name_in(const Answer& answer) { return std::string(answer.json().at("user").at("name").as_string()); }

  AuthServer server;
  Browser ann{server};
  std::string token;
};

// The line that sets a cookie of that name; "" without.
std::string line_of(const Answer& answer, const std::string& name) {
  for (const auto& line : answer.cookies()) {
    if (line.starts_with(name + "=")) return line;
  }
  return "";
}

}  // namespace

TEST_CASE("with the cookie cache, sign-up sets session_data, and it answers until it ends") {
  for (const auto strategy : {Strategy::compact, Strategy::jwt, Strategy::jwe}) {
    CAPTURE(static_cast<int>(strategy));
    Cached world(with_cache(strategy));
    REQUIRE(world.ann.cookies.contains(kDataCookie));
    world.rename();
    const auto cached = world.ann.get("/get-session");
    CHECK(world.name_in(cached) == "Ann");
    CHECK(cached.cookies().empty());
    CHECK(cached.json().as_object().size() == 2);
    world.server.clock.advance(301s);
    const auto read = world.ann.get("/get-session");
    CHECK(world.name_in(read) == "Changed");
    CHECK(line_of(read, kDataCookie).ends_with("; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"));
    CHECK(read.cookies().size() == 1);
  }
}

TEST_CASE("disableCookieCache reads the store and sets session_data anew") {
  Cached world;
  world.rename();
  CHECK(world.name_in(world.ann.get("/get-session?disableCookieCache=true")) == "Changed");
  CHECK(world.name_in(world.ann.get("/get-session")) == "Changed");
}

TEST_CASE("a session that was revoked opens what may come from the cache, and nothing that asks the store") {
  Cached world;
  world.delete_session();
  CHECK(world.ann.get("/get-session").body != "null");
  CHECK(world.ann.get("/list-sessions").body == "[]");
  Browser other(world.server);
  other.cookies = world.ann.cookies;
  CHECK(other.post("/revoke-sessions", boost::json::object{}).status == 401);
  CHECK(world.ann.get("/get-session?disableCookieCache=1").body == "null");
  CHECK(world.ann.cookies.empty());
}

TEST_CASE("session_data alone is no session, and a missing one is set again") {
  Cached world;
  Browser thief(world.server);
  thief.cookies[kDataCookie] = world.ann.cookies[kDataCookie];
  const auto alone = thief.get("/get-session");
  CHECK(alone.body == "null");
  CHECK(alone.cookies().empty());
  world.ann.cookies.erase(kDataCookie);
  CHECK(line_of(world.ann.get("/get-session"), kDataCookie) != "");
}

TEST_CASE("session_data of another session is not believed: the store is read and it is set anew") {
  Cached world;
  Browser bob(world.server);
  bob.sign_up("bob@example.test");
  const auto own = world.ann.cookies[kDataCookie];
  for (const std::string& planted : {bob.cookies[kDataCookie], std::string("garbage"), own.substr(1)}) {
    world.ann.cookies[kDataCookie] = planted;
    const auto answer = world.ann.get("/get-session");
    CHECK(answer.json().at("user").at("email").as_string() == "ann@example.test");
    CHECK(answer.cookies().size() == 1);
    CHECK(world.ann.cookies[kDataCookie] != planted);
  }
}

TEST_CASE("another version makes all session_data void") {
  Cached old;
  auto settings = with_cache();
  settings.session.cookie_cache.version = "2";
  Cached world(settings);
  Browser browser(world.server);
  CHECK(world.server.cookie_cache.open(old.ann.cookies[kDataCookie], old.token, world.server.clock.now()) == nullptr);
}

TEST_CASE("additional fields that are shown are in session_data, others are not") {
  auto settings = with_cache();
  settings.user.additional_fields = {
      {.name = "level", .type = config::AdditionalField::Type::number, .required = false},
      {.name = "note", .required = false, .returned = false}};
  AuthServer server(settings);
  Browser ann(server);
  ann.post("/sign-up/email", {{"name", "Ann"},
                              {"email", "ann@example.test"},
                              {"password", "correct horse battery"},
                              {"level", 1.5},
                              {"note", "a secret note"}});
  const auto cached = ann.get("/get-session");
  CHECK(cached.cookies().empty());
  CHECK(cached.json().at("user").at("level") == 1.5);
  CHECK_FALSE(cached.json().at("user").as_object().contains("note"));
  const auto payload = base64url_decode(ann.cookies[kDataCookie]).value();
  CHECK(payload.find("secret note") == std::string::npos);
  CHECK(payload.find("\"level\":1.5") != std::string::npos);
}

TEST_CASE("rememberMe false: session_data ends with the browser, and get-session does not set it again") {
  AuthServer server(with_cache());
  Browser ann(server);
  const auto answer = ann.post(
      "/sign-up/email",
      {{"name", "Ann"}, {"email", "ann@example.test"}, {"password", "correct horse battery"}, {"rememberMe", false}});
  CHECK(line_of(answer, kDataCookie).ends_with("; Path=/; HttpOnly; SameSite=Lax"));
  CHECK(line_of(answer, kDataCookie).find("Max-Age") == std::string::npos);
  CHECK(ann.get("/get-session").cookies().empty());
  server.clock.advance(61s);
  CHECK(line_of(ann.get("/get-session"), kDataCookie) == kDataCookie + "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
}

TEST_CASE("a changed user is in session_data at once, with the life that it had") {
  Cached world;
  CHECK(world.ann.post("/update-user", {{"name", "Renewed"}}).status == 200);
  CHECK(world.name_in(world.ann.get("/get-session")) == "Renewed");
}

TEST_CASE("a large user is kept in pieces, which go when it is small again, and when the browser is signed out") {
  Cached world;
  world.ann.post("/update-user", {{"image", std::string(7000, 'x')}});
  CHECK_FALSE(world.ann.cookies.contains(kDataCookie));
  CHECK(world.ann.cookies.contains(kDataCookie + ".0"));
  CHECK(world.ann.cookies.contains(kDataCookie + ".2"));
  world.rename();
  CHECK(world.name_in(world.ann.get("/get-session")) == "Ann");
  world.ann.post("/update-user", {{"image", "small"}});
  CHECK(world.ann.cookies.size() == 2);
  world.ann.post("/update-user", {{"image", std::string(7000, 'x')}});
  world.ann.post("/sign-out", boost::json::object{});
  CHECK(world.ann.cookies.empty());
}

TEST_CASE("an answer sets each cookie once, and pieces that it would have set are gone where it signs out") {
  Cached world;
  world.ann.post("/update-user", {{"image", std::string(7000, 'x')}});
  Browser bare(world.server);
  bare.cookies[kTokenCookie] = world.ann.cookies[kTokenCookie];
  const auto answer = bare.post("/revoke-sessions", boost::json::object{});
  CHECK(answer.status == 200);
  CHECK(answer.cookies().size() == 3);
  CHECK(bare.cookies.empty());
}

TEST_CASE("a renewed session gets both cookies anew") {
  Cached world;
  world.server.clock.advance(25h);
  const auto answer = world.ann.get("/list-accounts-of-nobody");
  CHECK(answer.status == 404);
  const auto renewed = world.ann.get("/get-session");
  CHECK(renewed.cookies().size() == 2);
  CHECK(line_of(renewed, kTokenCookie).find("; Max-Age=604800;") != std::string::npos);
  CHECK(line_of(renewed, kDataCookie) != "");
}

TEST_CASE("without the cookie cache session_data is never believed, and cleared") {
  Cached made;
  AuthServer server;
  Browser ann(server);
  ann.sign_up("ann@example.test");
  CHECK_FALSE(ann.cookies.contains(kDataCookie));
  ann.cookies[kDataCookie + ".0"] = made.ann.cookies[kDataCookie];
  CHECK(ann.get("/get-session").cookies() ==
        std::vector<std::string>{kDataCookie + ".0=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"});
}

TEST_CASE("with deferSessionRefresh GET writes nothing and tells, POST renews") {
  Cached world(with([](config::SessionSettings& session) { session.defer_session_refresh = true; }));
  const auto young = world.ann.get("/get-session");
  CHECK(young.json().at("needsRefresh") == false);
  CHECK_FALSE(world.ann.post("/get-session", boost::json::object{}).json().as_object().contains("needsRefresh"));
  world.server.clock.advance(25h);
  const auto told = world.ann.get("/get-session");
  CHECK(told.json().at("needsRefresh") == true);
  CHECK(told.json().at("session").at("expiresAt").as_string() == "2025-06-22T15:06:40.000Z");
  CHECK(told.cookies().empty());
  CHECK(world.ann.post("/revoke-other-sessions", boost::json::object{}).cookies().empty());
  const auto renewed = world.ann.post("/get-session", boost::json::object{});
  CHECK(renewed.json().at("session").at("expiresAt").as_string() == "2025-06-23T16:06:40.000Z");
  CHECK_FALSE(renewed.json().as_object().contains("needsRefresh"));
  CHECK(line_of(renewed, kTokenCookie) != "");
}

TEST_CASE("with deferSessionRefresh an expired row stays until POST meets it") {
  Cached world(with([](config::SessionSettings& session) { session.defer_session_refresh = true; }));
  const auto cookies = world.ann.cookies;
  world.server.clock.advance(8 * 24h);
  CHECK(world.ann.get("/get-session").body == "null");
  CHECK(world.ann.cookies.empty());
  CHECK(world.server.query(R"(SELECT "id" FROM "session")").rows.size() == 1);
  world.ann.cookies = cookies;
  CHECK(world.ann.post("/get-session", boost::json::object{}).body == "null");
  CHECK(world.server.query(R"(SELECT "id" FROM "session")").rows.empty());
}

TEST_CASE("with disableSessionRefresh no session is renewed") {
  Cached world(with([](config::SessionSettings& session) { session.disable_session_refresh = true; }));
  world.server.clock.advance(6 * 24h);
  const auto answer = world.ann.get("/get-session");
  CHECK(answer.json().at("session").at("expiresAt").as_string() == "2025-06-22T15:06:40.000Z");
  CHECK(answer.cookies().empty());
}

TEST_CASE("with preserveSessionInDatabase the rows of ended sessions stay, and open nothing") {
  Cached world(with([](config::SessionSettings& session) { session.preserve_session_in_database = true; }));
  const auto cookies = world.ann.cookies;
  world.server.clock.advance(1s);
  world.ann.post("/sign-out", boost::json::object{});
  const auto rows = world.server.query(R"(SELECT "expiresAt" FROM "session")").rows;
  REQUIRE(rows.size() == 1);
  CHECK(rows.front().time(0) == world.server.clock.now());
  world.ann.cookies = cookies;
  CHECK(world.ann.get("/get-session").body == "null");
  CHECK(world.server.query(R"(SELECT "id" FROM "session")").rows.size() == 1);
}

TEST_CASE("with preserveSessionInDatabase revoking all or others ends the rows that live, and those alone") {
  Cached world(with([](config::SessionSettings& session) { session.preserve_session_in_database = true; }));
  const auto sign_in = [&](Browser& browser) {
    browser.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "correct horse battery"}});
  };
  Browser second(world.server);
  sign_in(second);
  world.server.clock.advance(1s);
  CHECK(world.ann.post("/revoke-other-sessions", boost::json::object{}).status == 200);
  CHECK(second.get("/get-session").body == "null");
  CHECK(world.ann.get("/list-sessions").json().as_array().size() == 1);
  world.server.clock.advance(1s);
  CHECK(world.ann.post("/revoke-sessions", boost::json::object{}).status == 200);
  const auto rows = world.server.query(R"(SELECT "expiresAt" FROM "session" ORDER BY "expiresAt")").rows;
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].time(0) == world.server.clock.now() - 1s);
  CHECK(rows[1].time(0) == world.server.clock.now());
}

TEST_CASE("a bound session is none elsewhere, keeps its cookies and goes on where it began") {
  Cached world(with([](config::SessionSettings& session) { session.bind = {.user_agent = true}; }));
  const auto elsewhere = world.ann.get("/get-session", {{"user-agent", "Other/2.0"}});
  CHECK(elsewhere.body == "null");
  CHECK(elsewhere.cookies().empty());
  CHECK(world.ann.get("/list-sessions", {{"user-agent", "Other/2.0"}}).status == 401);
  CHECK(world.ann.get("/get-session").body != "null");
}

TEST_CASE("a bound session is none elsewhere also where the cookie cache would answer") {
  auto settings = with_cache();
  settings.session.bind = {.user_agent = true};
  Cached world(settings);
  CHECK(world.ann.get("/get-session", {{"user-agent", "Other/2.0"}}).body == "null");
  CHECK(world.ann.get("/get-session").body != "null");
}
