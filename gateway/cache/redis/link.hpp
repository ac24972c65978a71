// A connection to Redis that is made again whenever it is lost: with growing pauses of random length, so that gateways
// which lost it together do not come back together. What goes over it is its owner's business.
#pragma once
#include <memory>
#include <random>
#include <string>

#include "base/event.hpp"
#include "cache/redis/connect.hpp"
#include "cache/redis/server.hpp"
#include "cache/redis/wire.hpp"

namespace gatehouse::cache {

class RedisLink final : private RedisWire::Owner, public std::enable_shared_from_this<RedisLink> {
 public:
  class Owner {
   public:
    virtual void on_connected() = 0;
    virtual void on_reply(RedisReply reply) = 0;
    // The connection was lost, or an attempt to make it failed. The next attempt follows by itself.
    virtual void on_lost(const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  // Shared, because attempts to connect and timers hold it beyond its owner's life.
  RedisLink(const Executor& executor, std::shared_ptr<const RedisServer> server, CacheOptions options, Owner& owner);

  void start();
  // Only while it is connected.
  void write(std::string_view bytes);
  // Ends the connection, if there is one: the owner is told, and the next one is made.
  void drop(const std::string& why);
  // For good. The owner is told nothing any more; an attempt to connect goes on until its time is over, for nobody.
  void close();

  bool connected() const { return wire_ != nullptr; }
  // Of the server that the last connection led to; empty: it did not tell.
  const std::string& run_id() const { return run_id_; }

 private:
  static Awaitable<> connect(std::shared_ptr<RedisLink> self);
  void begin_attempt();
  void wait_and_connect();
  void on_reply(RedisReply reply) override;
  void on_closed(const std::string& why) override;
  std::chrono::milliseconds pause();

  const Executor executor_;
  const std::shared_ptr<const RedisServer> server_;
  const CacheOptions options_;
  const std::shared_ptr<RedisAddresses> addresses_;
  Owner* owner_;  // null: closed
  std::shared_ptr<RedisWire> wire_;
  std::string run_id_;
  SteadyTimer pause_;
  std::minstd_rand random_;
  SteadyTime connected_at_{};
  unsigned attempts_ = 0;  // since a connection lasted
};

}  // namespace gatehouse::cache
