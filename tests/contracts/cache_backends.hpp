// The stores that the contract of Cache is run against: each value stands for one, which others may use, too, so that
// tests make keys of their own.
#pragma once
#include <memory>
#include <string>

#include "cache/open.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/run_coroutine.hpp"

namespace gatehouse::tests {

struct MemoryBackend {
  static std::unique_ptr<cache::SharedCache> open() { return cache::open_memory(clock()); }
  static const Clock& clock() {
    static const SystemClock system;
    return system;
  }
};

template <class Url>
struct RedisBackend {
  static std::unique_ptr<cache::SharedCache> open() {
    // Under sanitizers on a busy machine; what is late is another test's matter.
    return cache::open_redis(Secret(Url{}()),
                             {.command_timeout = std::chrono::seconds{5}, .connect_timeout = std::chrono::seconds{5}})
        .value();
  }
};

struct RedisUrlOfTcp {
  std::string operator()() const { return RedisProcess::shared().user_url("/3"); }
};
struct RedisUrlOfSocket {
  std::string operator()() const { return RedisProcess::shared().socket_url(); }
};
struct RedisUrlOfTls {
  std::string operator()() const { return RedisProcess::shared().tls_url(); }
};
using RedisTcpBackend = RedisBackend<RedisUrlOfTcp>;
using RedisSocketBackend = RedisBackend<RedisUrlOfSocket>;
using RedisTlsBackend = RedisBackend<RedisUrlOfTls>;

#define CACHE_BACKENDS MemoryBackend, RedisTcpBackend, RedisSocketBackend, RedisTlsBackend

// A key that no other test uses.
inline std::string new_key() {
  static int number = 0;
  return "key-" + std::to_string(++number) + "-" + std::to_string(getpid());
}

// One worker's view.
template <class Backend>
struct OpenedCache {
  template <class T>
  T run(Awaitable<T> call) {
    return run_coroutine(context, std::move(call));
  }
  void run(Awaitable<> call) { run_coroutine(context, std::move(call)); }

  std::unique_ptr<cache::SharedCache> shared = Backend::open();
  asio::io_context context;
  std::unique_ptr<cache::Cache> cache = shared->connect(context.get_executor());
  std::string key = new_key();
};

}  // namespace gatehouse::tests
