#include "auth/abuse_ladder.hpp"

#include <algorithm>
#include <limits>

namespace gatehouse::auth {

namespace {

using std::chrono::seconds;

constexpr unsigned kNever = std::numeric_limits<unsigned>::max();

// Doubled so often, up to a limit.
seconds doubled(seconds first, unsigned times, seconds limit) {
  while (times-- > 0 && first < limit) first *= 2;
  return std::min(first, limit);
}

seconds lock_of(unsigned wrong, const LadderRules& rules) {
  return doubled(rules.lock_first, wrong - rules.lock_after, rules.lock_max);
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

LadderCount without_wrong(LadderCount count, const LadderRules& rules, WallTime now) {
  count = forgiven(count, rules, now);
  if (count.wrong > 0) --count.wrong;
  return count;
}

bool is_stricter(const LadderVerdict& a, const LadderVerdict& b) {
  return a.step != b.step ? a.step > b.step : a.retry_after > b.retry_after;
}

unsigned times(unsigned count, unsigned factor) {
  return count > kNever / factor ? kNever : count * factor;
}

}  // namespace

LadderRules make_rules(const config::AbuseLadder& settings, bool has_challenges) {
  LadderRules rules{.free_attempts = settings.free_attempts,
                    .challenge_after = settings.challenge_after,
                    .lock_after = settings.lock_after,
                    .wait_first = settings.wait,
                    .lock_first = settings.lock,
                    .lock_max = settings.lock_max,
                    .forgive_every = settings.forgive_every,
                    .network_factor = settings.network_factor,
                    .has_challenges = has_challenges};
  if (!settings.enabled) rules.free_attempts = rules.lock_after = kNever;
  return rules;
}

LadderRules for_network(LadderRules rules) {
  rules.free_attempts = times(rules.free_attempts, rules.network_factor);
  rules.lock_after = times(rules.lock_after, rules.network_factor);
  rules.forgive_every = std::max(seconds{1}, rules.forgive_every / rules.network_factor);
  return rules;
}

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
    const auto locked = until(Step::locked, last + lock_of(count.wrong, rules), now);
    if (locked.step == Step::locked) return locked;
  }
  const unsigned wrong = forgiven(count, rules, now).wrong;
  if (rules.has_challenges && wrong >= rules.challenge_after) return {Step::challenge, seconds{0}};
  if (wrong < rules.free_attempts) return {};
  return until(Step::wait, last + doubled(rules.wait_first, wrong - rules.free_attempts, rules.lock_first), now);
}

LadderVerdict judge(const LadderCounts& counts, const LadderRules& rules, WallTime now) {
  auto verdict = judge(counts.network, for_network(rules), now);
  const auto& own = is_known(counts.pair, rules, now) ? counts.pair : counts.account;
  const auto other = judge(own, rules, now);
  return is_stricter(other, verdict) ? other : verdict;
}

LadderCounts with_attempt(LadderCounts counts, const LadderRules& rules, WallTime now) {
  // What the owner mistypes at a network of theirs is not a stranger's doing.
  if (!is_known(counts.pair, rules, now)) counts.account = with_wrong(counts.account, rules, now);
  counts.network = with_wrong(counts.network, for_network(rules), now);
  counts.pair = with_wrong(counts.pair, rules, now);
  return counts;
}

LadderCounts with_success(LadderCounts counts, const LadderRules& rules, WallTime now) {
  counts.account = {0, now, counts.account.right_at};
  counts.pair = {0, now, now};
  counts.network = without_wrong(counts.network, for_network(rules), now);
  return counts;
}

LadderCounts without_attempt(LadderCounts counts, const LadderRules& rules, WallTime now) {
  if (!is_known(counts.pair, rules, now)) counts.account = without_wrong(counts.account, rules, now);
  counts.network = without_wrong(counts.network, for_network(rules), now);
  counts.pair = without_wrong(counts.pair, rules, now);
  return counts;
}

WallTime forgotten_at(const LadderCount& count, const LadderRules& rules) {
  auto lasts = std::chrono::milliseconds(rules.forgive_every) * count.wrong;
  if (count.wrong >= rules.lock_after) lasts = std::max<std::chrono::milliseconds>(lasts, lock_of(count.wrong, rules));
  return count.counted_at + lasts;
}

AttemptStart begin_attempt(LadderCounts& counts, const LadderRules& rules, bool challenged, WallTime now) {
  AttemptStart start{.verdict = judge(counts, rules, now)};
  if (start.verdict.step == Step::challenge && challenged) start.verdict = {};
  if (start.verdict.step != Step::pass) return start;
  const bool known = is_known(counts.pair, rules, now);
  counts = with_attempt(counts, rules, now);
  start.locks_account = (known ? counts.pair : counts.account).wrong >= rules.lock_after;
  start.locks_network = counts.network.wrong >= for_network(rules).lock_after;
  return start;
}

void end_attempt(LadderCounts& counts, const LadderRules& rules, AttemptEnd end, WallTime now) {
  if (end == AttemptEnd::right) counts = with_success(counts, rules, now);
  if (end == AttemptEnd::untried) counts = without_attempt(counts, rules, now);
}

}  // namespace gatehouse::auth
