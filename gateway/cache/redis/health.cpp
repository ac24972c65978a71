#include "cache/redis/health.hpp"

#include "base/log.hpp"

namespace gatehouse::cache {

void RedisHealth::change(State before, State after, const std::string& why) {
  const std::lock_guard lock(mutex_);
  const auto add = [this](State state, int by) {
    if (state == State::up) up_ += static_cast<unsigned>(by);
    if (state == State::down) down_ += static_cast<unsigned>(by);
  };
  add(before, -1);
  add(after, 1);
  if (down_ > 0 && told_ != State::down) {
    told_ = State::down;
    log::warn("redis at {} is not available: {}", server_, why);
  } else if (up_ == clients_ && told_ != State::up) {
    log::info("redis at {} is {}", server_, told_ == State::down ? "available again" : "connected");
    told_ = State::up;
  }
}

void RedisHealth::add_client() {
  const std::lock_guard lock(mutex_);
  ++clients_;
}

void RedisHealth::remove_client(State last) {
  const std::lock_guard lock(mutex_);
  --clients_;
  if (last == State::up) --up_;
  if (last == State::down) --down_;
}

std::uint64_t RedisHealth::count_connect(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  if (run_id.empty() || run_id != run_id_) ++servers_;
  run_id_ = run_id;
  return connects_.fetch_add(1, std::memory_order_relaxed) + 1;
}

CacheHealth RedisHealth::read() const {
  CacheHealth health;
  {
    const std::lock_guard lock(mutex_);
    health.caches = clients_;
    health.circuits_open = down_;
    health.servers = servers_;
    health.up = clients_ > 0 && up_ == clients_;
  }
  health.calls = calls_.load(std::memory_order_relaxed);
  health.failures = failures_.load(std::memory_order_relaxed);
  health.connects = connects_.load(std::memory_order_relaxed);
  return health;
}

}  // namespace gatehouse::cache
