#include "pipeline/live_exchanges.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "tests/support/memory_exchange.hpp"
#include "tests/support/run_until.hpp"

using namespace gatehouse;
using namespace std::chrono_literals;
using pipeline::LiveExchanges;

namespace {

const WallTime kNow{std::chrono::milliseconds{1'750'000'000'000}};

struct Fixture {
  asio::io_context io;
  LiveExchanges live;
  tests::MemoryExchange client{io, {}};
  std::vector<std::string> asked;

  LiveExchanges::Registration enter(std::string token, WallTime expires_at = kNow + 1h) {
    return live.enter(std::move(token), expires_at, client.exchange());
  }
  void sweep(WallTime now) {
    live.sweep(now, [this](std::string token, const std::weak_ptr<pipeline::LiveHandle>&) {
      asked.push_back(std::move(token));
    });
    tests::run_ready(io);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "ending a session on another thread ends its exchange on the exchange's own thread") {
  const auto registration = enter("token");
  std::thread other([this] { live.end_session("token"); });
  other.join();
  CHECK_FALSE(client.is_aborted());
  tests::run_ready(io);
  CHECK(client.is_aborted());
}

TEST_CASE_FIXTURE(Fixture, "ending a session ends all its exchanges and no others") {
  tests::MemoryExchange second(io, {}), stranger(io, {});
  const auto a = enter("token");
  const auto b = live.enter("token", kNow + 1h, second.exchange());
  const auto c = live.enter("other", kNow + 1h, stranger.exchange());
  live.end_session("token");
  live.end_session("unknown");
  tests::run_ready(io);
  CHECK(client.is_aborted());
  CHECK(second.is_aborted());
  CHECK_FALSE(stranger.is_aborted());
}

TEST_CASE_FIXTURE(Fixture, "an exchange that is over leaves nothing behind") {
  {
    const auto registration = enter("token");
    CHECK(live.size() == 1);
    live.end_session("token");
  }
  CHECK(live.size() == 0);
  tests::run_ready(io);
  CHECK_FALSE(client.is_aborted());
}

TEST_CASE_FIXTURE(Fixture, "a registration that is moved still leaves once") {
  LiveExchanges::Registration kept;
  {
    auto registration = enter("token");
    kept = std::move(registration);
  }
  CHECK(live.size() == 1);
  auto second = enter("second");
  kept = std::move(second);
  CHECK(live.size() == 1);
  kept = LiveExchanges::Registration();
  CHECK(live.size() == 0);
}

TEST_CASE_FIXTURE(Fixture, "the sweep asks for sessions that should have ended, and again only after a while") {
  const auto registration = enter("token", kNow + 10s);
  sweep(kNow + 9'999ms);
  CHECK(asked.empty());
  sweep(kNow + 10s);
  CHECK(asked == std::vector<std::string>{"token"});
  sweep(kNow + 11s);
  CHECK(asked.size() == 1);
  sweep(kNow + 15s);
  CHECK(asked.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "the sweep does not ask for a session that is known to go on") {
  const auto registration = enter("token", kNow + 10s);
  registration.handle().lock()->expires_at = kNow + 1h;
  sweep(kNow + 10s);
  CHECK(asked.empty());
  sweep(kNow + 1h);
  CHECK(asked == std::vector<std::string>{"token"});
}

TEST_CASE_FIXTURE(Fixture, "the sweep goes by an end that became known later") {
  const auto first = enter("token", kNow + 1h);
  const auto second = enter("token", kNow + 1h);
  const auto other = enter("other", kNow + 1h);
  auto tokens = live.tokens();
  std::ranges::sort(tokens);
  CHECK(tokens == std::vector<std::string>{"other", "token"});
  live.set_expiry("token", kNow + 10s);
  live.set_expiry("nobody", kNow + 10s);
  tests::run_ready(io);
  sweep(kNow + 9'999ms);
  CHECK(asked.empty());
  sweep(kNow + 10s);
  CHECK(asked == std::vector<std::string>{"token", "token"});
}

TEST_CASE_FIXTURE(Fixture, "threads that enter, leave and end sessions do not disturb each other") {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([this, i] {
      asio::io_context own;
      tests::MemoryExchange exchange(own, {});
      for (int n = 0; n < 500; ++n) {
        const auto registration = live.enter(std::to_string(n % 5), kNow, exchange.exchange());
        live.end_session(std::to_string((n + i) % 5));
        live.sweep(kNow, [](const std::string&, const std::weak_ptr<pipeline::LiveHandle>&) {});
      }
      own.poll();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(live.size() == 0);
}
