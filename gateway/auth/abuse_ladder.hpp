// The abuse ladder: what an attempt at a secret may do after those before it (docs/decisions/0021_abuse_ladder.md).
// Pure functions of counts and time; where counts are kept, and for which keys, is the caller's.
#pragma once
#include <chrono>
#include <optional>

#include "base/clock.hpp"

namespace gatehouse::auth {

struct LadderRules {
  unsigned free_attempts = 3;    // that may be wrong before anything happens
  unsigned challenge_after = 5;  // wrong ones; then each needs a solved challenge, where there are challenges
  unsigned lock_after = 10;
  std::chrono::seconds wait_first{1};  // doubles with each wrong attempt beyond the free ones
  std::chrono::seconds lock_first{900};
  std::chrono::seconds lock_max{86'400};      // each further wrong attempt doubles the lock up to here
  std::chrono::seconds forgive_every{1'800};  // one wrong attempt is forgotten
  std::chrono::hours known_for{30 * 24};      // how long a network counts as the owner's
  bool has_challenges = false;
};

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

// The strictest of those that count: the account's does not for a network that is known to be its owner's.
LadderVerdict judge(const LadderCounts& counts, const LadderRules& rules, WallTime now);

// An attempt that was let through, before it is evaluated: as if it were wrong.
LadderCounts with_attempt(LadderCounts counts, const LadderRules& rules, WallTime now);
// It was right.
LadderCounts with_success(LadderCounts counts, const LadderRules& rules, WallTime now);

}  // namespace gatehouse::auth
