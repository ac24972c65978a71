#include "auth/rate_limit_memory.hpp"

#include <algorithm>

namespace gatehouse::auth {

// Entries that are over go, a few at a time, from the end where they are oldest.
void RateLimitMemory::make_room(Shard& shard, SteadyTime now) const {
  const std::size_t most = std::max<std::size_t>(1, keys_max_ / kShards);
  for (int looked_at = 0; looked_at < 4 && !shard.entries.empty(); ++looked_at) {
    const Entry& oldest = shard.entries.back();
    if (oldest.ends > now && shard.entries.size() < most) return;
    shard.by_key.erase(oldest.key);
    shard.entries.pop_back();
  }
}

RateRefusal RateLimitMemory::take(std::string_view key, const config::AuthRateRule& rule) {
  const SteadyTime now = clock_.steady();
  Shard& shard = shards_[std::hash<std::string_view>()(key) % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) {
    make_room(shard, now);
    shard.entries.push_front({std::string(key), 1, now, now + rule.window});
    shard.by_key.emplace(shard.entries.front().key, shard.entries.begin());
    return std::nullopt;
  }
  Entry& entry = *found->second;
  if (now - entry.last >= rule.window) {
    entry.count = 0;
  } else if (entry.count >= rule.max) {
    return std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(entry.last + rule.window - now));
  }
  ++entry.count;
  entry.last = now;
  entry.ends = now + rule.window;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return std::nullopt;
}

void RateLimitMemory::close(std::string_view key, const config::AuthRateRule& rule, std::chrono::seconds retry_after) {
  const SteadyTime now = clock_.steady();
  Shard& shard = shards_[std::hash<std::string_view>()(key) % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) return;
  Entry& entry = *found->second;
  entry.count = rule.max;
  entry.ends = now + retry_after;
  entry.last = entry.ends - rule.window;
}

std::size_t RateLimitMemory::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.entries.size();
  }
  return size;
}

}  // namespace gatehouse::auth
