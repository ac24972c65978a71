#include "auth/session_cache.hpp"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <stdexcept>
#include <thread>

#include "auth/load_permit.hpp"
#include "tests/auth/cache_world.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

struct Fixture : CacheWorld {
  Fixture() : CacheWorld({.entries_max = 64 * 4, .life = 30s}) {}
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "find knows what was loaded, and nothing else") {
  CHECK(cache.find("a") == nullptr);
  put("a");
  REQUIRE(cache.find("a") != nullptr);
  CHECK(cache.find("a")->session.token == "a");
  CHECK(cache.find("b") == nullptr);
  CHECK(cache.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "an entry ends after its life, and never outlives its session") {
  put("long");
  put("short", "user", 5s);
  clock.advance(4999ms);
  CHECK(cache.find("short") != nullptr);
  clock.advance(1ms);
  CHECK(cache.find("short") == nullptr);
  clock.advance(24'999ms);
  CHECK(cache.find("long") != nullptr);
  clock.advance(1ms);
  CHECK(cache.find("long") == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "many who miss at once ask the store once") {
  for (int i = 0; i < 20; ++i) load("a");
  CHECK(store.asked.size() == 1);
  store.answer(identity(clock, "a"));
  poll();
  CHECK(seen.identities.size() == 20);
  load("a");
  CHECK(store.asked.empty());
  CHECK(seen.identities.size() == 21);
}

TEST_CASE_FIXTURE(Fixture, "a session that does not exist is told to all and not kept") {
  load("a");
  load("a");
  store.answer(nullptr);
  poll();
  CHECK(seen.identities == std::vector<IdentityPtr>{nullptr, nullptr});
  load("a");
  CHECK(store.asked.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a store that is down fails all who wait, and is asked again by the next") {
  load("a");
  load("a");
  store.asked.front().second.fail(std::make_exception_ptr(Failure(503, "database_unavailable", "down")));
  store.asked.pop_front();
  poll();
  CHECK(seen.failures == std::vector<std::string>{"database_unavailable", "database_unavailable"});
  load("a");
  CHECK(store.asked.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "who waits for a load that fails gets an exception that no other thread looks at") {
  std::vector<std::exception_ptr> thrown;
  const auto wait = [&] {
    asio::co_spawn(context, cache.load("a", store.loader()),
                   [&thrown](const std::exception_ptr& error, const IdentityPtr&) { thrown.push_back(error); });
    poll();
  };
  const auto text_of = [](const std::exception_ptr& error) -> const char* {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& failure) {
      return failure.what();
    }
  };
  const auto fail = [&](std::exception_ptr error) {
    wait();
    wait();
    store.asked.front().second.fail(std::move(error));
    store.asked.pop_front();
    poll();
    REQUIRE(thrown.size() == 2);
    CHECK(thrown[0] != thrown[1]);
  };
  fail(std::make_exception_ptr(Failure(503, "database_unavailable", "down")));
  CHECK(std::string(text_of(thrown[0])) == "down");
  CHECK(std::string(text_of(thrown[1])) == "down");
  CHECK(static_cast<const void*>(text_of(thrown[0])) != static_cast<const void*>(text_of(thrown[1])));
  CHECK_THROWS_AS(std::rethrow_exception(thrown[0]), Failure);
  thrown.clear();
  fail(std::make_exception_ptr(std::logic_error("unforeseen")));
  CHECK(std::string(text_of(thrown[0])) == "unforeseen");
  CHECK(static_cast<const void*>(text_of(thrown[0])) != static_cast<const void*>(text_of(thrown[1])));
  thrown.clear();
  fail(std::make_exception_ptr(LoadWithdrawn{}));
  CHECK_THROWS_AS(std::rethrow_exception(thrown[0]), LoadWithdrawn);
}

TEST_CASE_FIXTURE(Fixture, "invalidate forgets the session") {
  put("a");
  put("b");
  cache.invalidate("a");
  CHECK(cache.find("a") == nullptr);
  CHECK(cache.find("b") != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "a load that began before an invalidation never revives the session") {
  load("a");
  cache.invalidate("a");
  store.answer(identity(clock, "a"));
  poll();
  CHECK(cache.find("a") == nullptr);
  CHECK(seen.identities.empty());  // who waited asks again
  REQUIRE(store.asked.size() == 1);
  store.answer(nullptr);
  poll();
  CHECK(seen.identities == std::vector<IdentityPtr>{nullptr});
}

TEST_CASE_FIXTURE(Fixture, "who comes after an invalidation does not wait for the load that began before it") {
  load("a");
  cache.invalidate("a");
  load("a");
  REQUIRE(store.asked.size() == 2);
  auto old = std::move(store.asked.front());
  store.asked.pop_front();
  store.answer(identity(clock, "a"));
  poll();
  CHECK(seen.identities.size() == 1);
  CHECK(cache.find("a") != nullptr);
  old.second.resume(identity(clock, "a", "somebody else"));
  poll();
  REQUIRE(seen.identities.size() == 2);
  CHECK(seen.identities[1]->user.id == "user");
}

TEST_CASE_FIXTURE(Fixture, "invalidate_user forgets all sessions of the user, also those that are being loaded") {
  put("a", "ann");
  put("b", "ben");
  put("c", "ann");
  load("d");
  cache.invalidate_user("ann");
  CHECK(cache.find("a") == nullptr);
  CHECK(cache.find("b") != nullptr);
  CHECK(cache.find("c") == nullptr);
  store.answer(identity(clock, "d", "ann"));
  poll();
  CHECK(cache.find("d") == nullptr);
  store.answer(identity(clock, "d", "ann"));
  poll();
  CHECK(cache.find("d") != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "end tells the listener after the session was forgotten") {
  put("a");
  std::vector<std::string> ended;
  cache.on_session_ended([&](const std::string& token) {
    CHECK(cache.find(token) == nullptr);
    ended.push_back(token);
  });
  cache.end("a");
  cache.end("never cached");
  cache.invalidate("b");
  CHECK(ended == std::vector<std::string>{"a", "never cached"});
}

TEST_CASE_FIXTURE(Fixture, "the number of entries is bounded, and ended ones are cleared away by newcomers") {
  for (int i = 0; i < 2000; ++i) put("token-" + std::to_string(i));
  CHECK(cache.size() <= 64 * 4);
  CHECK(cache.find("token-1999") != nullptr);
  clock.advance(31s);
  for (int i = 0; i < 400; ++i) put("next-" + std::to_string(i));
  CHECK(cache.find("token-1999") == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "begin_refresh lets one at a time") {
  CHECK(cache.begin_refresh("a"));
  CHECK_FALSE(cache.begin_refresh("a"));
  CHECK(cache.begin_refresh("b"));
  cache.end_refresh("a");
  CHECK(cache.begin_refresh("a"));
}

TEST_CASE_FIXTURE(Fixture, "stop fails those who wait and those who come later") {
  load("a");
  load("b");
  cache.invalidate("b");
  cache.stop();
  poll();
  load("c");
  CHECK(seen.failures == std::vector<std::string>{"shutting_down", "shutting_down", "shutting_down"});
}

TEST_CASE("a load whose thread goes away fails those who wait on other threads") {
  ManualClock clock;
  SessionCache cache(clock);
  asio::io_context other;
  Seen seen, lost;
  Store store;
  {
    asio::io_context gone;
    asio::co_spawn(gone, load_into(cache, "a", store.loader(), lost), asio::detached);
    gone.poll();
    asio::co_spawn(other, load_into(cache, "a", store.loader(), seen), asio::detached);
    other.poll();
    // The store answers nobody anymore: its coroutine is destroyed with its waiter.
    store.asked.clear();
    gone.restart();
    gone.poll();
  }
  other.restart();
  other.poll();
  CHECK(store.asked.empty());
  CHECK(seen.failures == std::vector<std::string>{"shutting_down"});
}

namespace {

// What really is in the store, with a version that grows at each change.
struct SharedStore {
  std::atomic<std::uint64_t> version{1};
  std::atomic<std::uint64_t> reads{0};

  Awaitable<IdentityPtr> read(const Clock& clock, std::string token) {
    const auto seen = version.load();
    ++reads;
    // Lets other handlers of this thread run between reading and telling.
    co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    auto made = std::make_shared<Identity>();
    made->session.token = std::move(token);
    made->session.expires_at = clock.now() + 1h;
    made->user.id = "user";
    made->user.name = std::to_string(seen);
    co_return made;
  }
};

struct Run {
  SystemClock clock;
  SessionCache cache{clock, {.entries_max = 64 * 8, .life = 2ms}};
  SharedStore store;
  std::atomic<int> wrong{0};
};

Awaitable<> load_often(Run& run, unsigned seed, int rounds) {
  SessionCache::Loader loader = [&run](std::string token) { return run.store.read(run.clock, std::move(token)); };
  for (int i = 0; i < rounds; ++i) {
    seed = seed * 1'664'525 + 1'013'904'223;
    const std::string token = "token-" + std::to_string(seed >> 16 & 7);
    if ((seed >> 24 & 15) == 0) {
      const auto changed = ++run.store.version;
      if ((seed >> 28 & 1) == 0) {
        run.cache.invalidate(token);
      } else {
        run.cache.invalidate_user("user");
      }
      // What is known from now on about this token is not older than the change.
      const auto known = run.cache.find(token);
      if (known && std::stoull(known->user.name) < changed) ++run.wrong;
    }
    auto found = co_await run.cache.load(token, loader);
    if (!found || found->session.token != token) ++run.wrong;
  }
}

}  // namespace

TEST_CASE("threads that load, invalidate and expire never see what an invalidation has made void") {
  Run run;
  constexpr int kThreads = 4;
  std::vector<std::unique_ptr<asio::io_context>> contexts;
  for (int i = 0; i < kThreads; ++i) contexts.push_back(std::make_unique<asio::io_context>(1));
  for (int i = 0; i < kThreads; ++i) {
    for (unsigned j = 0; j < 8; ++j) {
      asio::co_spawn(*contexts[static_cast<std::size_t>(i)], load_often(run, static_cast<unsigned>(i) * 100 + j, 300),
                     asio::detached);
    }
  }
  std::vector<std::thread> threads;
  for (auto& context : contexts) threads.emplace_back([&context] { context->run(); });
  for (auto& thread : threads) thread.join();
  CHECK(run.wrong == 0);
  CHECK(run.store.reads > 0);
  run.cache.stop();
}
