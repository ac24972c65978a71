#include "auth/attempt_counts.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace gatehouse;
using namespace gatehouse::auth;
using std::chrono::minutes;

namespace {

const WallTime kNow{std::chrono::milliseconds{1'750'000'000'000}};
constexpr LadderRules kRules{.free_attempts = 5, .challenge_after = 3, .lock_after = 10, .network_factor = 1};

AttemptKey key(std::uint64_t number) {
  return {number * 0x9E3779B97F4A7C15ull, ~number};
}

AttemptKeys keys(std::uint64_t account, std::uint64_t network) {
  return {key(account), key(1'000'000 + network), key(2'000'000 + account * 1'000 + network)};
}

Step begin(AttemptCounts& counts, const AttemptKeys& of) {
  return counts.begin(of, kRules, false, kNow).verdict.step;
}

}  // namespace

TEST_CASE("of a burst over all threads at a limit of 5, at most 5 attempts are evaluated") {
  AttemptCounts counts;
  std::atomic<int> passed = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (std::uint64_t network = 0; network < 50; ++network) {
        if (begin(counts, keys(1, network)) == Step::pass) ++passed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(passed == 5);
}

TEST_CASE("an account, a network and nobody's token are counts of their own, and what is absent is not counted") {
  AttemptCounts counts;
  for (int i = 0; i < 5; ++i) CHECK(begin(counts, keys(1, 1)) == Step::pass);
  CHECK(begin(counts, keys(1, 2)) == Step::wait);
  CHECK(begin(counts, keys(2, 1)) == Step::wait);
  CHECK(begin(counts, {.account = {}, .network = key(1'000'001), .pair = {}}) == Step::wait);
  CHECK(begin(counts, {.account = key(1), .network = {}, .pair = {}}) == Step::wait);
  CHECK(begin(counts, keys(2, 2)) == Step::pass);
  CHECK(begin(counts, {}) == Step::pass);
}

TEST_CASE("a right attempt is taken back, and so is one that came to nothing") {
  AttemptCounts counts;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(begin(counts, keys(1, 1)) == Step::pass);
    counts.end(keys(1, 1), kRules, i % 2 == 0 ? AttemptEnd::right : AttemptEnd::untried, kNow);
  }
  CHECK_FALSE(counts.is_risky(keys(1, 1), kRules, kNow));
}

TEST_CASE("a risk is an account or a network with wrong attempts, until they are forgotten") {
  AttemptCounts counts;
  for (std::uint64_t network = 0; network < 3; ++network) {
    CHECK_FALSE(counts.is_risky(keys(1, 9), kRules, kNow));
    REQUIRE(begin(counts, keys(1, network)) == Step::pass);
  }
  CHECK(counts.is_risky(keys(1, 9), kRules, kNow));
  CHECK_FALSE(counts.is_risky(keys(2, 9), kRules, kNow));
  CHECK_FALSE(counts.is_risky(keys(1, 9), kRules, kNow + minutes{30}));
}

TEST_CASE("memory is bounded: of more keys than there is room for, those that are forgotten first go") {
  AttemptCounts counts(512);
  for (int i = 0; i < 10; ++i) counts.begin(keys(7, 7), kRules, false, kNow + minutes{i});
  const auto locked = [&] { return counts.begin(keys(7, 7), kRules, false, kNow + minutes{10}).verdict.step; };
  REQUIRE(locked() == Step::locked);
  for (std::uint64_t i = 100; i < 100'000; ++i) counts.begin({key(i), {}, {}}, kRules, false, kNow + minutes{10});
  CHECK(locked() == Step::locked);
}
