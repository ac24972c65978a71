// Redis and Valkey behind the Cache contract: the process's SharedCache, and what one worker thread sees of it.
#pragma once
#include <memory>

#include "cache/open.hpp"
#include "cache/redis/client.hpp"
#include "cache/redis/health.hpp"
#include "cache/redis/server.hpp"
#include "cache/redis/subscriber.hpp"

namespace gatehouse::cache {

class SharedRedis final : public SharedCache {
 public:
  SharedRedis(std::shared_ptr<const RedisServer> server, CacheOptions options)
      : server_(std::move(server)), options_(options), health_(std::make_shared<RedisHealth>(server_->name())) {}
  std::unique_ptr<Cache> connect(Executor executor) override;
  CacheHealth health() const override { return health_->read(); }

 private:
  const std::shared_ptr<const RedisServer> server_;
  const CacheOptions options_;
  const std::shared_ptr<RedisHealth> health_;
};

class RedisCache final : public Cache {
 public:
  RedisCache(std::shared_ptr<RedisClient> client, std::shared_ptr<RedisSubscriber> subscriber)
      : client_(std::move(client)), subscriber_(std::move(subscriber)) {}
  ~RedisCache() override {
    subscriber_->close();
    client_->close();
  }

  Awaitable<std::optional<std::string>> get(std::string key) override;
  Awaitable<std::vector<std::optional<std::string>>> get_many(std::vector<std::string> keys) override;
  Awaitable<> set(std::string key, std::string value, milliseconds ttl) override;
  Awaitable<> remove(std::vector<std::string> keys) override;
  Awaitable<std::optional<std::string>> take(std::string key) override;
  Awaitable<std::int64_t> increment(std::string key, milliseconds ttl) override;
  Awaitable<std::vector<std::int64_t>> run_script(const Script& script, std::vector<std::string> keys,
                                                  std::vector<std::string> arguments, std::size_t size) override;
  Awaitable<Metered> meter(std::vector<std::string> keys, Rate rate) override;
  Awaitable<Versioned> get_versioned(std::string key, std::string generation_key) override;
  Awaitable<bool> fill(std::string key, std::string value, milliseconds ttl, std::string generation_key,
                       Generation generation) override;
  Awaitable<> invalidate(std::string key, std::string generation_key) override;
  Awaitable<> publish(std::string channel, std::string message) override;
  std::unique_ptr<Subscription> subscribe(std::vector<std::string> channels, Listener& listener) override;
  std::unique_ptr<Subscription> track(Listener& listener) override;

 private:
  const std::shared_ptr<RedisClient> client_;
  const std::shared_ptr<RedisSubscriber> subscriber_;
};

}  // namespace gatehouse::cache
