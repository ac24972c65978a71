#include "auth/abuse_ladder.hpp"

#include <algorithm>

namespace gatehouse::auth {

namespace {

using std::chrono::seconds;

// Doubled so often, up to a limit.
seconds doubled(seconds first, unsigned times, seconds limit) {
  while (times-- > 0 && first < limit) first *= 2;
  return std::min(first, limit);
}

LadderVerdict until(Step step, WallTime end, WallTime now) {
  if (end <= now) return {};
  return {step, std::chrono::ceil<seconds>(end - now)};
}

bool is_known(const LadderCount& pair, const LadderRules& rules, WallTime now) {
  return pair.right_at != WallTime{} && now - pair.right_at < rules.known_for;
}

LadderCount with_wrong(LadderCount count, const LadderRules& rules, WallTime now) {
  count = forgiven(count, rules, now);
  ++count.wrong;
  count.counted_at = now;
  return count;
}

bool is_stricter(const LadderVerdict& a, const LadderVerdict& b) {
  return a.step != b.step ? a.step > b.step : a.retry_after > b.retry_after;
}

}  // namespace

LadderCount forgiven(LadderCount count, const LadderRules& rules, WallTime now) {
  count.counted_at = std::min(count.counted_at, now);
  const auto forgotten = (now - count.counted_at) / rules.forgive_every;
  if (forgotten >= count.wrong) return {0, now, count.right_at};
  count.wrong -= static_cast<unsigned>(forgotten);
  count.counted_at += forgotten * rules.forgive_every;
  return count;
}

// Locks and waits run from the last attempt, whatever was forgotten meanwhile.
LadderVerdict judge(const LadderCount& count, const LadderRules& rules, WallTime now) {
  const WallTime last = std::min(count.counted_at, now);
  if (count.wrong >= rules.lock_after) {
    const auto lock = doubled(rules.lock_first, count.wrong - rules.lock_after, rules.lock_max);
    const auto locked = until(Step::locked, last + lock, now);
    if (locked.step == Step::locked) return locked;
  }
  const unsigned wrong = forgiven(count, rules, now).wrong;
  if (wrong < rules.free_attempts) return {};
  const bool challenges = rules.has_challenges && wrong >= rules.challenge_after;
  const auto wait = doubled(rules.wait_first, wrong - rules.free_attempts, rules.lock_first);
  const auto waits = until(Step::wait, last + wait, now);
  if (waits.step == Step::wait && !challenges) return waits;
  return {challenges ? Step::challenge : Step::pass, seconds{0}};
}

LadderVerdict judge(const LadderCounts& counts, const LadderRules& rules, WallTime now) {
  auto verdict = judge(counts.network, rules, now);
  const auto& own = is_known(counts.pair, rules, now) ? counts.pair : counts.account;
  const auto other = judge(own, rules, now);
  return is_stricter(other, verdict) ? other : verdict;
}

LadderCounts with_attempt(LadderCounts counts, const LadderRules& rules, WallTime now) {
  // What the owner mistypes at a network of theirs is not a stranger's doing.
  if (!is_known(counts.pair, rules, now)) counts.account = with_wrong(counts.account, rules, now);
  counts.network = with_wrong(counts.network, rules, now);
  counts.pair = with_wrong(counts.pair, rules, now);
  return counts;
}

LadderCounts with_success(LadderCounts counts, const LadderRules& rules, WallTime now) {
  counts.account = {0, now, counts.account.right_at};
  counts.pair = {0, now, now};
  counts.network = forgiven(counts.network, rules, now);
  if (counts.network.wrong > 0) --counts.network.wrong;
  return counts;
}

}  // namespace gatehouse::auth
