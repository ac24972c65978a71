// One thread's Cache on Redis, and calls on it of which a test wants to know how they end.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <string>

#include "base/failure.hpp"
#include "cache/open.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/run_until.hpp"

namespace gatehouse::tests {

inline cache::CacheOptions patient() {
  return {.command_timeout = std::chrono::seconds{5}, .connect_timeout = std::chrono::seconds{5}};
}

struct RedisWorld {
  void open(const std::string& url, cache::CacheOptions options = patient()) {
    shared = cache::open_redis(Secret(url), options).value();
    cache = shared->connect(io.get_executor());
  }

  template <class T>
  T run(Awaitable<T> call) {
    return run_coroutine(io, std::move(call));
  }
  void run(Awaitable<> call) { run_coroutine(io, std::move(call)); }

  // What the Failure says that the call ends with; empty: none was thrown.
  template <class T>
  std::string failure(Awaitable<T> call) {
    try {
      run(std::move(call));
    } catch (const Failure& thrown) {
      if (thrown.status() == 503 && thrown.reason() == "cache_unavailable") return thrown.what();
      return "another failure: " + thrown.reason();
    }
    return {};
  }

  // Starts a get that ends some time.
  void begin_get(const std::string& key) {
    asio::co_spawn(io.get_executor(), cache->get(key),
                   [this](const std::exception_ptr& thrown, const std::optional<std::string>& value) {
                     ++ended;
                     if (thrown) ++failed;
                     if (!thrown) got.push_back(value.value_or("nil"));
                   });
  }

  // The server answers again, without anybody's doing.
  bool recovers() {
    return run_until(io, [&] { return shared->health().up && failure(cache->get("probe")).empty(); });
  }

  asio::io_context io;
  std::unique_ptr<cache::SharedCache> shared;
  std::unique_ptr<cache::Cache> cache;
  int ended = 0;
  int failed = 0;
  std::vector<std::string> got;
};

}  // namespace gatehouse::tests
