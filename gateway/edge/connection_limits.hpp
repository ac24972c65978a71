// How many connections may be open: in total and from one address (IPv6: its /64). Shared by all threads; asked at
// accept, before a byte is read; behind proxies that speak the PROXY protocol the address is asked about once it is
// told.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
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
    Place(ConnectionLimits& limits, std::optional<IpAddress> key) : limits_(&limits), key_(key) {}
    Place(Place&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)), key_(other.key_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (limits_) limits_->leave(key_);
    }
    explicit operator bool() const { return limits_ != nullptr; }
    // The address of a connection that entered without one. False: too many of that address are there already; the
    // place is kept, the connection is to be closed.
    bool assign(const IpAddress& peer);

   private:
    ConnectionLimits* limits_ = nullptr;
    std::optional<IpAddress> key_;  // absent: counted in total alone
  };

  // An empty place: refused.
  Place enter(const IpAddress& peer);
  // For a connection whose address is told later, by a proxy.
  Place enter_unassigned();
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
  bool count(const IpAddress& key);
  bool enter_total();
  void leave(const std::optional<IpAddress>& key);

  const std::uint32_t total_max_;
  const std::uint32_t per_address_max_;
  std::atomic<std::uint32_t> open_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace gatehouse::edge
