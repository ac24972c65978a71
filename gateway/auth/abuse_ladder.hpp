// The abuse ladder: what an attempt at a secret may do after those before it (docs/decisions/0021_abuse_ladder.md).
// Pure functions of counts and time. Counts are kept by AttemptCounts (attempt_counts.hpp) and, where there is a Redis,
// by a script that does the same there (attempt_script.hpp); endpoints ask by begin_attempt() (secret_attempt.hpp).
#pragma once
#include <chrono>
#include <optional>

#include "base/clock.hpp"
#include "config/configuration.hpp"

namespace gatehouse::auth {

struct LadderRules {
  unsigned free_attempts = 5;    // that may be wrong before anything happens
  unsigned challenge_after = 7;  // wrong ones; then each needs a solved challenge, where there are challenges
  unsigned lock_after = 10;
  std::chrono::seconds wait_first{1};  // doubles with each wrong attempt beyond the free ones
  std::chrono::seconds lock_first{900};
  std::chrono::seconds lock_max{86'400};      // each further wrong attempt doubles the lock up to here
  std::chrono::seconds forgive_every{1'800};  // one wrong attempt is forgotten
  std::chrono::hours known_for{30 * 24};      // how long a network counts as the owner's
  unsigned network_factor = 10;               // how many people a network stands for
  bool has_challenges = false;
};

// Where the ladder is switched off, nothing waits and nothing is locked; challenges are asked for all the same.
LadderRules make_rules(const config::AbuseLadder& settings, bool has_challenges);

// Of the count of a network: many people are behind one address, so that it has as many times the free attempts and
// attempts to the lock, and is forgiven as much faster. A challenge is wanted as early as for anybody.
LadderRules for_network(LadderRules rules);

// One count: of an account, of a network, or of both together.
struct LadderCount {
  unsigned wrong = 0;
  WallTime counted_at{};  // when `wrong` was so many
  WallTime right_at{};    // the last right attempt; the pair's alone is asked
  bool operator==(const LadderCount&) const = default;
};

enum class Step {
  pass,
  challenge,  // only with a solved challenge
  wait,
  locked,
};

struct LadderVerdict {
  Step step = Step::pass;
  std::chrono::seconds retry_after{0};  // of wait and locked: at least one
  bool operator==(const LadderVerdict&) const = default;
};

// What is left of a count by now. A count from the future (a clock that was wrong) is as of now.
LadderCount forgiven(LadderCount count, const LadderRules& rules, WallTime now);

LadderVerdict judge(const LadderCount& count, const LadderRules& rules, WallTime now);

struct LadderCounts {
  LadderCount account;
  LadderCount network;
  LadderCount pair;
};

// The strictest of those that count: the account's does not for a network that is known to be its owner's. `rules` are
// the account's.
LadderVerdict judge(const LadderCounts& counts, const LadderRules& rules, WallTime now);

// An attempt that was let through, before it is evaluated: as if it were wrong.
LadderCounts with_attempt(LadderCounts counts, const LadderRules& rules, WallTime now);
// It was right.
LadderCounts with_success(LadderCounts counts, const LadderRules& rules, WallTime now);
// It came to nothing: a dependency was down before it was evaluated.
LadderCounts without_attempt(LadderCounts counts, const LadderRules& rules, WallTime now);

// From when on a count says nothing any more, but for `right_at`.
WallTime forgotten_at(const LadderCount& count, const LadderRules& rules);

// What came of asking for an attempt. The locks: where this one is wrong, they are closed.
struct AttemptStart {
  LadderVerdict verdict;
  bool locks_account = false;
  bool locks_network = false;
  bool operator==(const AttemptStart&) const = default;
};

// One step for whoever keeps counts: judges, and counts if the attempt may be made. `challenged`: a challenge has been
// solved for it.
AttemptStart begin_attempt(LadderCounts& counts, const LadderRules& rules, bool challenged, WallTime now);

enum class AttemptEnd { wrong, right, untried };
void end_attempt(LadderCounts& counts, const LadderRules& rules, AttemptEnd end, WallTime now);

}  // namespace gatehouse::auth
