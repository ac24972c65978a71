// What cache/cache.hpp promises of values and calls, for every store.
#include <doctest/doctest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <future>

#include "base/failure.hpp"
#include "tests/contracts/cache_backends.hpp"
#include "tests/support/run_until.hpp"

using namespace gatehouse;
using namespace gatehouse::cache;
using namespace gatehouse::tests;
using std::chrono::minutes;

namespace {

using Texts = std::vector<std::optional<std::string>>;

Awaitable<> add(Cache& cache, std::string key, int times, std::int64_t& sum) {
  for (int i = 0; i < times; ++i) sum += co_await cache.increment(key, minutes{1});
}

Awaitable<> meter_and_count(Cache& cache, std::vector<std::string> keys, int times, int& passed) {
  for (int i = 0; i < times; ++i) {
    const auto metered = co_await cache.meter(keys, {.limit = 10, .window = minutes{60}});
    if (metered.passed) ++passed;
  }
}

Awaitable<> take_and_count(Cache& cache, std::string key, int& taken) {
  const auto value = co_await cache.take(key);
  if (value) ++taken;
}

}  // namespace

TEST_CASE_TEMPLATE("a value that was set is got, and is another's to get too", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  CHECK(opened.run(opened.cache->get(opened.key)) == std::nullopt);
  opened.run(opened.cache->set(opened.key, "first", minutes{1}));
  opened.run(opened.cache->set(opened.key, "second", minutes{1}));
  const auto second = opened.shared->connect(opened.context.get_executor());
  CHECK(opened.run(second->get(opened.key)) == "second");
}

TEST_CASE_TEMPLATE("keys and values are bytes, and may be empty or large", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  const std::string bytes("a\0b\r\n$5\r\n\xff\"", 11);
  opened.run(opened.cache->set(opened.key + bytes, bytes, minutes{1}));
  CHECK(opened.run(opened.cache->get(opened.key + bytes)) == bytes);
  CHECK(opened.run(opened.cache->get(opened.key)) == std::nullopt);
  opened.run(opened.cache->set(opened.key, "", minutes{1}));
  CHECK(opened.run(opened.cache->get(opened.key)) == "");
  const std::string large(1'000'000, 'x');
  opened.run(opened.cache->set(opened.key, large, minutes{1}));
  CHECK(opened.run(opened.cache->get(opened.key)) == large);
}

TEST_CASE_TEMPLATE("many keys are read in one step, in their order", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  opened.run(opened.cache->set(opened.key + "a", "1", minutes{1}));
  opened.run(opened.cache->set(opened.key + "c", "3", minutes{1}));
  CHECK(opened.run(opened.cache->get_many({opened.key + "c", opened.key + "b", opened.key + "a", opened.key + "c"})) ==
        Texts{"3", std::nullopt, "1", "3"});
  CHECK(opened.run(opened.cache->get_many({})) == Texts{});
}

TEST_CASE_TEMPLATE("a value's life ends, and one whose life is over is removed by setting it", Backend,
                   CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  opened.run(opened.cache->set(opened.key, "value", milliseconds{1}));
  CHECK(run_until(opened.context, [&] { return !opened.run(opened.cache->get(opened.key)); }));
  for (const int ttl : {0, -1}) {
    opened.run(opened.cache->set(opened.key, "value", minutes{1}));
    opened.run(opened.cache->set(opened.key, "late", milliseconds{ttl}));
    CHECK(opened.run(opened.cache->get(opened.key)) == std::nullopt);
  }
}

TEST_CASE_TEMPLATE("removed keys are gone, absent ones may be removed", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  opened.run(opened.cache->set(opened.key + "a", "1", minutes{1}));
  opened.run(opened.cache->set(opened.key + "b", "2", minutes{1}));
  opened.run(opened.cache->set(opened.key + "c", "3", minutes{1}));
  opened.run(opened.cache->remove({opened.key + "a", opened.key + "b", opened.key + "none"}));
  opened.run(opened.cache->remove({}));
  CHECK(opened.run(opened.cache->get_many({opened.key + "a", opened.key + "b", opened.key + "c"})) ==
        Texts{std::nullopt, std::nullopt, "3"});
}

TEST_CASE_TEMPLATE("of many who take a value one gets it", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  CHECK(opened.run(opened.cache->take(opened.key)) == std::nullopt);
  opened.run(opened.cache->set(opened.key, "once", minutes{1}));
  int taken = 0;
  int ended = 0;
  const auto second = opened.shared->connect(opened.context.get_executor());
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(opened.context.get_executor(), take_and_count(i % 2 ? *second : *opened.cache, opened.key, taken),
                   [&](const std::exception_ptr& thrown) { ended += thrown ? 100 : 1; });
  }
  CHECK(run_until(opened.context, [&] { return ended == 20; }));
  CHECK(taken == 1);
}

TEST_CASE_TEMPLATE("of many who add to a bucket no more than the limit pass", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  int passed = 0;
  int ended = 0;
  const auto second = opened.shared->connect(opened.context.get_executor());
  for (int i = 0; i < 10; ++i) {
    asio::co_spawn(opened.context.get_executor(),
                   meter_and_count(i % 2 ? *second : *opened.cache, {opened.key}, 5, passed),
                   [&](const std::exception_ptr& thrown) { ended += thrown ? 100 : 1; });
  }
  CHECK(run_until(opened.context, [&] { return ended == 10; }));
  CHECK(passed == 10);
}

TEST_CASE_TEMPLATE("a bucket says what it held before, and is full at its limit", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  const Rate rate{.limit = 3, .window = minutes{60}};
  const auto held = [&] {
    const auto metered = opened.run(opened.cache->meter({opened.key}, rate));
    REQUIRE(metered.held.size() == 1);
    return std::pair(metered.passed, metered.held.front());
  };
  CHECK(held() == std::pair(true, std::chrono::microseconds(0)));
  // It leaks while the test runs, which takes less than ten minutes.
  for (const int n : {1, 2, 3, 3}) {
    const auto [passed, of] = held();
    CHECK(passed == (n < 3));
    CHECK(of <= n * minutes{20});
    CHECK(of > n * minutes{20} - minutes{10});
  }
}

TEST_CASE_TEMPLATE("where one bucket is full, nothing is added to the others", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  const Rate rate{.limit = 1, .window = minutes{60}};
  CHECK(opened.run(opened.cache->meter({opened.key}, rate)).passed);
  const auto refused = opened.run(opened.cache->meter({opened.key + "a", opened.key, opened.key + "b"}, rate));
  CHECK_FALSE(refused.passed);
  REQUIRE(refused.held.size() == 3);
  CHECK(refused.held[0].count() == 0);
  CHECK(refused.held[1] > rate.most());
  CHECK(refused.held[2].count() == 0);
  CHECK(opened.run(opened.cache->meter({opened.key + "a", opened.key + "b"}, rate)).passed);
  CHECK_FALSE(opened.run(opened.cache->meter({opened.key + "b"}, rate)).passed);
}

TEST_CASE_TEMPLATE("a bucket leaks, and its key lives until it is empty", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  const Rate rate{.limit = 1, .window = milliseconds{1}};
  CHECK(opened.run(opened.cache->meter({opened.key}, rate)).passed);
  CHECK(run_until(opened.context, [&] { return opened.run(opened.cache->meter({opened.key}, rate)).passed; }));
  CHECK(run_until(opened.context, [&] { return !opened.run(opened.cache->get(opened.key)); }));
}

TEST_CASE_TEMPLATE("a bucket is over after a window, whatever its key says", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  opened.run(opened.cache->set(opened.key, "9000000000000000", minutes{1}));
  const auto full = opened.run(opened.cache->meter({opened.key}, {.limit = 60, .window = minutes{1}}));
  CHECK_FALSE(full.passed);
  CHECK(full.held.front() == minutes{1});
  opened.run(opened.cache->set(opened.key, "no bucket", minutes{1}));
  CHECK_THROWS_AS(opened.run(opened.cache->meter({opened.key}, {})), Failure);
}

TEST_CASE_TEMPLATE(
    "a script is one step where somebody understands it; who does not, and what goes wrong, is a failure", Backend,
    CACHE_BACKENDS) {
  static const Script count(
      "local sum = tonumber(redis.call('GET', KEYS[1]) or 0) + ARGV[1] "
      "redis.call('SET', KEYS[1], sum, 'PX', 60000) "
      "return {sum, #KEYS, #ARGV}");
  static const Script broken("return redis.call('NO SUCH COMMAND')");
  static const Script words("return {'a', 'b', 'c'}");
  using Numbers = std::vector<std::int64_t>;
  OpenedCache<Backend> opened;
  const auto run = [&](const Script& script, std::size_t size) {
    return opened.run(opened.cache->run_script(script, {opened.key, ""}, {"20", "\r\n", ""}, size));
  };
  if constexpr (std::is_same_v<Backend, MemoryBackend>) {
    CHECK_THROWS_AS(run(count, 3), Failure);
    CHECK(opened.run(opened.cache->get(opened.key)) == std::nullopt);
  } else {
    CHECK(run(count, 3) == Numbers{20, 2, 3});
    CHECK(run(count, 3) == Numbers{40, 2, 3});
    CHECK_THROWS_AS(run(count, 2), Failure);
    CHECK(run(count, 3) == Numbers{80, 2, 3});
    CHECK_THROWS_AS(run(broken, 3), Failure);
    CHECK(run(count, 3) == Numbers{100, 2, 3});
    CHECK_THROWS_AS(run(words, 3), Failure);
    CHECK(run(count, 3) == Numbers{120, 2, 3});
  }
}

TEST_CASE_TEMPLATE("counting loses nothing, and the first one sets the life", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  std::int64_t sum = 0;
  int ended = 0;
  const auto second = opened.shared->connect(opened.context.get_executor());
  for (int i = 0; i < 10; ++i) {
    asio::co_spawn(opened.context.get_executor(), add(i % 2 ? *second : *opened.cache, opened.key, 10, sum),
                   [&](const std::exception_ptr& thrown) { ended += thrown ? 100 : 1; });
  }
  CHECK(run_until(opened.context, [&] { return ended == 10; }));
  CHECK(sum == 5050);
  CHECK(opened.run(opened.cache->get(opened.key)) == "100");

  const auto brief = new_key();
  CHECK(opened.run(opened.cache->increment(brief, milliseconds{1})) == 1);
  CHECK(run_until(opened.context, [&] { return opened.run(opened.cache->increment(brief, minutes{1})) == 1; }));
  CHECK(opened.run(opened.cache->increment(brief, milliseconds{1})) == 2);
  CHECK(opened.run(opened.cache->increment(brief, milliseconds{1})) == 3);
}

TEST_CASE_TEMPLATE("a key that holds no number is not counted up, and what comes after works", Backend,
                   CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  for (const char* text : {"abc", "", "9223372036854775807", "1.5"}) {
    opened.run(opened.cache->set(opened.key, text, minutes{1}));
    CHECK_THROWS_AS(opened.run(opened.cache->increment(opened.key, minutes{1})), Failure);
    CHECK(opened.run(opened.cache->get(opened.key)) == text);
  }
}

TEST_CASE_TEMPLATE("a back-fill is stored only if nothing was invalidated since its read", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  const std::string generation = opened.key + "-generation";
  const auto read = [&] { return opened.run(opened.cache->get_versioned(opened.key, generation)); };
  const auto fill = [&](std::string value, Generation seen) {
    return opened.run(opened.cache->fill(opened.key, std::move(value), minutes{1}, generation, std::move(seen)));
  };
  const auto first = read();
  CHECK(first.value == std::nullopt);
  CHECK(first.generation.text == "");
  CHECK(fill("loaded", first.generation));
  CHECK(read().value == "loaded");

  opened.run(opened.cache->invalidate(opened.key, generation));
  CHECK(read().value == std::nullopt);
  CHECK_FALSE(fill("from before", first.generation));
  CHECK(opened.run(opened.cache->get(opened.key)) == std::nullopt);

  const auto second = read();
  const auto other = opened.shared->connect(opened.context.get_executor());
  opened.run(other->invalidate(opened.key, generation));
  CHECK_FALSE(fill("from before", second.generation));
  CHECK(fill("fresh", read().generation));
  CHECK(read().value == "fresh");
  CHECK_FALSE(opened.run(opened.cache->fill(opened.key, "dead", milliseconds{0}, generation, read().generation)));
}

TEST_CASE_TEMPLATE("a caller that gives up harms no other", Backend, CACHE_BACKENDS) {
  OpenedCache<Backend> opened;
  opened.run(opened.cache->set(opened.key, "value", minutes{1}));
  asio::cancellation_signal give_up;
  bool cancelled = false;
  std::optional<std::string> got;
  asio::co_spawn(
      opened.context.get_executor(), opened.cache->get(opened.key + "other"),
      asio::bind_cancellation_slot(
          give_up.slot(), [&](const std::exception_ptr&, const std::optional<std::string>&) { cancelled = true; }));
  asio::co_spawn(opened.context.get_executor(), opened.cache->get(opened.key),
                 [&](const std::exception_ptr&, std::optional<std::string> value) { got = std::move(value); });
  opened.context.restart();
  opened.context.poll_one();
  opened.context.poll_one();
  give_up.emit(asio::cancellation_type::terminal);
  CHECK(run_until(opened.context, [&] { return cancelled && got; }));
  CHECK(got == "value");
}

TEST_CASE_TEMPLATE("a cache may go at any time, and an io_context with calls under way", Backend, CACHE_BACKENDS) {
  for (const int turns : {0, 1, 2, 3, 5, 8, 13, 50}) {
    CAPTURE(turns);
    OpenedCache<Backend> opened;
    int ended = 0;
    for (int i = 0; i < 5; ++i) {
      asio::co_spawn(opened.context.get_executor(), opened.cache->get(opened.key),
                     [&](const std::exception_ptr&, const std::optional<std::string>&) { ++ended; });
    }
    opened.context.restart();
    for (int i = 0; i < turns; ++i) opened.context.run_one_for(std::chrono::milliseconds(5));
    if (turns % 2 == 0) {
      // A call whose coroutine has not begun may not outlive its Cache.
      if (turns > 4) opened.cache.reset();
      if (turns > 4) CHECK(run_until(opened.context, [&] { return ended == 5; }));
    }
  }
}

TEST_CASE_TEMPLATE("each thread has its own, all see the same", Backend, CACHE_BACKENDS) {
  const auto shared = Backend::open();
  const auto key = new_key();
  // A server that does not know the script yet is asked twice.
  const auto ask_before = [&] {
    asio::io_context context;
    const auto cache = shared->connect(context.get_executor());
    std::int64_t sum = 0;
    run_coroutine(context, add(*cache, new_key(), 1, sum));
  };
  ask_before();
  const auto before = shared->health().calls;
  std::vector<std::future<void>> threads;
  std::array<std::int64_t, 4> sums{};
  for (auto& sum : sums) {
    threads.push_back(std::async(std::launch::async, [&] {
      asio::io_context context;
      const auto cache = shared->connect(context.get_executor());
      run_coroutine(context, add(*cache, key, 25, sum));
    }));
  }
  for (auto& thread : threads) CHECK_NOTHROW(thread.get());
  CHECK(sums[0] + sums[1] + sums[2] + sums[3] == 5050);
  CHECK(shared->health().caches == 0);
  CHECK(shared->health().calls - before == 100);
  CHECK(shared->health().failures == 0);
}
