// Sessions that Redis alone has (session.store_in_database: false).
#include <doctest/doctest.h>

#include "auth/users.hpp"
#include "base/iso_time.hpp"
#include "tests/auth/secondary_world.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

struct RedisOnly {
  RedisOnly() {
    stores.add_user("u1");
    stores.change(R"(DROP TABLE "session")");
  }
  static config::SessionSettings settings() {
    config::SessionSettings settings;
    settings.store_in_database = false;
    return settings;
  }
  IdentityPtr read(const std::string& token) { return stores.run(gateway.sessions.read(token)); }

  SharedStores stores;
  GatewayOfTwo gateway{stores, settings()};
};

}  // namespace

TEST_CASE("without rows a session and its user are in Redis alone") {
  RedisOnly world;
  const auto session = world.gateway.sign_in("u1");
  CHECK(world.gateway.value("active-sessions-u1") ==
        R"([{"token":")" + session.token + R"(","expiresAt":1750604800000}])");
  const auto identity = world.read(session.token);
  REQUIRE(identity);
  CHECK(identity->user.email == "u1@example.test");
  world.gateway.database.down = true;
  CHECK(world.gateway.load(session.token) != nullptr);
  const auto listed = world.stores.run(world.gateway.sessions.list("u1"));
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].id == session.id);
}

TEST_CASE("without rows a session that is removed, or older than the user's mark, is gone") {
  RedisOnly world;
  const auto first = world.gateway.sign_in("u1");
  const auto second = world.gateway.sign_in("u1");
  const auto third = world.gateway.sign_in("u1");
  world.stores.run(world.gateway.sessions.remove(first.token));
  CHECK(world.read(first.token) == nullptr);
  CHECK(world.gateway.load(first.token) == nullptr);
  world.stores.run(world.gateway.sessions.remove_others("u1", third.token));
  CHECK(world.read(second.token) == nullptr);
  CHECK(world.read(third.token) != nullptr);
  CHECK(world.gateway.value("active-sessions-u1") ==
        R"([{"token":")" + third.token + R"(","expiresAt":1750604800000}])");
  // As a Node server does it that has not come to removing it.
  world.stores.run(world.gateway.redis.set("revoked-sessions-before-u1", "1750000000001", 1h));
  CHECK(world.read(third.token) == nullptr);
  CHECK(world.stores.run(world.gateway.sessions.list("u1")).empty());
  world.stores.clock.advance(1s);
  const auto fourth = world.gateway.sign_in("u1");
  CHECK(world.read(fourth.token) != nullptr);
  world.stores.clock.advance(1s);
  world.stores.run(world.gateway.sessions.remove_all("u1"));
  CHECK(world.read(fourth.token) == nullptr);
  CHECK_FALSE(world.gateway.value("active-sessions-u1"));
  CHECK(world.gateway.value("revoked-sessions-before-u1") == "1750000002000");
}

TEST_CASE("without rows a session is renewed in Redis, and one that is gone is not") {
  RedisOnly world;
  const auto session = world.gateway.sign_in("u1");
  const auto identity = world.read(session.token);
  world.stores.clock.advance(1h);
  const auto renewed = world.stores.run(world.gateway.sessions.renew(identity));
  REQUIRE(renewed);
  CHECK(to_iso(world.read(session.token)->session.expires_at) == "2025-06-22T16:06:40.000Z");
  world.stores.run(world.gateway.sessions.remove(session.token));
  CHECK(world.stores.run(world.gateway.sessions.renew(identity)) == nullptr);
  CHECK(world.read(session.token) == nullptr);
}

TEST_CASE("without rows a cache that fails is never taken for a session that is not there") {
  RedisOnly world;
  const auto session = world.gateway.sign_in("u1");
  world.gateway.redis.down = true;
  CHECK_THROWS_AS(world.gateway.load(session.token), Failure);
  CHECK_THROWS_AS(world.stores.run(world.gateway.sessions.remove(session.token)), Failure);
  CHECK_THROWS_AS(world.gateway.sign_in("u1"), Failure);
}

TEST_CASE("without rows live sessions that are gone from Redis are ended") {
  RedisOnly world;
  std::vector<std::string> ended;
  world.gateway.cache.on_session_ended([&](const std::string& token) { ended.push_back(token); });
  const auto gone = world.gateway.sign_in("u1");
  const auto kept = world.gateway.sign_in("u1");
  world.stores.run(world.gateway.redis.remove({gone.token}));
  world.stores.run(world.gateway.sessions.end_missing({gone.token, kept.token}));
  CHECK(ended == std::vector<std::string>{gone.token});
}

TEST_CASE("without rows a changed user is written into the values of all sessions, and a removed one ends them") {
  RedisOnly world;
  const auto first = world.gateway.sign_in("u1");
  const auto second = world.gateway.sign_in("u1");
  Users users(world.gateway.database, world.gateway.sessions, world.stores.clock);
  CHECK(world.stores.run(users.update("u1", {.name = "Anna", .email_verified = true})));
  for (const auto& session : {first, second}) {
    CHECK(world.read(session.token)->user.name == "Anna");
    CHECK(world.gateway.load(session.token)->user.email_verified);
  }
  CHECK(world.stores.run(users.remove("u1")));
  CHECK(world.read(first.token) == nullptr);
  CHECK(world.gateway.load(second.token) == nullptr);
}

TEST_CASE("without rows a user is not removed while Redis keeps the sessions") {
  RedisOnly world;
  const auto session = world.gateway.sign_in("u1");
  Users users(world.gateway.database, world.gateway.sessions, world.stores.clock);
  world.gateway.redis.down = true;
  CHECK_THROWS_AS(world.stores.run(users.remove("u1")), Failure);
  world.gateway.redis.down = false;
  CHECK(world.stores.run(users.find("u1")));
  CHECK(world.stores.run(users.remove("u1")));
  CHECK(world.read(session.token) == nullptr);
}
