// The cache as the process sees it: opened once from `gateway.redis`, it gives each worker thread a Cache of its own
// and tells how it is, for /readyz and the metrics.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "cache/cache.hpp"

namespace gatehouse::cache {

struct CacheOptions {
  milliseconds command_timeout{100};              // of each call, waiting for a connection included
  milliseconds connect_timeout{500};              // name, TCP, TLS, user and database together
  std::size_t queue = 4'096;                      // calls of one thread that may be under way; one more fails at once
  std::size_t queue_bytes = 16 * 1024 * 1024;     // what these calls send, together
  std::size_t reply_bytes_max = 4 * 1024 * 1024;  // of one answer
  unsigned failures_max = 5;                      // calls in a row; then the circuit opens
  milliseconds first_pause{50};                   // between attempts to connect; doubles, with full jitter
  milliseconds longest_pause{2'000};
  milliseconds keep_alive{1'000};  // an idle connection is asked so often whether it is still there
};

// Of the whole process; each thread has a connection of its own.
struct CacheHealth {
  bool up = false;             // every thread is connected and its circuit is closed
  unsigned caches = 0;         // threads that have a Cache
  unsigned circuits_open = 0;  // of these, how many fail at once
  std::uint64_t calls = 0;     // all that follow count from the start of the process
  std::uint64_t failures = 0;  // calls that threw
  std::uint64_t connects = 0;  // connections that were made
  // Of these, how many may have led to another server, or to one that was started again: it may hold anything.
  std::uint64_t servers = 0;
};

// Any thread may call it. Lives longer than what it gave.
class SharedCache {
 public:
  virtual ~SharedCache() = default;
  // The Cache of the thread that runs `executor`; destroy it before that io_context. It connects by itself from then
  // on, and for as long as it lives keeps io_context::run() from returning. A server that is down fails calls, not
  // this.
  virtual std::unique_ptr<Cache> connect(Executor executor) = 0;
  virtual CacheHealth health() const = 0;
};

// `url`: see config/redis_url.hpp. The error is a sentence for the operator that shows nothing of the URL: it is not
// understood, or a file that it names cannot be read. Whether the server is there is not looked at.
std::expected<std::unique_ptr<SharedCache>, std::string> open_redis(const Secret& url, CacheOptions options = {});

// One store in this process, for all its threads, with at most `entries_max` keys: the one that was used longest ago
// makes room. It never fails.
std::unique_ptr<SharedCache> open_memory(const Clock& clock, std::size_t entries_max = 100'000);

}  // namespace gatehouse::cache
