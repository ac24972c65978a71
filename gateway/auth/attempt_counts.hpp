// The counts of the abuse ladder in this process, for all threads: the only ones where there is no Redis, and in place
// of those in Redis while it does not answer. A table of fixed size; with more keys than that, those that are nearest
// to being forgotten make room. What is asked for one attempt is one step under the mutexes of its counts, so that of
// any number at once no more pass than one by one.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "auth/abuse_ladder.hpp"

namespace gatehouse::auth {

// A keyed hash of whom it is about: nobody outside can choose keys that share a place, and no table holds an address.
using AttemptKey = std::array<std::uint64_t, 2>;

// Those that are absent are not counted.
struct AttemptKeys {
  std::optional<AttemptKey> account;
  std::optional<AttemptKey> network;
  std::optional<AttemptKey> pair;
};

class AttemptCounts {
 public:
  // Memory is entries × 40 bytes from the start, rounded up to 64 shards of full sets.
  explicit AttemptCounts(std::size_t entries = 65'536);
  ~AttemptCounts();

  AttemptStart begin(const AttemptKeys& keys, const LadderRules& rules, bool challenged, WallTime now);
  // Of an attempt that was let through.
  void end(const AttemptKeys& keys, const LadderRules& rules, AttemptEnd end, WallTime now);

  // Whether so many have been wrong that a challenge is wanted, of the account or of the network. Counts nothing.
  bool is_risky(const AttemptKeys& keys, const LadderRules& rules, WallTime now) const;

  // What was just learned of the store that gateways share. True: it is another thing than before.
  bool note_store(bool works) { return store_works_.exchange(works, std::memory_order_relaxed) != works; }
  bool store_works() const { return store_works_.load(std::memory_order_relaxed); }

  void count_lock(bool of_account) { ++(of_account ? account_locks_ : network_locks_); }
  std::uint64_t account_locks() const { return account_locks_.load(std::memory_order_relaxed); }
  std::uint64_t network_locks() const { return network_locks_.load(std::memory_order_relaxed); }

 private:
  struct Entry;
  struct Shard;
  class Places;
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kWays = 8;  // places that a key may be in

  const std::size_t sets_per_shard_;
  const std::unique_ptr<std::array<Shard, kShards>> shards_;
  std::atomic<bool> store_works_{true};
  std::atomic<std::uint64_t> account_locks_{0};
  std::atomic<std::uint64_t> network_locks_{0};
};

}  // namespace gatehouse::auth
