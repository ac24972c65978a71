// The servers of an upstream as all threads see them together: which fail, which are left out, how many requests each
// has. The process log tells once when a server begins to fail, is left out and serves again, with the count of
// requests that it cost in between, not each of them (the access log has those). A reload keeps the states of an
// upstream whose servers are the same.
//
// Shared by all threads. A served request costs one look at two atomics; two additions where requests are counted.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "config/configuration.hpp"
#include "upstream/server_health.hpp"

namespace gatehouse::upstream {

// One request that is under way at a server, counted while this lives. The ServerStates outlive it.
class RequestCount {
 public:
  RequestCount() = default;
  explicit RequestCount(std::atomic<std::uint32_t>& requests) : requests_(&requests) {}
  RequestCount(RequestCount&& other) noexcept : requests_(std::exchange(other.requests_, nullptr)) {}
  RequestCount& operator=(RequestCount&& other) noexcept {
    if (this != &other) {
      end();
      requests_ = std::exchange(other.requests_, nullptr);
    }
    return *this;
  }
  ~RequestCount() { end(); }

  void end() {
    if (requests_) std::exchange(requests_, nullptr)->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t>* requests_ = nullptr;
};

class ServerStates {
 public:
  // While all servers are left out, one request so often is sent all the same.
  static constexpr std::chrono::seconds kProbeEvery{1};

  enum class Fault {
    connection,  // no connection came about: nothing that a client does
    answer,      // it did not answer as it should: clients may know requests that make a server do that
  };

  explicit ServerStates(const config::Upstream& settings);

  // Whether these are the states of such an upstream, too.
  bool fit(const config::Upstream& settings) const;

  void on_failure(std::size_t server, Fault fault, std::string_view why, SteadyTime now);
  void on_answer(std::size_t server, bool is_probe, SteadyTime now) {
    if (servers_[server].failing.load(std::memory_order_relaxed)) recover(server, is_probe, now);
  }

  // Whoever gets true does the next health check of the server, and says on_check().
  bool claim_check(std::size_t server, SteadyTime now);
  void on_check(std::size_t server, bool passed, std::string_view why, SteadyTime now);

  // What the resolver said of the server's name. The last good addresses stay in use without a word of it.
  void on_lookup(std::size_t server, bool found);

  // The whole of it, or less while the server returns; 0 while it is left out.
  std::uint32_t share(std::size_t server, SteadyTime now) const {
    return ServerHealth::share(
        SteadyTime(SteadyTime::duration(servers_[server].serves_from.load(std::memory_order_relaxed))), now);
  }
  // The server that is asked although all are left out: not those whose health checks fail.
  std::optional<std::size_t> claim_probe(SteadyTime now);

  // Requests are counted for least_requests, and where there is a limit.
  bool counts_requests() const { return counts_requests_; }
  std::uint32_t requests(std::size_t server) const { return servers_[server].requests.load(std::memory_order_relaxed); }
  // Absent: the server has as many as it may have.
  std::optional<RequestCount> count_request(std::size_t server);

  bool is_failing(std::size_t server) const { return servers_[server].failing.load(std::memory_order_relaxed); }

  // The upstream tried to set one of the gateway's cookies: told once.
  void on_own_cookie();

  // For metrics.
  struct Numbers {
    std::string server;  // host:port
    bool serves;
    std::uint64_t failures;
    std::uint64_t times_left_out;
    std::uint64_t checks_failed;
  };
  const std::string& name() const { return name_; }
  std::vector<Numbers> numbers(SteadyTime now) const;

 private:
  // Threads write to each of them: not two to a cache line.
  struct alignas(64) State {
    std::atomic<SteadyTime::rep> serves_from{ServerHealth::kAlways.time_since_epoch().count()};
    std::atomic<bool> failing{false};
    std::atomic<bool> unresolved{false};
    std::atomic<std::uint32_t> requests{0};
    std::atomic<SteadyTime::rep> next_check{SteadyTime::min().time_since_epoch().count()};
    std::string address;
    ServerHealth health;  // this and what follows under the mutex
    std::uint64_t failures = 0;
    std::uint64_t times_left_out = 0;
    std::uint64_t checks_failed = 0;
  };

  void recover(std::size_t server, bool is_probe, SteadyTime now);
  void publish(State& state);
  bool may_leave_out(Fault fault, SteadyTime now) const;
  void tell_if_none_is_left(SteadyTime now) const;

  const std::string name_;
  const std::vector<config::Server> settings_;
  const std::optional<config::HealthCheck> check_;
  const std::uint32_t requests_max_;
  const bool counts_requests_;
  mutable std::mutex mutex_;
  std::vector<State> servers_;
  std::atomic<SteadyTime::rep> next_probe_{SteadyTime::min().time_since_epoch().count()};
  std::atomic<bool> told_of_cookie_{false};
};

}  // namespace gatehouse::upstream
