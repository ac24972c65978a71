// When a server is left out, for how long, and how it returns.
#include "upstream/server_health.hpp"

#include <doctest/doctest.h>

using namespace gatehouse;
using namespace gatehouse::upstream;
using namespace std::chrono_literals;
using Change = ServerHealth::Change;

namespace {

const SteadyTime kStart{1h};

std::uint32_t share_of(const ServerHealth& health, SteadyTime now) {
  return ServerHealth::share(health.serves_from(), now);
}

// Fails until it is left out.
void leave_out(ServerHealth& health, SteadyTime now) {
  for (unsigned i = 0; i < ServerHealth::kRow; ++i) {
    if (health.on_failure(now, true) == Change::left_out) return;
  }
  FAIL("it was not left out");
}

}  // namespace

TEST_CASE("five failures in a row leave a server out, an answer between them begins anew") {
  ServerHealth health;
  CHECK(health.on_failure(kStart, true) == Change::begins_to_fail);
  for (int i = 0; i < 3; ++i) CHECK(health.on_failure(kStart, true) == Change::none);
  CHECK(health.on_answer(kStart, false) == Change::none);
  for (int i = 0; i < 4; ++i) CHECK(health.on_failure(kStart, true) == Change::none);
  CHECK(share_of(health, kStart) == kFullShare);
  CHECK(health.on_failure(kStart, true) == Change::left_out);
  CHECK(health.out_for() == 10s);
  CHECK(share_of(health, kStart) == 0);
  CHECK(share_of(health, kStart + 9999ms) == 0);
}

TEST_CASE("a server is not left out when no other may serve in its place, and is as soon as one may") {
  ServerHealth health;
  for (int i = 0; i < 100; ++i) health.on_failure(kStart, false);
  CHECK(share_of(health, kStart) == kFullShare);
  CHECK(health.on_failure(kStart, true) == Change::left_out);
}

TEST_CASE("a server returns slowly: a tenth at first, all after 30 seconds") {
  ServerHealth health;
  leave_out(health, kStart);
  CHECK(share_of(health, kStart + 10s) == 25);
  CHECK(share_of(health, kStart + 25s) == 140);
  CHECK(share_of(health, kStart + 40s) == 256);
  CHECK(share_of(health, kStart + 24h) == 256);
}

TEST_CASE("who fails again at once is left out for twice as long each time, up to five minutes") {
  ServerHealth health;
  SteadyTime now = kStart;
  leave_out(health, now);
  for (const auto expected : {20s, 40s, 80s, 160s, 300s, 300s}) {
    now += health.out_for() + 1s;
    CHECK(health.on_failure(now, true) == Change::left_out);
    CHECK(health.out_for() == expected);
  }
}

TEST_CASE("who has answered after its return is left out by a row of failures, and for longer until it was calm") {
  ServerHealth health;
  leave_out(health, kStart);
  CHECK(health.on_answer(kStart + 11s, false) == Change::none);
  for (int i = 0; i < 4; ++i) CHECK(health.on_failure(kStart + 12s, true) == Change::none);
  CHECK(health.on_failure(kStart + 12s, true) == Change::left_out);
  CHECK(health.out_for() == 20s);
  CHECK(health.on_answer(kStart + 33s, false) == Change::none);
  CHECK(health.on_answer(kStart + 43s, false) == Change::serves_again);
  CHECK(health.failures() == 10);
  health.forget_failures();
  leave_out(health, kStart + 60s);
  CHECK(health.out_for() == 10s);
}

TEST_CASE("requests that were under way when a server was left out change nothing") {
  ServerHealth health;
  leave_out(health, kStart);
  for (int i = 0; i < 20; ++i) CHECK(health.on_failure(kStart + 5s, true) == Change::none);
  CHECK(health.on_answer(kStart + 6s, false) == Change::none);
  CHECK(share_of(health, kStart + 9s) == 0);
  CHECK(share_of(health, kStart + 10s) == 25);
}

TEST_CASE("a probe that is answered brings a server back at once") {
  ServerHealth health;
  leave_out(health, kStart);
  CHECK(health.on_failure(kStart + 1s, true) == Change::none);
  CHECK(health.on_answer(kStart + 2s, true) == Change::none);
  CHECK(share_of(health, kStart + 2s) == 25);
  CHECK(health.on_answer(kStart + 12s, false) == Change::serves_again);
}

TEST_CASE("a server whose first check fails is out at once, later ones fall after three and rise after two") {
  ServerHealth health;
  CHECK(health.on_check(kStart, false) == Change::checks_fail);
  CHECK(share_of(health, kStart + 24h) == 0);
  CHECK(health.on_check(kStart + 5s, false) == Change::none);
  CHECK(health.on_check(kStart + 10s, true) == Change::checks_pass);
  CHECK(share_of(health, kStart + 10s) == 25);
  CHECK(share_of(health, kStart + 40s) == 256);

  CHECK(health.on_check(kStart + 41s, false) == Change::none);
  CHECK(health.on_check(kStart + 42s, false) == Change::none);
  CHECK(health.on_check(kStart + 43s, true) == Change::none);
  CHECK(health.on_check(kStart + 44s, false) == Change::none);
  CHECK(health.on_check(kStart + 45s, false) == Change::none);
  CHECK(share_of(health, kStart + 45s) == 256);
  CHECK(health.on_check(kStart + 46s, false) == Change::checks_fail);
  CHECK(health.on_check(kStart + 47s, true) == Change::none);
  CHECK(share_of(health, kStart + 47s) == 0);
  CHECK(health.on_check(kStart + 48s, true) == Change::checks_pass);
}

TEST_CASE("while its checks fail neither answers nor failures say anything") {
  ServerHealth health;
  health.on_check(kStart, false);
  CHECK(health.on_answer(kStart, true) == Change::none);
  for (int i = 0; i < 10; ++i) CHECK(health.on_failure(kStart, true) != Change::left_out);
  CHECK(share_of(health, kStart + 24h) == 0);
}

TEST_CASE("a good check does not shorten the time of a server that fails at requests") {
  ServerHealth health;
  health.on_check(kStart, true);
  leave_out(health, kStart);
  for (int i = 1; i < 10; ++i) CHECK(health.on_check(kStart + i * 1s, true) == Change::none);
  CHECK(share_of(health, kStart + 9s) == 0);
}
