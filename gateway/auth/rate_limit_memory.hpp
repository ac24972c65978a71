// Counts of requests in this process, for all threads: where `auth.rate_limit.storage` is memory, and in place of the
// database or Redis while they do not answer. A mutex for each shard, never held across a wait. Bounded: of more keys
// than that, those that were counted longest ago are forgotten.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "config/configuration.hpp"

namespace gatehouse::auth {

// How long until one more may pass. Absent: this one may.
using RateRefusal = std::optional<std::chrono::seconds>;

class RateLimitMemory {
 public:
  explicit RateLimitMemory(const Clock& clock, std::size_t keys_max = 65'536) : clock_(clock), keys_max_(keys_max) {}

  // Counts one request, in one step: of any number at once no more than rule.max pass. Each one that passes begins the
  // window anew, refused ones do not.
  RateRefusal take(std::string_view key, const config::AuthRateRule& rule);

  // A key that take() has counted just now is over the limit by the count of others, for so long.
  void close(std::string_view key, const config::AuthRateRule& rule, std::chrono::seconds retry_after);

  // What was just learned of the store of counters. True: it is another thing than before.
  bool note_store(bool works) { return store_works_.exchange(works, std::memory_order_relaxed) != works; }
  bool store_works() const { return store_works_.load(std::memory_order_relaxed); }

  std::size_t size() const;

 private:
  struct Entry {
    std::string key;
    std::uint32_t count = 0;
    SteadyTime last{};  // when one passed
    SteadyTime ends{};
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // the one that was counted last is first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;
  };
  static constexpr std::size_t kShards = 64;

  void make_room(Shard& shard, SteadyTime now) const;

  const Clock& clock_;
  const std::size_t keys_max_;
  std::array<Shard, kShards> shards_;
  std::atomic<bool> store_works_{true};
};

}  // namespace gatehouse::auth
