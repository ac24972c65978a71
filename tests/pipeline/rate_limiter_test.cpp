#include "pipeline/rate_limiter.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>

using namespace gatehouse;
using namespace std::chrono_literals;
using pipeline::RateLimiter;

namespace {

constexpr SteadyTime kStart{std::chrono::hours{1}};

config::RateLimit rule(std::uint32_t limit, std::chrono::seconds window) {
  return {.limit = limit, .window = window, .by = {config::LimitPart::ip}};
}

struct Fixture {
  SystemRandom random;
  RateLimiter limiter{random};

  bool take(const config::RateLimit& of, std::string_view key, SteadyTime now, std::uint32_t scope = 0) {
    return limiter.take(of, scope, key, now).allowed;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the limiter lets the limit through at once, and not one more") {
  const auto of = rule(3, 60s);
  CHECK(take(of, "a", kStart));
  CHECK(take(of, "a", kStart));
  CHECK(take(of, "a", kStart));
  CHECK_FALSE(take(of, "a", kStart));
  CHECK_FALSE(take(of, "a", kStart + 19'999ms));
}

TEST_CASE_FIXTURE(Fixture, "the limiter gives one request back for each part of the window") {
  const auto of = rule(3, 60s);
  for (int i = 0; i < 3; ++i) take(of, "a", kStart);
  CHECK(take(of, "a", kStart + 20s));
  CHECK_FALSE(take(of, "a", kStart + 20s));
  CHECK(take(of, "a", kStart + 60s));
  CHECK(take(of, "a", kStart + 60s));
  CHECK_FALSE(take(of, "a", kStart + 60s));
  CHECK(take(of, "a", kStart + 1h));
  CHECK(take(of, "a", kStart + 1h));
  CHECK(take(of, "a", kStart + 1h));
  CHECK_FALSE(take(of, "a", kStart + 1h));
}

TEST_CASE_FIXTURE(Fixture, "the limiter tells whether a key has anything left without counting, and takes back one") {
  const auto of = rule(2, 60s);
  CHECK_FALSE(limiter.is_exhausted(of, 0, "a", kStart));
  take(of, "a", kStart);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(limiter.is_exhausted(of, 0, "a", kStart));
  take(of, "a", kStart);
  CHECK(limiter.is_exhausted(of, 0, "a", kStart));
  CHECK_FALSE(limiter.is_exhausted(of, 1, "a", kStart));
  CHECK_FALSE(limiter.is_exhausted(of, 0, "b", kStart));
  CHECK_FALSE(limiter.is_exhausted(of, 0, "a", kStart + 30s));
  limiter.give_back(of, 0, "a", kStart);
  CHECK(take(of, "a", kStart));
  CHECK_FALSE(take(of, "a", kStart));
}

TEST_CASE_FIXTURE(Fixture, "what others have counted is known from then on, and never makes a limit wider") {
  const auto of = rule(4, 60s);
  CHECK(take(of, "a", kStart));
  limiter.raise(0, "a", kStart, 59s);
  CHECK_FALSE(take(of, "a", kStart));
  CHECK_FALSE(take(of, "a", kStart + 13'999ms));
  CHECK(take(of, "a", kStart + 14s));
  limiter.raise(0, "a", kStart + 14s, 1s);
  CHECK_FALSE(take(of, "a", kStart + 14s));
  limiter.raise(0, "unknown", kStart, 60s);
  CHECK(take(of, "unknown", kStart));
}

TEST_CASE_FIXTURE(Fixture, "what is taken back makes the limit no wider than it is") {
  const auto of = rule(2, 60s);
  for (int i = 0; i < 5; ++i) limiter.give_back(of, 0, "a", kStart);
  take(of, "a", kStart);
  for (int i = 0; i < 5; ++i) limiter.give_back(of, 0, "a", kStart + 50s);
  CHECK(take(of, "a", kStart + 50s));
  CHECK(take(of, "a", kStart + 50s));
  CHECK_FALSE(take(of, "a", kStart + 50s));
}

TEST_CASE_FIXTURE(Fixture,
                  "the limiter says how many are left and when all are back, and to who is refused when to come") {
  const auto of = rule(2, 60s);
  const auto first = limiter.take(of, 0, "a", kStart);
  CHECK(first.remaining == 1);
  CHECK(first.reset == 30s);
  const auto second = limiter.take(of, 0, "a", kStart);
  CHECK(second.remaining == 0);
  CHECK(second.reset == 60s);
  const auto refused = limiter.take(of, 0, "a", kStart + 1s);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.remaining == 0);
  CHECK(refused.retry_after == 29s);
  CHECK(refused.reset == 29s);
}

TEST_CASE_FIXTURE(Fixture, "a refused request does not prolong the wait") {
  const auto of = rule(1, 10s);
  CHECK(take(of, "a", kStart));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(take(of, "a", kStart + 9s));
  CHECK(take(of, "a", kStart + 10s));
}

TEST_CASE_FIXTURE(Fixture, "a limit of one passes one request for each window") {
  const auto of = rule(1, 1s);
  CHECK(take(of, "a", kStart));
  CHECK_FALSE(take(of, "a", kStart + 999ms));
  CHECK(take(of, "a", kStart + 1s));
  CHECK_FALSE(take(of, "a", kStart + 1s));
}

TEST_CASE_FIXTURE(Fixture, "a limit beyond the clock's precision does no harm") {
  const auto of = rule(4'294'967'295u, 1s);
  CHECK(take(of, "a", kStart));
  CHECK(take(of, "a", kStart));
}

TEST_CASE_FIXTURE(Fixture, "keys and scopes have buckets of their own") {
  const auto of = rule(1, 60s);
  CHECK(take(of, "a", kStart, 1));
  CHECK(take(of, "a", kStart, 2));
  CHECK(take(of, "b", kStart, 1));
  CHECK(take(of, "", kStart, 1));
  CHECK(take(of, std::string_view("a\0", 2), kStart, 1));
  CHECK(take(of, std::string(1000, 'a'), kStart, 1));
  CHECK(take(of, std::string(1001, 'a'), kStart, 1));
  CHECK_FALSE(take(of, "a", kStart, 1));
  CHECK_FALSE(take(of, "a", kStart, 2));
  CHECK_FALSE(take(of, "b", kStart, 1));
  CHECK_FALSE(take(of, "", kStart, 1));
}

TEST_CASE_FIXTURE(Fixture, "parallel requests never get more than the limit through") {
  constexpr int kThreads = 4, kTries = 2'000;
  const auto of = rule(1'000, 60s);
  std::atomic<int> allowed{0};
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      for (int n = 0; n < kTries; ++n) {
        if (take(of, "shared", kStart)) allowed.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(allowed == 1'000);
}

TEST_CASE("a flood of other keys neither grows the table nor frees a key that is held") {
  SystemRandom random;
  RateLimiter limiter(random, 64 * 8 * 4);
  const auto of = rule(100, 60s);
  for (int i = 0; i < 100; ++i) CHECK(limiter.take(of, 0, "heavy", kStart).allowed);
  for (int i = 0; i < 1'000'000; ++i) limiter.take(of, 0, std::to_string(i), kStart);
  CHECK_FALSE(limiter.take(of, 0, "heavy", kStart).allowed);
}
