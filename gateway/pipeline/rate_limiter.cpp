#include "pipeline/rate_limiter.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace gatehouse::pipeline {

namespace {

using Nanoseconds = std::chrono::nanoseconds;

// Keyed, so that nobody outside can choose keys that share a set. Both halves identify a key; they are mixed apart.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash(std::string_view key, std::uint64_t scope, std::uint64_t seed) {
  std::uint64_t state = mix(seed ^ key.size(), 0xA0761D6478BD642Full ^ scope);
  while (!key.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min<std::size_t>(8, key.size());
    std::memcpy(&word, key.data(), size);
    state = mix(state ^ word, seed ^ 0xE7037ED1A0B428DBull);
    key.remove_prefix(size);
  }
  return mix(state ^ scope, seed ^ 0x8EBC6AF09C88C6E3ull);
}

Nanoseconds interval_of(const config::RateLimit& rule) {
  return std::max(Nanoseconds(1), Nanoseconds(rule.window) / rule.limit);
}

std::chrono::milliseconds round_up(Nanoseconds time) {
  return std::chrono::ceil<std::chrono::milliseconds>(time);
}

}  // namespace

struct RateLimiter::Entry {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  SteadyTime empty_at{};  // GCRA's theoretical arrival time; in the past: nothing is held against the key
};

struct RateLimiter::Shard {
  std::mutex mutex;
  std::vector<Entry> entries;
};

// Where a key is, or would be. To be looked at under the shard's mutex.
struct RateLimiter::Place {
  Shard& shard;
  Entry* first;  // of the set
  std::uint64_t high;
  std::uint64_t low;

  Entry* end() const { return first + kWays; }
  Entry* find() const {
    return std::find_if(first, end(), [this](const Entry& e) { return e.high == high && e.low == low; });
  }
};

RateLimiter::RateLimiter(Random& random, std::size_t entries)
    : sets_per_shard_(std::bit_ceil(std::max<std::size_t>(1, entries / kShards / kWays))),
      shards_(std::make_unique<std::array<Shard, kShards>>()) {
  random.fill(std::as_writable_bytes(std::span(seed_)));
  for (auto& seed : seed_) seed |= 1;
  for (Shard& shard : *shards_) shard.entries.resize(sets_per_shard_ * kWays);
}

RateLimiter::~RateLimiter() = default;

RateLimiter::Place RateLimiter::find_place(std::uint64_t scope, std::string_view key) const {
  const std::uint64_t high = hash(key, scope, seed_[0]);
  const std::uint64_t low = hash(key, scope, seed_[1]);
  Shard& shard = (*shards_)[high % kShards];
  const std::size_t set = (high / kShards) % sets_per_shard_ * kWays;
  return {shard, shard.entries.data() + set, high, low};
}

RateLimiter::Verdict RateLimiter::take(const config::RateLimit& rule, std::uint64_t scope, std::string_view key,
                                       SteadyTime now) {
  const Place place = find_place(scope, key);
  const Nanoseconds interval = interval_of(rule);

  const std::lock_guard lock(place.shard.mutex);
  Entry* entry = place.find();
  if (entry == place.end()) {
    entry = std::min_element(place.first, place.end(),
                             [](const Entry& a, const Entry& b) { return a.empty_at < b.empty_at; });
    *entry = {place.high, place.low, now};
  }
  const Nanoseconds held = std::max(entry->empty_at, now) - now;
  const Verdict verdict = judge(rule.limit, interval, held);
  if (verdict.allowed) entry->empty_at = now + held + interval;
  return verdict;
}

RateLimiter::Verdict RateLimiter::judge(std::uint32_t limit, Nanoseconds interval, Nanoseconds held) {
  // `limit` requests fit into the window; integer division may leave a rest, which must not cost the last of them.
  const Nanoseconds most = interval * (limit - 1);
  if (held > most) {
    const auto next = round_up(held - most);
    return {.allowed = false, .remaining = 0, .retry_after = next, .reset = next};
  }
  return {.allowed = true,
          .remaining = static_cast<std::uint32_t>((most - held) / interval),
          .retry_after = {},
          .reset = round_up(held + interval)};
}

bool RateLimiter::is_exhausted(const config::RateLimit& rule, std::uint64_t scope, std::string_view key,
                               SteadyTime now) const {
  const Place place = find_place(scope, key);
  const std::lock_guard lock(place.shard.mutex);
  const Entry* const entry = place.find();
  return entry != place.end() && entry->empty_at - now > interval_of(rule) * (rule.limit - 1);
}

void RateLimiter::give_back(const config::RateLimit& rule, std::uint64_t scope, std::string_view key, SteadyTime now) {
  const Place place = find_place(scope, key);
  const std::lock_guard lock(place.shard.mutex);
  Entry* const entry = place.find();
  if (entry != place.end()) entry->empty_at = std::max(now, entry->empty_at - interval_of(rule));
}

void RateLimiter::raise(std::uint64_t scope, std::string_view key, SteadyTime now, Nanoseconds held) {
  const Place place = find_place(scope, key);
  const std::lock_guard lock(place.shard.mutex);
  Entry* const entry = place.find();
  if (entry != place.end()) entry->empty_at = std::max(entry->empty_at, now + held);
}

}  // namespace gatehouse::pipeline
