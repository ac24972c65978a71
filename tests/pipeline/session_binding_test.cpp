// session.bind and the cookies that are never believed, on proxied routes.
#include <doctest/doctest.h>

#include "tests/pipeline/pipeline_world.hpp"

using namespace gatehouse;
using tests::PipelineWorld;

namespace {

const std::string kRoutes = R"(
  - {path: /orders/**, upstream: demo}
  - {path: /optional, upstream: demo, auth: optional}
)";

struct World : PipelineWorld {
  explicit World(const std::string& session) : PipelineWorld(kRoutes, ", auth: {session: " + session + "}") {}
  // A session that began at 192.0.2.77 with the user agent "Test/1.0".
  std::string cookie_of_session() {
    const auto session = sign_in();
    tests::run_coroutine(
        io, database.query({R"(UPDATE "session" SET "ipAddress" = '192.0.2.77', "userAgent" = 'Test/1.0')"}, {}));
    return cookie_of(session);
  }
};

}  // namespace

TEST_CASE("a token that is used with another user agent is refused as none, loaded or cached, with a reason") {
  World world("{bind: {user_agent: true}}");
  const auto cookie = world.cookie_of_session();
  CHECK(world.get("/orders/7", {{"Cookie", cookie}, {"User-Agent", "Other/2.0"}})->status() == 401);
  CHECK(world.get("/orders/7", {{"Cookie", cookie}, {"User-Agent", "Test/1.0"}})->status() == 200);
  CHECK(world.get("/orders/7", {{"Cookie", cookie}, {"User-Agent", "Other/2.0"}})->status() == 401);
  CHECK(world.get("/orders/7", {{"Cookie", cookie}})->status() == 401);
  const auto lines = world.log_lines();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].at("reason").as_string() == "session_bound_elsewhere");
  CHECK_FALSE(lines[1].contains("reason"));
  CHECK(lines[2].at("reason").as_string() == "session_bound_elsewhere");
  REQUIRE(world.audit.entries.size() == 3);
  const auto& entry = world.audit.entries[0];
  CHECK(entry.note.event == auth::AuditEvent::session_bound_elsewhere);
  CHECK(entry.note.outcome == auth::AuditOutcome::failed);
  CHECK(entry.note.reason == "user_agent");
  CHECK(entry.note.actor.empty());
  CHECK(entry.note.target == "u1");
  CHECK(entry.user_agent == "Other/2.0");
  CHECK(entry.request_id == lines[0].at("request_id").as_string());
}

TEST_CASE("on an optional route a token that is used from elsewhere says nothing about the caller") {
  World world("{bind: {user_agent: true}}");
  const auto cookie = world.cookie_of_session();
  CHECK(world.get("/optional", {{"Cookie", cookie}, {"User-Agent", "Other/2.0"}})->status() == 200);
  CHECK(world.upstream_saw().find("X-User-ID") == std::string::npos);
  CHECK(world.get("/optional", {{"Cookie", cookie}, {"User-Agent", "Test/1.0"}})->status() == 200);
  CHECK(world.upstream_saw().find("X-User-ID: u1") != std::string::npos);
}

TEST_CASE("a token that is bound to a network works from its addresses, by the rule that stores them") {
  World own("{bind: {address_prefix: true}}");
  CHECK(own.get("/orders/7", {{"Cookie", own.cookie_of_session()}})->status() == 200);
  World ruled("{bind: {address_prefix: true}}, ip_address: {headers: [x-real-client]}");
  const auto cookie = ruled.cookie_of_session();
  CHECK(ruled.get("/orders/7", {{"Cookie", cookie}})->status() == 401);
  CHECK(ruled.get("/orders/7", {{"Cookie", cookie}, {"X-Real-Client", "198.51.100.1"}})->status() == 401);
  CHECK(ruled.get("/orders/7", {{"Cookie", cookie}, {"X-Real-Client", "192.0.2.3"}})->status() == 200);
}

TEST_CASE("session_data opens nothing on a proxied route, whatever it says") {
  World world("{cookie_cache: {enabled: true}}");
  const auto session = world.sign_in();
  auth::User user;
  user.id = "u1";
  user.created_at = user.updated_at = world.clock.now();
  const auto data =
      "__Secure-better-auth.session_data=" + world.cookie_cache.make(session, user, true, world.clock.now());
  CHECK(world.get("/orders/7", {{"Cookie", data}})->status() == 401);
  CHECK(world.get("/orders/7", {{"Cookie", world.cookie_of(session) + "; " + data}})->status() == 200);
  tests::run_coroutine(world.io, world.sessions.remove(session.token));
  CHECK(world.get("/orders/7", {{"Cookie", world.cookie_of(session) + "; " + data}})->status() == 401);
  CHECK(world.upstream_saw().find("session_data") == std::string::npos);
}

TEST_CASE("with deferSessionRefresh a session that only passes by is not renewed") {
  World world("{defer_session_refresh: true}");
  const auto session = world.sign_in("u1", std::chrono::hours(48));
  const auto client = world.get("/orders/7", {{"Cookie", world.cookie_of(session)}});
  CHECK(client->status() == 200);
  CHECK(client->field("Set-Cookie") == std::nullopt);
}
