#include "auth/abuse_ladder.hpp"

#include <doctest/doctest.h>

using namespace gatehouse;
using namespace gatehouse::auth;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const WallTime kNow{std::chrono::milliseconds{1'750'000'000'000}};

constexpr LadderRules kRules{.free_attempts = 3, .challenge_after = 5, .lock_after = 10, .network_factor = 1};

LadderRules with_challenges(LadderRules rules = kRules) {
  rules.has_challenges = true;
  return rules;
}

LadderCount wrong(unsigned times) {
  return {times, kNow, {}};
}

// As a caller does it: judged, counted, evaluated.
struct Ladder {
  LadderVerdict attempt(LadderCount& network, LadderCount& pair, bool right) {
    LadderCounts counts{account, network, pair};
    const auto start = begin_attempt(counts, rules, false, now);
    if (start.verdict.step != Step::pass) return start.verdict;
    end_attempt(counts, rules, right ? AttemptEnd::right : AttemptEnd::wrong, now);
    account = counts.account;
    network = counts.network;
    pair = counts.pair;
    return start.verdict;
  }

  LadderRules rules = kRules;
  LadderCount account;
  WallTime now = kNow;
};

}  // namespace

TEST_CASE("the first wrong attempts are free, then each waits twice as long, then the lock") {
  const LadderRules& rules = kRules;
  CHECK(judge(wrong(0), rules, kNow) == LadderVerdict{});
  CHECK(judge(wrong(2), rules, kNow) == LadderVerdict{});
  CHECK(judge(wrong(3), rules, kNow) == LadderVerdict{Step::wait, seconds{1}});
  CHECK(judge(wrong(4), rules, kNow) == LadderVerdict{Step::wait, seconds{2}});
  CHECK(judge(wrong(9), rules, kNow) == LadderVerdict{Step::wait, seconds{64}});
  CHECK(judge(wrong(10), rules, kNow) == LadderVerdict{Step::locked, seconds{900}});
  CHECK(judge(wrong(11), rules, kNow) == LadderVerdict{Step::locked, seconds{1'800}});
  CHECK(judge(wrong(4'000'000'000), rules, kNow) == LadderVerdict{Step::locked, seconds{86'400}});
}

TEST_CASE("a wait ends by itself, to the second") {
  const LadderRules& rules = kRules;
  CHECK(judge(wrong(4), rules, kNow + std::chrono::milliseconds{1}) == LadderVerdict{Step::wait, seconds{2}});
  CHECK(judge(wrong(4), rules, kNow + seconds{1}) == LadderVerdict{Step::wait, seconds{1}});
  CHECK(judge(wrong(4), rules, kNow + seconds{2}) == LadderVerdict{});
  CHECK(judge(wrong(10), rules, kNow + seconds{899}) == LadderVerdict{Step::locked, seconds{1}});
  CHECK(judge(wrong(10), rules, kNow + seconds{900}) == LadderVerdict{});
}

TEST_CASE("where there are challenges, one takes the place of the waits between") {
  const LadderRules rules = with_challenges();
  CHECK(judge(wrong(4), rules, kNow) == LadderVerdict{Step::wait, seconds{2}});
  CHECK(judge(wrong(5), rules, kNow) == LadderVerdict{Step::challenge, seconds{0}});
  CHECK(judge(wrong(9), rules, kNow + minutes{4}) == LadderVerdict{Step::challenge, seconds{0}});
  CHECK(judge(wrong(10), rules, kNow).step == Step::locked);
}

TEST_CASE("one wrong attempt is forgotten each half hour, and a clock that was wrong locks nobody out") {
  const LadderRules& rules = kRules;
  CHECK(forgiven(wrong(3), rules, kNow + minutes{30}) == LadderCount{2, kNow + minutes{30}, {}});
  CHECK(forgiven(wrong(3), rules, kNow + minutes{45}) == LadderCount{2, kNow + minutes{30}, {}});
  CHECK(forgiven(wrong(3), rules, kNow + minutes{90}) == LadderCount{0, kNow + minutes{90}, {}});
  CHECK(judge(wrong(3), rules, kNow - hours{24}) == LadderVerdict{Step::wait, seconds{1}});
}

TEST_CASE("of attempts that come at once no more are evaluated than one by one") {
  Ladder ladder;
  LadderCount network, pair;
  int evaluated = 0;
  for (int i = 0; i < 50; ++i) {
    if (ladder.attempt(network, pair, false).step == Step::pass) ++evaluated;
  }
  CHECK(evaluated == 3);
}

TEST_CASE("many networks climb the ladder of one account, and one network that of many accounts") {
  Ladder ladder;
  for (int i = 0; i < 3; ++i) {
    LadderCount network, pair;
    CHECK(ladder.attempt(network, pair, false).step == Step::pass);
  }
  LadderCount other_network, other_pair;
  CHECK(ladder.attempt(other_network, other_pair, true).step == Step::wait);

  LadderCount network;
  int passed = 0;
  for (int i = 0; i < 5; ++i) {
    Ladder of_another_account;
    LadderCount pair;
    if (of_another_account.attempt(network, pair, false).step == Step::pass) ++passed;
  }
  CHECK(passed == 3);
}

TEST_CASE("strangers who lock an account lock out strangers: the owner's network is judged by itself") {
  Ladder ladder;
  LadderCount home, at_home;
  CHECK(ladder.attempt(home, at_home, true).step == Step::pass);
  ladder.account = wrong(20);
  LadderCount elsewhere, at_elsewhere;
  CHECK(ladder.attempt(elsewhere, at_elsewhere, true).step == Step::locked);
  CHECK(ladder.attempt(home, at_home, true).step == Step::pass);
  // A month without a right password makes it a stranger's.
  ladder.account = {20, kNow + hours{31 * 24}, {}};
  ladder.now = kNow + hours{31 * 24};
  CHECK(ladder.attempt(home, at_home, true).step == Step::locked);
}

TEST_CASE("a guesser at the owner's network climbs as well") {
  Ladder ladder;
  LadderCount home, at_home;
  ladder.attempt(home, at_home, true);
  int passed = 0;
  for (int i = 0; i < 20; ++i) {
    if (ladder.attempt(home, at_home, false).step == Step::pass) ++passed;
  }
  CHECK(passed == 3);
}

TEST_CASE("a right secret forgets the account's and never what the network has tried elsewhere") {
  Ladder ladder;
  LadderCount network = wrong(2), pair = wrong(2);
  ladder.account = wrong(2);
  CHECK(ladder.attempt(network, pair, true).step == Step::pass);
  CHECK(ladder.account.wrong == 0);
  CHECK(pair.wrong == 0);
  CHECK(pair.right_at == kNow);
  CHECK(network.wrong == 2);
}

TEST_CASE(
    "a challenge is wanted before the first wait where that is how it is configured, and one that is solved passes") {
  LadderRules rules = with_challenges();
  rules.challenge_after = 2;
  LadderCounts counts{wrong(2), {}, {}};
  CHECK(begin_attempt(counts, rules, false, kNow).verdict.step == Step::challenge);
  CHECK(counts.account.wrong == 2);
  CHECK(begin_attempt(counts, rules, true, kNow).verdict.step == Step::pass);
  CHECK(counts.account.wrong == 3);
  counts.account = wrong(10);
  CHECK(begin_attempt(counts, rules, true, kNow).verdict.step == Step::locked);
}

TEST_CASE("the attempt that closes a lock says so, and whose it is") {
  LadderCounts counts{wrong(8), wrong(0), {}};
  const auto later = kNow + minutes{2};
  CHECK(begin_attempt(counts, kRules, false, later) == AttemptStart{});
  counts.account.counted_at = kNow;
  CHECK(begin_attempt(counts, kRules, false, later) == AttemptStart{{}, true, false});
  counts = {{}, wrong(9), {}};
  CHECK(begin_attempt(counts, kRules, false, later) == AttemptStart{{}, false, true});
}

TEST_CASE("an attempt that came to nothing is taken back") {
  LadderCounts counts{wrong(2), wrong(2), {}};
  begin_attempt(counts, kRules, false, kNow);
  end_attempt(counts, kRules, AttemptEnd::untried, kNow);
  CHECK(counts.account.wrong == 2);
  CHECK(counts.network.wrong == 2);
  CHECK(counts.pair.wrong == 0);
}

TEST_CASE("a network stands for many people: it has as many times the attempts and is forgiven as much faster") {
  LadderRules rules = kRules;
  rules.network_factor = 10;
  const LadderRules of_network = for_network(rules);
  CHECK(of_network.free_attempts == 30);
  CHECK(of_network.lock_after == 100);
  CHECK(of_network.forgive_every == minutes{3});
  CHECK(of_network.challenge_after == 5);
  CHECK(judge({{}, wrong(29), {}}, rules, kNow).step == Step::pass);
  CHECK(judge({{}, wrong(30), {}}, rules, kNow) == LadderVerdict{Step::wait, seconds{1}});
  CHECK(judge({{}, wrong(100), {}}, rules, kNow) == LadderVerdict{Step::locked, seconds{900}});
}

TEST_CASE("as configured by default, waits come first, then the token, then the lock") {
  const LadderRules rules = make_rules(config::AbuseLadder{}, true);
  const auto judged = [&](unsigned count) { return judge({wrong(count), {}, {}}, rules, kNow); };
  CHECK(judged(4) == LadderVerdict{});
  CHECK(judged(5) == LadderVerdict{Step::wait, seconds{1}});
  CHECK(judged(6) == LadderVerdict{Step::wait, seconds{2}});
  CHECK(judged(7).step == Step::challenge);
  CHECK(judged(9).step == Step::challenge);
  CHECK(judged(10) == LadderVerdict{Step::locked, seconds{900}});
}

TEST_CASE("a ladder that is switched off asks for challenges and for nothing else") {
  config::AbuseLadder settings;
  settings.enabled = false;
  CHECK(judge({wrong(1'000'000), wrong(1'000'000), {}}, make_rules(settings, false), kNow).step == Step::pass);
  CHECK(judge({wrong(7), {}, {}}, make_rules(settings, true), kNow).step == Step::challenge);
  CHECK(judge({wrong(6), {}, {}}, make_rules(settings, true), kNow).step == Step::pass);
}

TEST_CASE("a count is forgotten when nothing of it is left, a lock not before its end") {
  CHECK(forgotten_at(wrong(0), kRules) == kNow);
  CHECK(forgotten_at(wrong(3), kRules) == kNow + minutes{90});
  CHECK(forgotten_at(wrong(16), kRules) == kNow + minutes{16 * 60});
}
