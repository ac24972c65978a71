#include "upstream/server_states.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace gatehouse::upstream {

ServerStates::ServerStates(const config::Upstream& settings) : name_(settings.name), servers_(settings.servers.size()) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    servers_[i].address = fmt::format("{}:{}", settings.servers[i].host, settings.servers[i].port);
  }
}

void ServerStates::on_failure(std::size_t server, std::string_view why, SteadyTime now) {
  State& state = servers_[server];
  {
    const std::lock_guard lock(mutex_);
    state.last = now;
    if (++state.failures > 1) return;
    state.began = now;
    state.failing.store(true, std::memory_order_relaxed);
  }
  log::warn("upstream {}: server {} fails: {}", name_, state.address, why);
}

void ServerStates::recover(std::size_t server, SteadyTime now) {
  State& state = servers_[server];
  std::uint64_t failures = 0;
  SteadyTime::duration time{};
  {
    const std::lock_guard lock(mutex_);
    if (state.failures == 0 || now - state.last < kCalm) return;
    failures = std::exchange(state.failures, 0);
    time = state.last - state.began;
    state.failing.store(false, std::memory_order_relaxed);
  }
  log::info("upstream {}: server {} serves again, after {} failures in {} s", name_, state.address, failures,
            std::chrono::ceil<std::chrono::seconds>(time).count());
}

void ServerStates::on_own_cookie() {
  if (told_of_cookie_.exchange(true, std::memory_order_relaxed)) return;
  log::warn("upstream {} tries to set a cookie of the gateway's own: such cookies are dropped from its answers", name_);
}

}  // namespace gatehouse::upstream
