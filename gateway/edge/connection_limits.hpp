// How many connections may be open: in total and from one address (IPv6: its /64). Shared by all threads; asked at
// accept, before a byte is read.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/ip_address.hpp"

namespace gatehouse::edge {

class ConnectionLimits {
 public:
  ConnectionLimits(std::uint32_t total, std::uint32_t per_address) : total_max_(total), per_address_max_(per_address) {}

  // A place for one connection; gives it back when it is destroyed.
  class Place {
   public:
    Place() = default;
    Place(ConnectionLimits& limits, IpAddress key) : limits_(&limits), key_(key) {}
    Place(Place&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)), key_(other.key_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (limits_) limits_->leave(key_);
    }
    explicit operator bool() const { return limits_ != nullptr; }

   private:
    ConnectionLimits* limits_ = nullptr;
    IpAddress key_;
  };

  // An empty place: refused.
  Place enter(const IpAddress& peer);
  std::uint32_t open() const { return open_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kShards = 64;
  struct Hash {
    std::size_t operator()(const IpAddress& address) const;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<IpAddress, std::uint32_t, Hash>
        counts;  // only addresses with open connections: bounded by total_max_
  };

  Shard& shard(const IpAddress& key) { return shards_[Hash{}(key) % kShards]; }
  void leave(const IpAddress& key);

  const std::uint32_t total_max_;
  const std::uint32_t per_address_max_;
  std::atomic<std::uint32_t> open_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace gatehouse::edge
