// How often a key may ask: the generic cell rate algorithm (GCRA) over a table of fixed size, shared by all threads.
// One time stamp per key says when its bucket would be empty; there is nothing to expire, and a burst of parallel
// requests never gets more than the limit through.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "config/configuration.hpp"

namespace gatehouse::pipeline {

class RateLimiter {
 public:
  // Memory is entries × 24 bytes from the start, rounded up to 64 shards of full sets. With more keys than that, those
  // that are nearest to being forgotten anyway make room.
  explicit RateLimiter(Random& random, std::size_t entries = 262'144);
  ~RateLimiter();

  struct Verdict {
    bool allowed = true;
    std::uint32_t remaining = 0;               // further requests that would pass now
    std::chrono::milliseconds retry_after{0};  // until the next one passes; only when refused
    std::chrono::milliseconds reset{0};        // until the whole limit is there again; when refused as `retry_after`
  };

  // Counts one request of `key` against `rule`. `scope` keeps rules apart: the same key under another scope is another
  // bucket. A refused request is not counted.
  Verdict take(const config::RateLimit& rule, std::uint64_t scope, std::string_view key, SteadyTime now);

  // Whether take() would refuse. Counts nothing.
  bool is_exhausted(const config::RateLimit& rule, std::uint64_t scope, std::string_view key, SteadyTime now) const;

  // Takes back what one take() has counted, which turned out to be none of what is limited.
  void give_back(const config::RateLimit& rule, std::uint64_t scope, std::string_view key, SteadyTime now);

  // Others count the key as well: at `now` as much as takes `held` to be empty. What is counted here is at least that
  // from now on.
  void raise(std::uint64_t scope, std::string_view key, SteadyTime now, std::chrono::nanoseconds held);

  // What is said of a bucket of `limit`, each of which takes `interval` to leak, that held so much before.
  static Verdict judge(std::uint32_t limit, std::chrono::nanoseconds interval, std::chrono::nanoseconds held);

 private:
  struct Entry;
  struct Shard;
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kWays = 8;  // places that a key may be in

  struct Place;
  Place find_place(std::uint64_t scope, std::string_view key) const;

  std::uint64_t seed_[2];
  std::size_t sets_per_shard_;
  std::unique_ptr<std::array<Shard, kShards>> shards_;
};

}  // namespace gatehouse::pipeline
