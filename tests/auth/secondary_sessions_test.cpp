// Sessions whose rows are in the database, with Redis beside it.
#include <doctest/doctest.h>

#include "auth/users.hpp"
#include "base/iso_time.hpp"
#include "tests/auth/secondary_world.hpp"
#include "tests/support/run_until.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

struct TwoGateways {
  TwoGateways() {
    stores.add_user("u1");
    a.settle("first");
    b.settle("first");
  }
  SharedStores stores;
  GatewayOfTwo a{stores};
  GatewayOfTwo b{stores};
};

// What a Node server makes of a session: a value with additional fields, and the list.
std::string as_node_writes(const Session& session) {
  return R"({"session":{"id":")" + session.id + R"(","token":")" + session.token + R"(","userId":")" + session.user_id +
         R"(","expiresAt":")" + to_iso(session.expires_at) + R"(","createdAt":")" + to_iso(session.created_at) +
         R"(","updatedAt":")" + to_iso(session.updated_at) + R"(","device":"phone"},"user":{"id":")" + session.user_id +
         R"(","name":"Ann","email":"ann@example.test","emailVerified":false,"createdAt":"2026-01-01T00:00:00.000Z",)" +
         R"("updatedAt":"2026-01-01T00:00:00.000Z","plan":"free"}})";
}

}  // namespace

TEST_CASE("a new session is in the database and, as Better Auth has it, in Redis") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  CHECK(two.stores.run(two.a.sessions.read(session.token)) != nullptr);
  CHECK(
      two.a.value(session.token) ==
      R"({"session":{"expiresAt":"2025-06-22T15:06:40.000Z","token":")" + session.token +
          R"(","createdAt":"2025-06-15T15:06:40.000Z","updatedAt":"2025-06-15T15:06:40.000Z","ipAddress":"192.0.2.1",)" +
          R"("userAgent":"Test/1.0","userId":"u1","id":")" + session.id +
          R"("},"user":{"name":"Ann","email":"u1@example.test","emailVerified":false,"image":null,)" +
          R"("createdAt":"2025-06-15T15:06:40.000Z","updatedAt":"2025-06-15T15:06:40.000Z","id":"u1"}})");
  CHECK(two.a.value("active-sessions-u1") == R"([{"token":")" + session.token + R"(","expiresAt":1750604800000}])");
}

TEST_CASE("a session that any gateway has confirmed is loaded from Redis alone") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  two.b.database.queries = 0;
  const auto loaded = two.b.load(session.token);
  REQUIRE(loaded);
  CHECK(loaded->user.email == "u1@example.test");
  CHECK(loaded->session.id == session.id);
  CHECK(two.b.database.queries == 0);
}

TEST_CASE("what somebody else wrote to Redis is believed when the database has said the same, and stays as it is") {
  TwoGateways two;
  auto session = two.a.sessions.make({"u1", true, "", ""});
  two.stores.run(run(*two.stores.database, two.a.sessions.insert(session)));
  two.stores.run(two.a.redis.set(session.token, as_node_writes(session), 1h));
  two.a.database.queries = 0;
  CHECK(two.a.load(session.token) != nullptr);
  CHECK(two.a.database.queries == 1);
  CHECK(two.a.load(session.token) != nullptr);
  CHECK(two.b.load(session.token) != nullptr);
  CHECK(two.a.database.queries == 1);
  CHECK(two.a.value(session.token) == as_node_writes(session));
}

TEST_CASE("a value in Redis without a row in the database opens nothing") {
  TwoGateways two;
  const auto session = two.a.sessions.make({"u1", true, "", ""});
  two.stores.run(two.a.redis.set(session.token, as_node_writes(session), 1h));
  CHECK(two.a.load(session.token) == nullptr);
  CHECK(two.a.load(session.token) == nullptr);
}

TEST_CASE("a session that is removed is gone from Redis too, for every gateway") {
  TwoGateways two;
  const auto gone = two.a.sign_in("u1");
  const auto kept = two.a.sign_in("u1");
  two.stores.run(two.a.sessions.remove(gone.token));
  CHECK(two.b.load(gone.token) == nullptr);
  CHECK(two.b.load(kept.token) != nullptr);
  CHECK_FALSE(two.a.value(gone.token));
  CHECK_FALSE(two.a.value(SessionKeys(gone.token).copy));
  CHECK(two.a.value("active-sessions-u1") == R"([{"token":")" + kept.token + R"(","expiresAt":1750604800000}])");
}

TEST_CASE("removing all of a user's sessions leaves Better Auth's mark") {
  TwoGateways two;
  const auto first = two.a.sign_in("u1");
  const auto second = two.a.sign_in("u1");
  two.stores.run(two.b.sessions.remove_all("u1"));
  CHECK(two.a.load(first.token) == nullptr);
  CHECK(two.a.load(second.token) == nullptr);
  CHECK_FALSE(two.a.value(first.token));
  CHECK_FALSE(two.a.value("active-sessions-u1"));
  CHECK(two.a.value("revoked-sessions-before-u1") == "1750000000000");
}

TEST_CASE("removing the others keeps the one") {
  TwoGateways two;
  const auto other = two.a.sign_in("u1");
  const auto kept = two.a.sign_in("u1");
  two.stores.run(two.b.sessions.remove_others("u1", kept.token));
  CHECK(two.a.load(other.token) == nullptr);
  CHECK(two.a.load(kept.token) != nullptr);
  CHECK_FALSE(two.a.value(other.token));
  CHECK(two.a.value(kept.token));
  CHECK_FALSE(two.a.value("revoked-sessions-before-u1"));
}

TEST_CASE("a renewed session has its new end in Redis, and fields that a Node server added stay") {
  TwoGateways two;
  auto session = two.a.sessions.make({"u1", true, "", ""});
  two.stores.run(run(*two.stores.database, two.a.sessions.insert(session)));
  two.stores.run(two.a.redis.set(session.token, as_node_writes(session), 1h));
  const auto identity = two.a.load(session.token);
  two.stores.clock.advance(30min);
  const auto renewed = two.stores.run(two.a.sessions.renew(identity));
  REQUIRE(renewed);
  const auto text = two.a.value(session.token).value_or("");
  CHECK(text.find(R"("expiresAt":"2025-06-22T15:36:40.000Z")") != std::string::npos);
  CHECK(text.find(R"("device":"phone")") != std::string::npos);
  CHECK(text.find(R"("plan":"free")") != std::string::npos);
  const auto loaded = two.b.load(session.token);
  REQUIRE(loaded);
  CHECK(to_iso(loaded->session.expires_at) == "2025-06-22T15:36:40.000Z");
}

TEST_CASE("a back-fill that began before a removal fills nothing") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  auto finding = two.stores.run(two.a.secondary.find(session.token));
  const auto identity = two.stores.run(two.a.sessions.read(session.token));
  two.stores.run(two.b.sessions.remove(session.token));
  two.stores.run(two.a.secondary.fill(finding, identity));
  CHECK_FALSE(two.a.value(SessionKeys(session.token).copy));
  two.stores.run(two.a.secondary.add(finding, identity));
  CHECK_FALSE(two.a.value(session.token));
  CHECK(two.b.load(session.token) == nullptr);
}

TEST_CASE("while a change has not been told to Redis, what Redis holds of it does not count") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  two.a.database.queries = 0;
  {
    const SessionTrust::Change change(two.a.trust, "u1");
    CHECK(two.a.load(session.token) != nullptr);
    CHECK(two.a.database.queries == 1);
  }
  {
    const SessionTrust::Change change(two.a.trust, session.token);
    CHECK(two.a.load(session.token) != nullptr);
    CHECK(two.a.database.queries == 2);
  }
  CHECK(two.a.load(session.token) != nullptr);
  CHECK(two.a.database.queries == 2);
}

TEST_CASE("when the epoch has moved on, the database says everything once more") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  two.b.trust.distrust();
  two.b.database.queries = 0;
  CHECK(two.b.load(session.token) != nullptr);
  CHECK(two.b.database.queries == 1);
  two.b.settle("second");
  two.b.database.queries = 0;
  CHECK(two.b.load(session.token) != nullptr);
  CHECK(two.b.load(session.token) != nullptr);
  CHECK(two.b.database.queries == 1);
}

TEST_CASE("without Redis nothing fails and nothing wrong is believed afterwards") {
  TwoGateways two;
  const auto before = two.a.sign_in("u1");
  two.a.redis.down = true;
  const auto during = two.a.sign_in("u1");
  CHECK(two.a.load(during.token) != nullptr);
  CHECK(two.a.load(before.token) != nullptr);
  two.stores.run(two.a.sessions.remove(before.token));
  CHECK(two.a.load(before.token) == nullptr);
  two.stores.run(two.a.sessions.renew(two.a.load(during.token)));
  two.a.redis.down = false;
  // Still there: Redis was not told.
  CHECK(two.a.value(before.token));
  CHECK(two.a.load(before.token) == nullptr);
  auto task = two.a.trust.begin_settling();
  REQUIRE(task);
  CHECK(task->to_remove == std::vector<std::string>{before.token});
}

TEST_CASE("the follower moves the epoch on and removes what could not be removed") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  two.a.redis.down = true;
  two.stores.run(two.a.sessions.remove(session.token));
  two.a.redis.down = false;
  SecondaryFollower follower(two.stores.context.get_executor(), two.a.redis, two.a.database, two.a.trust,
                             two.stores.random, [] {});
  follower.start();
  REQUIRE(run_until(two.stores.context, [&] { return !two.a.trust.view().epoch.empty(); }));
  CHECK_FALSE(two.a.value(session.token));
  CHECK_FALSE(two.a.value(SessionKeys(session.token).copy));
  CHECK(two.a.trust.view().epoch.size() == 32);
  CHECK(two.a.value("gatehouse:epoch") == two.a.trust.view().epoch);
}

TEST_CASE("the follower takes over another gateway's epoch, and makes one where Redis was emptied") {
  TwoGateways two;
  int epochs = 0;
  SecondaryFollower follower(two.stores.context.get_executor(), two.a.redis, two.a.database, two.a.trust,
                             two.stores.random, [&] { ++epochs; });
  two.stores.run(two.b.redis.set("gatehouse:epoch", "second", 1h));
  follower.start();
  REQUIRE(run_until(two.stores.context, [&] { return two.a.trust.view().epoch == "second"; }));
  REQUIRE(run_until(two.stores.context, [&] { return epochs == 1; }));
  two.stores.run(two.b.redis.remove({"gatehouse:epoch"}));
  REQUIRE(run_until(two.stores.context, [&] { return two.a.trust.view().epoch.size() == 32; }));
  CHECK(two.a.value("gatehouse:epoch") == two.a.trust.view().epoch);
  CHECK(epochs == 2);
}

TEST_CASE("changes that the feed tells are taken out of Redis") {
  using Kind = storage::Change::Kind;
  TwoGateways two;
  SecondaryFollower follower(two.stores.context.get_executor(), two.a.redis, two.a.database, two.a.trust,
                             two.stores.random, [] {});
  const auto ended = two.a.sign_in("u1");
  const auto other = two.a.sign_in("u1");
  const auto copy = [&](const Session& session) { return two.a.value(SessionKeys(session.token).copy); };
  two.stores.change(R"(DELETE FROM "session" WHERE "token" = ')" + ended.token + "'");
  follower.on_change({Kind::session_ended, ended.token});
  CHECK(two.a.load(ended.token) == nullptr);
  REQUIRE(run_until(two.stores.context, [&] { return !two.a.value(ended.token); }));
  CHECK_FALSE(copy(ended));
  CHECK(copy(other));

  two.stores.change(R"(UPDATE "user" SET "name" = 'Anna')");
  follower.on_change({Kind::user_changed, "u1"});
  CHECK(two.a.load(other.token)->user.name == "Anna");
  REQUIRE(run_until(two.stores.context, [&] { return two.a.trust.view().changing.empty(); }));
  CHECK(two.a.value(other.token));
  CHECK(two.b.load(other.token)->user.name == "Anna");

  follower.on_change({Kind::sessions_ended, "u1"});
  REQUIRE(run_until(two.stores.context, [&] { return two.a.trust.view().changing.empty(); }));
  CHECK_FALSE(two.a.value(other.token));

  follower.on_change({Kind::everything, ""});
  CHECK(two.a.trust.view().epoch.empty());
}

TEST_CASE("with the database down, what it has confirmed goes on and the rest is 503") {
  TwoGateways two;
  const auto known = two.a.sign_in("u1");
  const auto unknown = two.a.sessions.make({"u1", true, "", ""});
  two.stores.run(two.a.redis.set(unknown.token, as_node_writes(unknown), 1h));
  two.a.database.down = true;
  CHECK(two.a.load(known.token) != nullptr);
  CHECK_THROWS_AS(two.a.load(unknown.token), Failure);
  CHECK(two.a.load(known.token) != nullptr);
  two.a.redis.down = true;
  CHECK_THROWS_AS(two.a.load(known.token), Failure);
  two.a.redis.down = false;
  two.a.database.down = false;
  CHECK(two.a.load(known.token) != nullptr);
  CHECK(two.a.load(unknown.token) == nullptr);
}

TEST_CASE("while the feed is not followed the database is asked first, and Redis when it does not answer") {
  SharedStores stores;
  stores.add_user("u1");
  GatewayOfTwo gateway(stores, {}, {.staleness_max = 1'000ms});
  gateway.settle("first");
  const auto session = gateway.sign_in("u1");
  gateway.database.queries = 0;
  CHECK(gateway.load(session.token) != nullptr);
  CHECK(gateway.database.queries == 1);
  gateway.database.down = true;
  CHECK(gateway.load(session.token) != nullptr);
  CHECK(gateway.database.queries == 2);
  // Known to be down now: not tried by each request.
  CHECK(gateway.load(session.token) != nullptr);
  CHECK(gateway.load(session.token) != nullptr);
  CHECK(gateway.database.queries == 2);
  gateway.database.down = false;
  stores.clock.advance(1s);
  CHECK(gateway.load(session.token) != nullptr);
  REQUIRE(run_until(stores.context, [&] { return !gateway.trust.database_is_down(); }));
  stores.change(R"(DELETE FROM "session")");
  CHECK(gateway.load(session.token) == nullptr);
}

TEST_CASE("a changed user is shown by the values of all sessions, with what a Node server added, and by no copy") {
  TwoGateways two;
  const auto first = two.a.sign_in("u1");
  const auto second = two.a.sessions.make({"u1", true, "", ""});
  two.stores.run(run(*two.stores.database, two.a.sessions.insert(second)));
  two.stores.run(two.a.redis.set("active-sessions-u1",
                                 R"([{"token":")" + first.token + R"(","expiresAt":1750604800000},{"token":")" +
                                     second.token + R"(","expiresAt":1750604800000}])",
                                 1h));
  two.stores.run(two.a.redis.set(second.token, as_node_writes(second), 1h));
  CHECK(two.b.load(first.token)->user.name == "Ann");
  CHECK(two.b.load(second.token)->user.name == "Ann");
  Users users(two.a.database, two.a.sessions, two.stores.clock);
  const auto changed = two.stores.run(users.update("u1", {.name = "Anna"}));
  REQUIRE(changed);
  CHECK(changed->name == "Anna");
  CHECK(two.b.load(first.token)->user.name == "Anna");
  CHECK(two.b.load(second.token)->user.name == "Anna");
  CHECK(two.a.value(first.token).value_or("").find(R"("name":"Anna")") != std::string::npos);
  const auto value = two.a.value(second.token).value_or("");
  CHECK(value.find(R"("name":"Anna")") != std::string::npos);
  CHECK(value.find(R"("device":"phone")") != std::string::npos);
  CHECK(value.find(R"("plan":"free")") != std::string::npos);
}

TEST_CASE("a user is changed although Redis is down, and nothing old is believed when it is back") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  CHECK(two.b.load(session.token)->user.name == "Ann");
  two.a.redis.down = true;
  Users users(two.a.database, two.a.sessions, two.stores.clock);
  CHECK(two.stores.run(users.update("u1", {.name = "Anna"})));
  two.a.redis.down = false;
  two.a.settle("second");
  two.b.trust.adopt("second");
  CHECK(two.a.load(session.token)->user.name == "Anna");
  CHECK(two.b.load(session.token)->user.name == "Anna");
}

TEST_CASE("the sessions of a user who is removed are nowhere any more") {
  TwoGateways two;
  const auto session = two.a.sign_in("u1");
  CHECK(two.b.load(session.token) != nullptr);
  Users users(two.a.database, two.a.sessions, two.stores.clock);
  CHECK(two.stores.run(users.remove("u1")));
  CHECK(two.a.load(session.token) == nullptr);
  CHECK(two.b.load(session.token) == nullptr);
  CHECK_FALSE(two.a.value(session.token));
  CHECK_FALSE(two.a.value("active-sessions-u1"));
}
