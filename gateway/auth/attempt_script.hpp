// The abuse ladder's step in Redis, one round trip for all gateways: the script does what begin_attempt() and
// end_attempt() of abuse_ladder.hpp do, by the same rules, and a test holds both equal. A count is a string, "wrong
// counted_at right_at" (milliseconds since 1970), which lives as long as it says something.
#pragma once
#include <string>
#include <vector>

#include "auth/attempt_counts.hpp"
#include "cache/cache.hpp"

namespace gatehouse::auth {

// Its answer has kAttemptNumbers numbers.
const cache::Script& attempt_script();
inline constexpr std::size_t kAttemptNumbers = 4;

// "gatehouse:attempts:…" of account, network and pair; "" for those that are absent.
std::vector<std::string> attempt_script_keys(const AttemptKeys& keys);

std::vector<std::string> begin_arguments(const LadderRules& rules, bool challenged, WallTime now);
std::vector<std::string> end_arguments(const LadderRules& rules, AttemptEnd end, WallTime now);

// Throws Failure(503, "cache_unavailable") where the numbers are no such answer.
AttemptStart read_start(const std::vector<std::int64_t>& numbers);

}  // namespace gatehouse::auth
