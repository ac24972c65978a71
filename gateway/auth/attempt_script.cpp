#include "auth/attempt_script.hpp"

#include <fmt/format.h>

#include "base/failure.hpp"

namespace gatehouse::auth {

namespace {

// ARGV: what is done, now, then the rules in the order of rule_arguments(), times in milliseconds.
constexpr std::string_view kLua = R"lua(
local what, now = ARGV[1], tonumber(ARGV[2])
local rules = {}
for i = 3, 12 do rules[i - 2] = tonumber(ARGV[i]) end
local free, challenge_after, lock_after, wait_first, lock_first, lock_max, forgive, known_for, factor, has_challenges =
  unpack(rules)
local of_own = {free = free, lock = lock_after, forgive = forgive}
local of_network = {free = free * factor, lock = lock_after * factor,
                    forgive = math.max(1000, math.floor(forgive / 1000 / factor) * 1000)}
local account, network, pair = 1, 2, 3
local counts = {}
for i = 1, 3 do
  local text = KEYS[i] ~= '' and redis.call('GET', KEYS[i]) or ''
  local wrong, at, right = string.match(text, '^(%d+) (%d+) (%d+)$')
  counts[i] = {wrong = tonumber(wrong or 0), at = tonumber(at or 0), right = tonumber(right or 0)}
end
local function doubled(first, times, limit)
  while times > 0 and first < limit do
    first = first * 2
    times = times - 1
  end
  return math.min(first, limit)
end
local function lock_of(wrong, by) return doubled(lock_first, wrong - by.lock, lock_max) end
local function forgive_count(count, by)
  count.at = math.min(count.at, now)
  local forgotten = math.floor((now - count.at) / by.forgive)
  if forgotten >= count.wrong then
    count.wrong, count.at = 0, now
  else
    count.wrong, count.at = count.wrong - forgotten, count.at + forgotten * by.forgive
  end
end
local function left_of(ends) return math.ceil((ends - now) / 1000) end
local function judge(given, by)
  local last = math.min(given.at, now)
  if given.wrong >= by.lock then
    local ends = last + lock_of(given.wrong, by)
    if ends > now then return 3, left_of(ends) end
  end
  local count = {wrong = given.wrong, at = given.at}
  forgive_count(count, by)
  if has_challenges == 1 and count.wrong >= challenge_after then return 1, 0 end
  if count.wrong < by.free then return 0, 0 end
  local ends = last + doubled(wait_first, count.wrong - by.free, lock_first)
  if ends > now then return 2, left_of(ends) end
  return 0, 0
end
local is_known = counts[pair].right > 0 and now - counts[pair].right < known_for
local function add(count, by, number)
  forgive_count(count, by)
  count.wrong = math.max(0, count.wrong + number)
  if number > 0 then count.at = now end
end
local function add_to_all(number)
  if not is_known then add(counts[account], of_own, number) end
  add(counts[network], of_network, number)
  add(counts[pair], of_own, number)
end
local step, retry, locks_account, locks_network = 0, 0, 0, 0
if what == 'begin' or what == 'begin challenged' then
  step, retry = judge(counts[network], of_network)
  local own = is_known and counts[pair] or counts[account]
  local own_step, own_retry = judge(own, of_own)
  if own_step > step or (own_step == step and own_retry > retry) then step, retry = own_step, own_retry end
  if step == 1 and what == 'begin challenged' then step = 0 end
  if step > 0 then return {step, retry, 0, 0} end
  add_to_all(1)
  if own.wrong >= of_own.lock then locks_account = 1 end
  if counts[network].wrong >= of_network.lock then locks_network = 1 end
elseif what == 'right' then
  counts[account].wrong, counts[account].at = 0, now
  counts[pair] = {wrong = 0, at = now, right = now}
  add(counts[network], of_network, -1)
else
  add_to_all(-1)
end
for i = 1, 3 do
  if KEYS[i] ~= '' then
    local count, by = counts[i], i == network and of_network or of_own
    local ends = count.at + count.wrong * by.forgive
    if count.wrong >= by.lock then ends = math.max(ends, count.at + lock_of(count.wrong, by)) end
    if i == pair and count.right > 0 then ends = math.max(ends, count.right + known_for) end
    if ends > now and (count.wrong > 0 or count.right > 0) then
      redis.call('SET', KEYS[i], string.format('%.0f %.0f %.0f', count.wrong, count.at, count.right),
                 'PX', string.format('%.0f', ends - now))
    else
      redis.call('DEL', KEYS[i])
    end
  end
end
return {step, retry, locks_account, locks_network}
)lua";

std::string text_of(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

std::vector<std::string> make_arguments(const char* what, const LadderRules& rules, WallTime now) {
  return {what,
          text_of(now.time_since_epoch()),
          std::to_string(rules.free_attempts),
          std::to_string(rules.challenge_after),
          std::to_string(rules.lock_after),
          text_of(rules.wait_first),
          text_of(rules.lock_first),
          text_of(rules.lock_max),
          text_of(rules.forgive_every),
          text_of(rules.known_for),
          std::to_string(rules.network_factor),
          rules.has_challenges ? "1" : "0"};
}

std::string key_text(const std::optional<AttemptKey>& key) {
  return key ? fmt::format("gatehouse:attempts:{:016x}{:016x}", (*key)[0], (*key)[1]) : std::string();
}

}  // namespace

const cache::Script& attempt_script() {
  static const cache::Script script(kLua);
  return script;
}

std::vector<std::string> attempt_script_keys(const AttemptKeys& keys) {
  return {key_text(keys.account), key_text(keys.network), key_text(keys.pair)};
}

std::vector<std::string> begin_arguments(const LadderRules& rules, bool challenged, WallTime now) {
  return make_arguments(challenged ? "begin challenged" : "begin", rules, now);
}

std::vector<std::string> end_arguments(const LadderRules& rules, AttemptEnd end, WallTime now) {
  return make_arguments(end == AttemptEnd::right ? "right" : "untried", rules, now);
}

AttemptStart read_start(const std::vector<std::int64_t>& numbers) {
  if (numbers.size() != kAttemptNumbers || numbers[0] < 0 || numbers[0] > static_cast<int>(Step::locked))
    throw Failure(503, "cache_unavailable", "redis: an answer of an unexpected kind");
  return {{static_cast<Step>(numbers[0]), std::chrono::seconds{numbers[1]}}, numbers[2] != 0, numbers[3] != 0};
}

}  // namespace gatehouse::auth
