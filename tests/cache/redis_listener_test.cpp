// What listeners are told when a real server stops, dies, comes back or throws them out.
#include <doctest/doctest.h>

#include "tests/cache/redis_world.hpp"
#include "tests/contracts/heard_listener.hpp"
#include "tests/support/redis_server.hpp"

using namespace gatehouse;
using namespace gatehouse::cache;
using namespace gatehouse::tests;
using std::chrono::minutes;

namespace {

struct ListeningWorld : RedisWorld {
  void listen(const std::string& url, CacheOptions options = {}) {
    open(url, options);
    subscription = cache->subscribe({"news"}, news);
    tracking = cache->track(changes);
    REQUIRE(run_until(io, [&] { return news.live && changes.live; }));
  }
  // Reads, changes by somebody else, and waits to be told.
  bool is_told() {
    return run_until(io, [&] { return failure(cache->get("key")).empty(); }) &&
           server.ask("SET key " + std::to_string(++number)) == "+OK\r\n" &&
           run_until(io, [&] { return changes.has_key("key"); }) &&
           server.ask("PUBLISH news " + std::to_string(number)) == ":1\r\n" &&
           run_until(io, [&] { return !news.messages.empty(); });
  }
  void forget() {
    changes.keys.clear();
    news.messages.clear();
  }

  RedisProcess server;
  HeardListener news;
  HeardListener changes;
  std::unique_ptr<Subscription> subscription;
  std::unique_ptr<Subscription> tracking;
  int number = 0;
};

}  // namespace

TEST_CASE_FIXTURE(ListeningWorld, "listeners are told of a server's death, and hear again after its restart") {
  listen(server.user_url());
  CHECK(is_told());
  for (int round = 1; round <= 2; ++round) {
    server.kill();
    CHECK(run_until(io, [&] { return !news.live && !changes.live; }));
    CHECK(news.lost == round);
    forget();
    server.start();
    CHECK(run_until(io, [&] { return news.live && changes.live; }));
    CHECK(is_told());
  }
}

TEST_CASE_FIXTURE(ListeningWorld, "a subscription that the server throws out is made again, and so is tracking") {
  listen(server.url());
  REQUIRE(server.ask("CLIENT KILL TYPE pubsub") == ":1\r\n");
  CHECK(run_until(io, [&] { return news.lost == 1 && changes.lost == 1; }));
  CHECK(run_until(io, [&] { return news.live && changes.live; }));
  CHECK(is_told());
}

TEST_CASE_FIXTURE(ListeningWorld, "tracking is lost with the connection of the commands, subscriptions are not") {
  listen(server.url());
  REQUIRE(server.ask("CLIENT KILL TYPE normal").starts_with(":"));
  CHECK(run_until(io, [&] { return changes.lost == 1; }));
  CHECK(run_until(io, [&] { return changes.live; }));
  CHECK(news.lost == 0);
  CHECK(is_told());
}

TEST_CASE_FIXTURE(ListeningWorld, "a server that loses all its values at once tells so") {
  listen(server.url());
  run(cache->get("key"));
  REQUIRE(server.ask("FLUSHALL") == "+OK\r\n");
  CHECK(run_until(io, [&] { return changes.lost == 1 && changes.resumed == 2; }));
  CHECK(news.lost == 0);
  CHECK(is_told());
}

TEST_CASE_FIXTURE(ListeningWorld, "a value whose life has ended is told") {
  listen(server.url());
  run(cache->set("brief", "value", milliseconds{20}));
  run(cache->get("brief"));
  changes.keys.clear();
  CHECK(run_until(io, [&] { return changes.has_key("brief"); }));
}

TEST_CASE_FIXTURE(ListeningWorld, "a server that has stopped is noticed by who listens, without any call") {
  listen(server.url(), {.keep_alive = milliseconds{50}});
  server.freeze();
  CHECK(run_until(io, [&] { return !news.live && !changes.live; }));
  server.thaw();
  CHECK(run_until(io, [&] { return news.live && changes.live; }));
  CHECK(is_told());
}

TEST_CASE_FIXTURE(ListeningWorld, "who may not track keys is never told that it is tracked, and all else works") {
  REQUIRE(server.ask("ACL SETUSER reader on >hunter2 ~* &* +get +ping +subscribe") == "+OK\r\n");
  open("redis://reader:hunter2@127.0.0.1:" + std::to_string(server.port()));
  subscription = cache->subscribe({"news"}, news);
  tracking = cache->track(changes);
  CHECK(run_until(io, [&] { return news.live; }));
  CHECK(run(cache->get("key")) == std::nullopt);
  REQUIRE(server.ask("PUBLISH news x") == ":1\r\n");
  CHECK(run_until(io, [&] { return !news.messages.empty(); }));
  CHECK_FALSE(changes.live);
}
