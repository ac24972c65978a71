// A session cache before a store whose answers wait until the test lets them go, at a time that the test moves.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "auth/session_cache.hpp"
#include "base/failure.hpp"

namespace gatehouse::tests {

using auth::Identity;
using auth::IdentityPtr;
using auth::SessionCache;

inline IdentityPtr identity(const Clock& clock, std::string token, std::string user_id = "user",
                            std::chrono::seconds life = std::chrono::hours(1)) {
  auto made = std::make_shared<Identity>();
  made->session.token = std::move(token);
  made->session.user_id = user_id;
  made->session.expires_at = clock.now() + life;
  made->user.id = std::move(user_id);
  return made;
}

// A store whose answers wait until the test lets them go.
struct Store {
  std::deque<std::pair<std::string, Resumption<IdentityPtr>>> asked;

  SessionCache::Loader loader() {
    return [this](std::string token) { return read(std::move(token)); };
  }
  Awaitable<IdentityPtr> read(std::string token) {
    auto start = [this, token](Resumption<IdentityPtr> waiter) { asked.emplace_back(token, std::move(waiter)); };
    auto answer = co_await suspend_until_resumed<IdentityPtr>(std::move(start));
    co_return answer;
  }
  void answer(IdentityPtr with) {
    auto waiter = std::move(asked.front().second);
    asked.pop_front();
    waiter.resume(std::move(with));
  }
};

struct Seen {
  std::vector<IdentityPtr> identities;
  std::vector<std::string> failures;
};

inline Awaitable<> load_into(SessionCache& cache, std::string token, SessionCache::Loader loader, Seen& seen) {
  try {
    auto found = co_await cache.load(std::move(token), std::move(loader));
    seen.identities.push_back(std::move(found));
  } catch (const Failure& failure) {
    seen.failures.push_back(failure.reason());
  }
}

struct CacheWorld {
  explicit CacheWorld(SessionCache::Settings settings) : cache(clock, settings) {}
  CacheWorld(const CacheWorld&) = delete;
  CacheWorld& operator=(const CacheWorld&) = delete;

  ManualClock clock;
  SessionCache cache;
  asio::io_context context;
  Store store;
  Seen seen;

  void load(std::string token) {
    asio::co_spawn(context, load_into(cache, std::move(token), store.loader(), seen), asio::detached);
    poll();
  }
  void poll() {
    context.restart();
    context.poll();
  }
  void put(std::string token, std::string user_id = "user", std::chrono::seconds life = std::chrono::hours(1)) {
    load(token);
    store.answer(identity(clock, token, std::move(user_id), life));
    poll();
  }
  ~CacheWorld() {
    cache.stop();
    poll();
  }
};

}  // namespace gatehouse::tests
