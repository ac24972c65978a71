#include "auth/attempts.hpp"

#include <doctest/doctest.h>

#include <random>

#include "auth/attempt_script.hpp"
#include "tests/auth/secondary_world.hpp"
#include "tests/contracts/cache_backends.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;

namespace {

constexpr std::string_view kSecret = "a secret of at least 32 bytes, yes!";

struct Gateway {
  Gateway(asio::io_context& context, const config::AbuseLadder& settings, const Clock& clock,
          std::unique_ptr<cache::Cache> redis)
      : io(context), cache(std::move(redis)), attempts({settings, counts, &cache, clock, kSecret}) {}

  AttemptStart begin(const AttemptSubject& subject) {
    return run_coroutine(io, attempts.begin(attempts.make_keys(subject), rules(), false));
  }
  void end(const AttemptSubject& subject, AttemptEnd end) {
    run_coroutine(io, attempts.end(attempts.make_keys(subject), rules(), end));
  }
  LadderRules rules() const { return make_rules(attempts.settings(), false); }

  asio::io_context& io;
  AttemptCounts counts;
  FailingCache cache;
  Attempts attempts;
};

// Two gateways that share a Redis.
struct Fixture {
  std::unique_ptr<cache::SharedCache> shared = RedisTcpBackend::open();
  asio::io_context io;
  ManualClock clock;
  config::AbuseLadder settings;
  Gateway one{io, settings, clock, shared->connect(io.get_executor())};
  Gateway other{io, settings, clock, shared->connect(io.get_executor())};
  AttemptSubject ann{account_of_email(new_key() + "@example.com"), new_key()};
};

}  // namespace

TEST_CASE("the script in Redis does what the ladder does, step by step") {
  const auto shared = RedisTcpBackend::open();
  asio::io_context io;
  const auto cache = shared->connect(io.get_executor());
  ManualClock clock;
  config::AbuseLadder settings;
  AttemptCounts unused;
  Attempts attempts({settings, unused, cache.get(), clock, kSecret});
  std::mt19937 random(20'260'101);
  for (int round = 0; round < 40; ++round) {
    LadderRules rules;
    rules.free_attempts = 1 + random() % 4;
    rules.challenge_after = 1 + random() % 5;
    rules.lock_after = rules.free_attempts + 1 + random() % 4;
    rules.network_factor = 1 + random() % 3;
    rules.has_challenges = random() % 2 == 0;
    rules.lock_first = std::chrono::seconds{60};
    rules.lock_max = std::chrono::seconds{600};
    const bool by_network = random() % 4 != 0;
    const bool by_account = !by_network || random() % 4 != 0;
    const auto keys = attempts.make_keys({by_account ? new_key() : "", by_network ? new_key() : ""});
    LadderCounts counts;
    for (int step = 0; step < 40; ++step) {
      CAPTURE(round);
      CAPTURE(step);
      const auto now = clock.now();
      const bool challenged = random() % 2 == 0;
      const auto numbers =
          run_coroutine(io, cache->run_script(attempt_script(), attempt_script_keys(keys),
                                              begin_arguments(rules, challenged, now), kAttemptNumbers));
      auto expected = begin_attempt(counts, rules, challenged, now);
      if (!by_account) counts.account = counts.pair = {};
      if (!by_network) counts.network = counts.pair = {};
      if (!by_account) expected.locks_account = false;
      auto got = read_start(numbers);
      if (!by_account) got.locks_account = false;
      if (!by_network) expected.locks_network = got.locks_network = false;
      REQUIRE(got == expected);
      if (got.verdict.step == Step::pass) {
        const auto end =
            std::array{AttemptEnd::wrong, AttemptEnd::wrong, AttemptEnd::right, AttemptEnd::untried}.at(random() % 4);
        if (end != AttemptEnd::wrong) {
          run_coroutine(io, cache->run_script(attempt_script(), attempt_script_keys(keys),
                                              end_arguments(rules, end, now), kAttemptNumbers));
        }
        end_attempt(counts, rules, end, now);
        if (!by_account) counts.account = counts.pair = {};
        if (!by_network) counts.network = counts.pair = {};
      }
      // Keys live by the server's own clock, which stands nearly still meanwhile: what is forgotten there too early
      // shows.
      clock.advance(std::chrono::milliseconds(random() % (random() % 5 == 0 ? 4'000'000 : 3'000)));
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "gateways that share a Redis share the counts: of a burst over both, 5 are evaluated") {
  int passed = 0;
  for (int i = 0; i < 25; ++i) {
    for (Gateway* gateway : {&one, &other}) {
      if (gateway->begin(ann).verdict.step == Step::pass) ++passed;
    }
  }
  CHECK(passed == 5);
  CHECK(one.counts.store_works());
}

TEST_CASE_FIXTURE(Fixture, "who was right on one gateway is forgiven on the other") {
  for (int i = 0; i < 4; ++i) REQUIRE(one.begin(ann).verdict.step == Step::pass);
  REQUIRE(other.begin(ann).verdict.step == Step::pass);
  other.end(ann, AttemptEnd::right);
  for (int i = 0; i < 5; ++i) CHECK(one.begin(ann).verdict.step == Step::pass);
  CHECK(other.begin(ann).verdict.step == Step::wait);
}

TEST_CASE_FIXTURE(Fixture, "without Redis each gateway counts for itself, with what it has let through before") {
  for (int i = 0; i < 3; ++i) REQUIRE(one.begin(ann).verdict.step == Step::pass);
  one.cache.down = other.cache.down = true;
  int passed = 0;
  for (int i = 0; i < 20; ++i) {
    if (one.begin(ann).verdict.step == Step::pass) ++passed;
  }
  CHECK(passed == 2);
  CHECK_FALSE(one.counts.store_works());
  CHECK(other.begin(ann).verdict.step == Step::pass);
  one.cache.down = false;
  clock.advance(std::chrono::seconds{2});
  one.begin(ann);
  CHECK(one.counts.store_works());
}

TEST_CASE_FIXTURE(Fixture, "what Redis refuses is not counted in the process either") {
  for (int i = 0; i < 5; ++i) REQUIRE(other.begin(ann).verdict.step == Step::pass);
  for (int i = 0; i < 5; ++i) CHECK(one.begin(ann).verdict.step == Step::wait);
  one.cache.down = true;
  CHECK(one.begin(ann).verdict.step == Step::pass);
}

TEST_CASE_FIXTURE(Fixture, "a ladder that is switched off does not ask Redis") {
  config::AbuseLadder off;
  off.enabled = false;
  Gateway gateway(io, off, clock, shared->connect(io.get_executor()));
  gateway.cache.down = true;
  for (int i = 0; i < 50; ++i) CHECK(gateway.begin(ann).verdict.step == Step::pass);
  CHECK(gateway.counts.store_works());
}

TEST_CASE("all spellings of an address that lead to one row are one account, and others are others") {
  CHECK(account_of_email("Ann@Example.COM") == account_of_email("ann@example.com"));
  CHECK(account_of_email("ann+x@example.com") != account_of_email("ann@example.com"));
  CHECK(account_of_email("u1") != account_of_user("u1"));
  CHECK(account_of_email("u1") != account_of_mailbox("u1"));
  CHECK(network_of(parse_ip("2001:db8::1").value()) == network_of(parse_ip("2001:DB8:0:0:ffff::7").value()));
  CHECK(network_of(parse_ip("::ffff:192.0.2.1").value()) == "192.0.2.1");
  CHECK(network_of(parse_ip("192.0.2.2").value()) != network_of(parse_ip("192.0.2.1").value()));
}
