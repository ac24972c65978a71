// Which servers of an upstream fail, as all threads see it together: the process log tells when one begins to fail and
// when it serves again, with the count of requests that it cost in between, not each of them (the access log has
// those). Shared by all threads; costs a served request one look at a flag.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "config/configuration.hpp"

namespace gatehouse::upstream {

class ServerStates {
 public:
  // A server that fails now and then is told once: it counts as failing until it serves so long after its last failure.
  static constexpr std::chrono::seconds kCalm{10};

  explicit ServerStates(const config::Upstream& settings);

  void on_failure(std::size_t server, std::string_view why, SteadyTime now);
  void on_answer(std::size_t server, SteadyTime now) {
    if (servers_[server].failing.load(std::memory_order_relaxed)) recover(server, now);
  }
  bool is_failing(std::size_t server) const { return servers_[server].failing.load(std::memory_order_relaxed); }

  // The upstream tried to set one of the gateway's cookies: told once for each configuration.
  void on_own_cookie();

 private:
  struct State {
    std::string address;
    std::atomic<bool> failing{false};
    std::uint64_t failures = 0;  // since it began; this and the times under the mutex
    SteadyTime began{};
    SteadyTime last{};
  };

  void recover(std::size_t server, SteadyTime now);

  const std::string name_;
  std::mutex mutex_;
  std::vector<State> servers_;
  std::atomic<bool> told_of_cookie_{false};
};

}  // namespace gatehouse::upstream
