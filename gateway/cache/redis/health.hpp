// How Redis is for the process as a whole: what the clients of all threads report, counted, and told once per change of
// state.
#pragma once
#include <atomic>
#include <mutex>
#include <string>

#include "cache/open.hpp"

namespace gatehouse::cache {

class RedisHealth {
 public:
  explicit RedisHealth(std::string server) : server_(std::move(server)) {}

  enum class State { unknown, up, down };
  // Of one thread's client, from its state before. `why` is a clause for the log.
  void change(State before, State after, const std::string& why);
  void add_client();
  void remove_client(State last);

  void count_calls(std::uint64_t number) { calls_.fetch_add(number, std::memory_order_relaxed); }
  void count_failures(std::uint64_t number) { failures_.fetch_add(number, std::memory_order_relaxed); }
  // A number for the connection that no other of this process has. `run_id`: of the server; empty: it does not tell.
  std::uint64_t count_connect(const std::string& run_id);

  CacheHealth read() const;

 private:
  const std::string server_;
  mutable std::mutex mutex_;  // guards the six below
  unsigned clients_ = 0;
  unsigned up_ = 0;
  unsigned down_ = 0;
  State told_ = State::unknown;
  std::string run_id_;  // of the last connection's server
  std::uint64_t servers_ = 0;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> connects_{0};
};

}  // namespace gatehouse::cache
