// How stale what the session cache gives may be: the part of the change feed.
#include <doctest/doctest.h>

#include "tests/auth/cache_world.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

struct Bounded : CacheWorld {
  Bounded() : CacheWorld({.staleness_max = 1s}) {}
  void heartbeat() { cache.seen_until(clock.steady()); }
  void fail_store() {
    store.asked.front().second.fail(std::make_exception_ptr(Failure(503, "database_unavailable", "down")));
    store.asked.pop_front();
    poll();
  }
};

struct Granted : CacheWorld {
  Granted() : CacheWorld({.staleness_max = 1s, .serve_on_outage = 1min}) {}
  void load_without_store(std::string token) {
    load(std::move(token));
    if (store.asked.empty()) return;
    store.asked.front().second.fail(std::make_exception_ptr(Failure(503, "database_unavailable", "down")));
    store.asked.pop_front();
    poll();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Bounded, "entries are believed as long as heartbeats come, up to their life") {
  heartbeat();
  put("a");
  for (int i = 0; i < 29; ++i) {
    clock.advance(999ms);
    CHECK(cache.find("a") != nullptr);
    heartbeat();
  }
  clock.advance(1'029ms);
  heartbeat();
  CHECK(cache.find("a") == nullptr);
}

TEST_CASE_FIXTURE(Bounded, "without a heartbeat an entry is believed for staleness_max after its own read began") {
  load("a");
  clock.advance(400ms);
  store.answer(identity(clock, "a"));
  poll();
  CHECK(seen.identities.size() == 1);
  clock.advance(599ms);
  CHECK(cache.find("a") != nullptr);
  clock.advance(1ms);
  CHECK(cache.find("a") == nullptr);
}

TEST_CASE_FIXTURE(
    Bounded,
    "when heartbeats stop, entries stop counting staleness_max after the last, and count again when they go on") {
  put("a");
  heartbeat();
  clock.advance(999ms);
  CHECK(cache.find("a") != nullptr);
  clock.advance(1ms);
  CHECK(cache.find("a") == nullptr);
  clock.advance(5s);
  heartbeat();  // nothing was lost: the same connection
  CHECK(cache.find("a") != nullptr);
}

TEST_CASE_FIXTURE(Bounded, "a heartbeat that was long under way says little") {
  put("a");
  const auto sent = clock.steady();
  clock.advance(900ms);
  cache.seen_until(sent);
  clock.advance(100ms);
  CHECK(cache.find("a") == nullptr);
}

TEST_CASE_FIXTURE(Bounded, "drop_all forgets everything, also what is being loaded") {
  heartbeat();
  put("a", "ann");
  put("b", "ben");
  load("c");
  cache.drop_all();
  heartbeat();
  CHECK(cache.find("a") == nullptr);
  CHECK(cache.find("b") == nullptr);
  store.answer(identity(clock, "c"));
  poll();
  CHECK(cache.find("c") == nullptr);
  store.answer(identity(clock, "c"));
  poll();
  CHECK(cache.find("c") != nullptr);
  put("a", "ann");
  CHECK(cache.find("a") != nullptr);
}

TEST_CASE_FIXTURE(Bounded, "what was read longer than staleness_max ago is read again, once") {
  load("a");
  clock.advance(1s);
  store.answer(identity(clock, "a", "as it was"));
  poll();
  CHECK(seen.identities.empty());
  REQUIRE(store.asked.size() == 1);
  clock.advance(999ms);
  store.answer(identity(clock, "a", "as it is"));
  poll();
  REQUIRE(seen.identities.size() == 1);
  CHECK(seen.identities[0]->user.id == "as it is");

  clock.advance(1s);
  load("a");
  for (int i = 0; i < 2; ++i) {
    clock.advance(1s);
    store.answer(identity(clock, "a"));
    poll();
  }
  CHECK(store.asked.empty());
  CHECK(seen.failures == std::vector<std::string>{"database_unavailable"});
}

TEST_CASE_FIXTURE(Bounded, "with heartbeats a slow read counts") {
  load("a");
  clock.advance(1'500ms);
  heartbeat();
  store.answer(identity(clock, "a"));
  poll();
  CHECK(seen.identities.size() == 1);
  CHECK(cache.find("a") != nullptr);
}

TEST_CASE_FIXTURE(Bounded, "a read that would not count any more is not waited for") {
  load("a");
  clock.advance(500ms);
  load("a");
  CHECK(store.asked.size() == 1);
  clock.advance(500ms);
  load("a");
  REQUIRE(store.asked.size() == 2);
  std::swap(store.asked[0], store.asked[1]);
  store.answer(identity(clock, "a"));
  poll();
  CHECK(seen.identities.size() == 1);
  store.answer(identity(clock, "a"));
  poll();
  CHECK(seen.identities.size() == 3);  // those of the first found the second's entry
  CHECK(store.asked.empty());
}

TEST_CASE_FIXTURE(Bounded, "without heartbeats and without a store the answer is a failure, never nobody") {
  put("a");
  clock.advance(1s);
  load("a");
  fail_store();
  CHECK(seen.failures == std::vector<std::string>{"database_unavailable"});
  CHECK(seen.identities.size() == 1);
}

TEST_CASE_FIXTURE(Granted, "serve_on_outage believes entries for longer when the store fails, and only then") {
  put("a");
  put("changed", "ben");
  put("short", "ann", 10s);
  cache.seen_until(clock.steady());
  clock.advance(2s);
  CHECK(cache.find("a") == nullptr);
  cache.invalidate_user("ben");
  for (const char* token : {"a", "changed", "unknown"}) load_without_store(token);
  CHECK(seen.identities.size() == 4);
  CHECK(seen.failures.size() == 2);
  clock.advance(10s);
  load_without_store("short");
  CHECK(seen.failures.size() == 3);
  clock.advance(48'999ms);  // past its life, too
  load_without_store("a");
  CHECK(seen.identities.size() == 5);
  clock.advance(1ms);
  load_without_store("a");
  CHECK(seen.failures.size() == 4);
}
