// Gateways that share a database and a Redis: each with its sessions, its cache and its trust, on one thread.
#pragma once
#include <memory>
#include <string>

#include "auth/secondary_follower.hpp"
#include "auth/sessions.hpp"
#include "auth/users.hpp"
#include "base/failure.hpp"
#include "cache/open.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"
#include "tests/support/failing_database.hpp"
#include "tests/support/run_coroutine.hpp"

namespace gatehouse::tests {

// A cache that can be made to fail.
class FailingCache final : public cache::Cache {
 public:
  explicit FailingCache(std::unique_ptr<cache::Cache> real) : real_(std::move(real)) {}

  Awaitable<std::optional<std::string>> get(std::string key) override { return check(), real_->get(std::move(key)); }
  Awaitable<std::vector<std::optional<std::string>>> get_many(std::vector<std::string> keys) override {
    return check(), real_->get_many(std::move(keys));
  }
  Awaitable<> set(std::string key, std::string value, cache::milliseconds ttl) override {
    return check(), real_->set(std::move(key), std::move(value), ttl);
  }
  Awaitable<> remove(std::vector<std::string> keys) override { return check(), real_->remove(std::move(keys)); }
  Awaitable<std::optional<std::string>> take(std::string key) override { return check(), real_->take(std::move(key)); }
  Awaitable<std::int64_t> increment(std::string key, cache::milliseconds ttl) override {
    return check(), real_->increment(std::move(key), ttl);
  }
  Awaitable<std::vector<std::int64_t>> run_script(const cache::Script& script, std::vector<std::string> keys,
                                                  std::vector<std::string> arguments, std::size_t size) override {
    return check(), real_->run_script(script, std::move(keys), std::move(arguments), size);
  }
  Awaitable<cache::Metered> meter(std::vector<std::string> keys, cache::Rate rate) override {
    return check(), real_->meter(std::move(keys), rate);
  }
  Awaitable<cache::Versioned> get_versioned(std::string key, std::string generation_key) override {
    return check(), real_->get_versioned(std::move(key), std::move(generation_key));
  }
  Awaitable<bool> fill(std::string key, std::string value, cache::milliseconds ttl, std::string generation_key,
                       cache::Generation generation) override {
    return check(),
           real_->fill(std::move(key), std::move(value), ttl, std::move(generation_key), std::move(generation));
  }
  Awaitable<> invalidate(std::string key, std::string generation_key) override {
    return check(), real_->invalidate(std::move(key), std::move(generation_key));
  }
  Awaitable<> publish(std::string channel, std::string message) override {
    return check(), real_->publish(std::move(channel), std::move(message));
  }
  std::unique_ptr<cache::Subscription> subscribe(std::vector<std::string> channels,
                                                 cache::Listener& listener) override {
    return real_->subscribe(std::move(channels), listener);
  }
  std::unique_ptr<cache::Subscription> track(cache::Listener& listener) override { return real_->track(listener); }

  bool down = false;

 private:
  void check() const {
    if (down) throw Failure(503, "cache_unavailable", "down for a test");
  }

  std::unique_ptr<cache::Cache> real_;
};

// What the gateways share.
struct SharedStores {
  ManualClock clock;
  SystemRandom random;
  asio::io_context context;
  std::unique_ptr<storage::Store> store = storage::open_store(Secret("sqlite::memory:")).value();
  std::unique_ptr<storage::Database> database = store->connect(context.get_executor());
  std::unique_ptr<cache::SharedCache> redis;

  explicit SharedStores(std::unique_ptr<cache::SharedCache> with = nullptr) {
    redis = with ? std::move(with) : cache::open_memory(clock);
    auto migrator = storage::make_migrator(*database, clock);
    run_coroutine(context, migrator.apply());
  }

  template <class T>
  T run(Awaitable<T> call) {
    return run_coroutine(context, std::move(call));
  }
  void run(Awaitable<> call) { run_coroutine(context, std::move(call)); }

  auth::User add_user(std::string id) {
    auth::User user{id, "Ann", id + "@example.test", false, std::nullopt, clock.now(), clock.now(), std::nullopt};
    storage::Parameters values{user.id, user.name, user.email, user.email_verified, user.created_at};
    run(database->query({R"(INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
                            VALUES ($1, $2, $3, $4, $5, $5))"},
                        std::move(values)));
    return user;
  }
  // Of the table, as somebody else changes it.
  void change(std::string_view sql) { run(database->query({sql}, {})); }
};

// One of them. Its feed is fresh unless it is said otherwise.
struct GatewayOfTwo {
  explicit GatewayOfTwo(SharedStores& with, config::SessionSettings of = {},
                        auth::SessionCache::Settings cache_settings = {})
      : stores(with),
        settings(of),
        cache(with.clock, cache_settings),
        sessions(database, cache, stores.clock, stores.random, settings, {}, &secondary) {}
  ~GatewayOfTwo() { cache.stop(); }

  auth::Session sign_in(const std::string& user_id) {
    auto session = sessions.make({user_id, true, "192.0.2.1", "Test/1.0"});
    stores.run(sessions.store(session));
    return session;
  }
  // As a request on a proxied route of a gateway that does not know the session yet.
  auth::IdentityPtr load(const std::string& token) {
    cache.drop_all();
    return stores.run(sessions.load(token));
  }
  std::optional<std::string> value(std::string key) { return stores.run(redis.get(std::move(key))); }
  // The epoch that this gateway sets when nothing counts.
  void settle(std::string epoch) {
    auto task = trust.begin_settling();
    if (!task) return;
    stores.run(redis.set(std::string(auth::kEpochKey), epoch, std::chrono::hours{1}));
    trust.finish_settling(*task, epoch);
  }

  SharedStores& stores;
  config::SessionSettings settings;
  FailingDatabase database{*stores.database};
  FailingCache redis{stores.redis->connect(stores.context.get_executor())};
  auth::SessionCache cache;
  auth::SessionTrust trust{*stores.redis, stores.clock};
  auth::SecondarySessions secondary{redis, trust, stores.clock, settings.expires_in};
  auth::Sessions sessions;
};

}  // namespace gatehouse::tests
