#include "upstream/server_states.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace gatehouse::upstream {

namespace {

using Change = ServerHealth::Change;

std::int64_t whole_seconds(SteadyTime::duration time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

// True for one caller at a time: the one that moves the time on.
bool claim(std::atomic<SteadyTime::rep>& next, SteadyTime now, SteadyTime::duration every) {
  SteadyTime::rep at = next.load(std::memory_order_relaxed);
  if (now.time_since_epoch().count() < at) return false;
  return next.compare_exchange_strong(at, (now + every).time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace

ServerStates::ServerStates(const config::Upstream& settings)
    : name_(settings.name),
      settings_(settings.servers),
      check_(settings.health),
      requests_max_(settings.requests_max),
      counts_requests_(settings.requests_max > 0 || settings.balance == config::Balance::least_requests),
      servers_(settings.servers.size()) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    servers_[i].address = fmt::format("{}:{}", settings.servers[i].host, settings.servers[i].port);
  }
}

bool ServerStates::fit(const config::Upstream& settings) const {
  return settings.name == name_ && settings.servers == settings_ && settings.health == check_ &&
         settings.requests_max == requests_max_ &&
         (settings.balance == config::Balance::least_requests || requests_max_ > 0) == counts_requests_;
}

// With the mutex held, after each event.
void ServerStates::publish(State& state) {
  state.serves_from.store(state.health.serves_from().time_since_epoch().count(), std::memory_order_relaxed);
  state.failing.store(state.health.is_failing(), std::memory_order_relaxed);
}

// Of those that fail at answering at most half are left out: a request that many servers fail at must not take the
// whole upstream away. A server that cannot be reached serves nobody anyway.
bool ServerStates::may_leave_out(Fault fault, SteadyTime now) const {
  if (fault == Fault::connection) return true;
  std::size_t out = 1;
  for (std::size_t i = 0; i < servers_.size(); ++i) out += share(i, now) == 0 ? 1 : 0;
  return out <= servers_.size() / 2;
}

void ServerStates::on_failure(std::size_t server, Fault fault, std::string_view why, SteadyTime now) {
  State& state = servers_[server];
  Change change;
  std::chrono::seconds out_for;
  {
    const std::lock_guard lock(mutex_);
    ++state.failures;
    change = state.health.on_failure(now, may_leave_out(fault, now));
    out_for = state.health.out_for();
    if (change == Change::left_out) ++state.times_left_out;
    publish(state);
  }
  if (change == Change::begins_to_fail) {
    log::warn("upstream {}: server {} fails: {}", name_, state.address, why);
  } else if (change == Change::left_out) {
    log::warn("upstream {}: server {} is left out for {} s: {}", name_, state.address, out_for.count(), why);
    tell_if_none_is_left(now);
  }
}

void ServerStates::recover(std::size_t server, bool is_probe, SteadyTime now) {
  State& state = servers_[server];
  std::uint64_t failures = 0;
  SteadyTime::duration time{};
  {
    const std::lock_guard lock(mutex_);
    const bool is_calm = state.health.on_answer(now, is_probe) == Change::serves_again;
    if (is_calm) {
      failures = state.health.failures();
      time = state.health.failing_time();
      state.health.forget_failures();
    }
    publish(state);
    if (!is_calm) return;
  }
  log::info("upstream {}: server {} serves again, after {} failures in {} s", name_, state.address, failures,
            whole_seconds(time));
}

bool ServerStates::claim_check(std::size_t server, SteadyTime now) {
  return check_ && claim(servers_[server].next_check, now, check_->interval);
}

void ServerStates::on_check(std::size_t server, bool passed, std::string_view why, SteadyTime now) {
  State& state = servers_[server];
  Change change;
  {
    const std::lock_guard lock(mutex_);
    if (!passed) ++state.checks_failed;
    change = state.health.on_check(now, passed);
    if (change == Change::checks_fail) ++state.times_left_out;
    publish(state);
  }
  if (change == Change::checks_fail) {
    log::warn("upstream {}: server {} is left out: its health check fails: {}", name_, state.address, why);
    tell_if_none_is_left(now);
  } else if (change == Change::checks_pass) {
    log::info("upstream {}: server {} passes its health check: it returns", name_, state.address);
  }
}

void ServerStates::on_lookup(std::size_t server, bool found) {
  State& state = servers_[server];
  if (state.unresolved.load(std::memory_order_relaxed) == !found) return;
  if (state.unresolved.exchange(!found, std::memory_order_relaxed) == !found) return;
  if (found) {
    log::info("upstream {}: the name of {} is resolved again", name_, state.address);
  } else {
    log::warn("upstream {}: the name of {} is not resolved: what it was last resolved to stays in use", name_,
              state.address);
  }
}

void ServerStates::tell_if_none_is_left(SteadyTime now) const {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (share(i, now) > 0) return;
  }
  log::error("upstream {}: no server is left: requests are answered with 503", name_);
}

std::optional<std::size_t> ServerStates::claim_probe(SteadyTime now) {
  if (!claim(next_probe_, now, kProbeEvery)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const ServerHealth& health = servers_[i].health;
    if (health.checks_fail()) continue;
    if (!first || health.serves_from() < servers_[*first].health.serves_from()) first = i;
  }
  return first;
}

std::optional<RequestCount> ServerStates::count_request(std::size_t server) {
  if (!counts_requests_) return RequestCount();
  auto& requests = servers_[server].requests;
  RequestCount counted(requests);
  const std::uint32_t before = requests.fetch_add(1, std::memory_order_relaxed);
  if (requests_max_ > 0 && before >= requests_max_) return std::nullopt;
  return counted;
}

void ServerStates::on_own_cookie() {
  if (told_of_cookie_.exchange(true, std::memory_order_relaxed)) return;
  log::warn("upstream {} tries to set a cookie of the gateway's own: such cookies are dropped from its answers", name_);
}

std::vector<ServerStates::Numbers> ServerStates::numbers(SteadyTime now) const {
  std::vector<Numbers> made;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const State& state = servers_[i];
    made.push_back({state.address, share(i, now) > 0, state.failures, state.times_left_out, state.checks_failed});
  }
  return made;
}

}  // namespace gatehouse::upstream
