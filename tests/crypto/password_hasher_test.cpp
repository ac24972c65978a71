#include "crypto/password_hasher.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <thread>

#include "base/failure.hpp"

using namespace gatehouse;
using namespace gatehouse::crypto;

namespace {

// The hash that Better Auth 1.7.25 makes of "ﬁle-Å-①②③" (with the ligature and a combining ring) and this salt.
constexpr std::string_view kStored =
    "000102030405060708090a0b0c0d0e0f:"
    "aa304a4dd90b45272c92571d207613a1cfe62f9d779041f8f736ae51e6fc5bc977ff80c87c664905383c92548b83d78cd599d8ce18b9f76101"
    "ef6c50b841bb26";

struct Outcomes {
  int hashed = 0;
  std::vector<std::string> refusals;
};

Awaitable<> hash_into(PasswordHasher& hasher, Outcomes& outcomes, std::optional<SteadyTime> by = {}) {
  try {
    auto hash = co_await hasher.hash("a password", by);
    if (hash.size() == 32 + 1 + 128) ++outcomes.hashed;
  } catch (const Failure& failure) {
    outcomes.refusals.push_back(failure.reason());
  }
}

Awaitable<> hash_and_verify(PasswordHasher& hasher, std::thread::id& thread, bool& right, bool& wrong) {
  auto hash = co_await hasher.hash("correct horse");
  right = co_await hasher.verify("correct horse", hash);
  wrong = co_await hasher.verify("correct horsf", hash);
  thread = std::this_thread::get_id();
}

}  // namespace

TEST_CASE("verify_password accepts Better Auth's hash under every spelling with the same NFKC form") {
  CHECK(verify_password("\xEF\xAC\x81le-A\xCC\x8A-\xE2\x91\xA0\xE2\x91\xA1\xE2\x91\xA2", kStored));
  CHECK(verify_password("file-\xC3\x85-123", kStored));
  CHECK_FALSE(verify_password("file-A-123", kStored));
}

TEST_CASE("hash_password writes salt and key as Better Auth does") {
  CHECK(hash_password("file-\xC3\x85-123", "000102030405060708090a0b0c0d0e0f") == kStored);
}

TEST_CASE("verify_password refuses what is no hash") {
  for (const char* stored : {"", "not-a-hash", ":", "00:zz", "000102030405060708090a0b0c0d0e0f:aa304a"}) {
    CHECK_FALSE(verify_password("x", stored));
  }
}

TEST_CASE("PasswordHasher resumes the coroutine on its own thread") {
  SystemRandom random;
  const SystemClock clock;
  PasswordHasher hasher(random, clock, {.threads = 1, .queue_max = 4});
  asio::io_context context;
  std::thread::id thread;
  bool right = false, wrong = true;
  asio::co_spawn(context, hash_and_verify(hasher, thread, right, wrong), asio::detached);
  context.run();
  CHECK(right);
  CHECK_FALSE(wrong);
  CHECK(thread == std::this_thread::get_id());
}

TEST_CASE("PasswordHasher refuses with 503 what its queue does not hold") {
  SystemRandom random;
  const SystemClock clock;
  PasswordHasher hasher(random, clock, {.threads = 1, .queue_max = 2});
  asio::io_context context;
  Outcomes outcomes;
  for (int i = 0; i < 12; ++i) asio::co_spawn(context, hash_into(hasher, outcomes), asio::detached);
  context.run();
  // The pool's thread may have taken the first one before the others came.
  CHECK(outcomes.hashed >= 2);
  CHECK(outcomes.hashed + outcomes.refusals.size() == 12);
  REQUIRE_FALSE(outcomes.refusals.empty());
  CHECK(outcomes.refusals.front() == "password_queue_full");
}

TEST_CASE("PasswordHasher refuses those whose turn does not come in time, and never who need not queue") {
  SystemRandom random;
  const SystemClock clock;
  PasswordHasher hasher(random, clock, {.threads = 1, .queue_max = 64, .wait_max = std::chrono::milliseconds{1}});
  asio::io_context context;
  Outcomes outcomes;
  for (int i = 0; i < 8; ++i) asio::co_spawn(context, hash_into(hasher, outcomes), asio::detached);
  context.run();
  // A hash takes longer than the wait: the first alone has a thread, the second may just find it free.
  CHECK(outcomes.hashed >= 1);
  CHECK(outcomes.hashed + outcomes.refusals.size() == 8);
  REQUIRE_FALSE(outcomes.refusals.empty());
  CHECK(outcomes.refusals.front() == "password_queue_full");
  const auto counts = hasher.counts();
  CHECK(counts.hashed == static_cast<std::uint64_t>(outcomes.hashed));
  CHECK(counts.refused_late == outcomes.refusals.size());
  CHECK(counts.refused_full == 0);
  CHECK(counts.waiting == 0);
  CHECK(counts.running == 0);

  context.restart();
  asio::co_spawn(context, hash_into(hasher, outcomes), asio::detached);
  context.run();
  CHECK(outcomes.hashed == static_cast<int>(counts.hashed) + 1);
}

TEST_CASE("the time of a request is one for all its turns") {
  SystemRandom random;
  ManualClock clock;
  PasswordHasher hasher(random, clock, {.threads = 1, .queue_max = 64, .wait_max = std::chrono::minutes{10}});
  const SteadyTime over = hasher.latest_turn();
  clock.advance(std::chrono::minutes{10});
  asio::io_context context;
  Outcomes in_time, late;
  for (int i = 0; i < 2; ++i) asio::co_spawn(context, hash_into(hasher, in_time), asio::detached);
  for (int i = 0; i < 8; ++i) asio::co_spawn(context, hash_into(hasher, late, over), asio::detached);
  context.run();
  CHECK(in_time.hashed == 2);
  // The pool is not done with all of them before their time is looked at.
  REQUIRE_FALSE(late.refusals.empty());
  CHECK(late.refusals.back() == "password_queue_full");
  CHECK(late.hashed + late.refusals.size() == 8);
  CHECK(hasher.counts().refused_late == late.refusals.size());

  context.restart();
  Outcomes alone;
  asio::co_spawn(context, hash_into(hasher, alone, over), asio::detached);
  context.run();
  CHECK(alone.hashed == 1);
}

TEST_CASE("a password hash takes 32 MiB, and the pool as many of them as it has threads") {
  SystemRandom random;
  const SystemClock clock;
  const PasswordHasher hasher(random, clock, {.threads = 3});
  CHECK(kPasswordHashBytes == 33'554'432);
  CHECK(hasher.memory_max() == 100'663'296);
}

TEST_CASE("PasswordHasher answers those who wait when it is stopped") {
  SystemRandom random;
  const SystemClock clock;
  PasswordHasher hasher(random, clock, {.threads = 1, .queue_max = 8});
  asio::io_context context;
  Outcomes outcomes;
  for (int i = 0; i < 4; ++i) asio::co_spawn(context, hash_into(hasher, outcomes), asio::detached);
  context.poll();
  hasher.stop();
  asio::co_spawn(context, hash_into(hasher, outcomes), asio::detached);
  context.run();
  CHECK(outcomes.hashed + outcomes.refusals.size() == 5);
  CHECK(outcomes.refusals.back() == "shutting_down");
}
