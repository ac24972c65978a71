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
  if (!enter_total()) return {};
  Place place(*this, std::nullopt);
  if (!place.assign(peer)) return {};
  return place;
}

ConnectionLimits::Place ConnectionLimits::enter_unassigned() {
  if (!enter_total()) return {};
  return {*this, std::nullopt};
}

bool ConnectionLimits::Place::assign(const IpAddress& peer) {
  const IpAddress key = peer.masked(64);
  if (!limits_->count(key)) return false;
  key_ = key;
  return true;
}

bool ConnectionLimits::enter_total() {
  if (open_.fetch_add(1, std::memory_order_relaxed) < total_max_) return true;
  open_.fetch_sub(1, std::memory_order_relaxed);
  refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool ConnectionLimits::count(const IpAddress& key) {
  {
    Shard& place = shard(key);
    const std::lock_guard lock(place.mutex);
    auto& count = place.counts[key];
    if (count < per_address_max_) {
      ++count;
      return true;
    }
  }
  refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void ConnectionLimits::leave(const std::optional<IpAddress>& key) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (!key) return;
  Shard& place = shard(*key);
  const std::lock_guard lock(place.mutex);
  const auto found = place.counts.find(*key);
  if (found != place.counts.end() && --found->second == 0) place.counts.erase(found);
}

}  // namespace gatehouse::edge
