#include "edge/connection_limits.hpp"

#include <cstring>

namespace gatehouse::edge {

std::size_t ConnectionLimits::Hash::operator()(const IpAddress& address) const {
  std::uint64_t high, low;
  std::memcpy(&high, address.bytes().data(), 8);
  std::memcpy(&low, address.bytes().data() + 8, 8);
  std::uint64_t mixed = (high ^ (low << 1)) + low * 0x9E3779B97F4A7C15ull;
  mixed ^= mixed >> 29;
  return mixed * 0xBF58476D1CE4E5B9ull >> 17;
}

ConnectionLimits::Place ConnectionLimits::enter(const IpAddress& peer) {
  const IpAddress key = peer.masked(64);
  if (open_.fetch_add(1, std::memory_order_relaxed) >= total_max_) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  {
    Shard& place = shard(key);
    const std::lock_guard lock(place.mutex);
    auto& count = place.counts[key];
    if (count < per_address_max_) {
      ++count;
      return {*this, key};
    }
  }
  open_.fetch_sub(1, std::memory_order_relaxed);
  refused_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

void ConnectionLimits::leave(const IpAddress& key) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  Shard& place = shard(key);
  const std::lock_guard lock(place.mutex);
  const auto found = place.counts.find(key);
  if (found != place.counts.end() && --found->second == 0) place.counts.erase(found);
}

}  // namespace gatehouse::edge
