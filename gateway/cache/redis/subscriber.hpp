// What is published and what changes, on a connection of its own: in RESP2 one that subscribes can do nothing else.
//
// Changed keys are told by Redis' server-assisted invalidation: the connection of the commands is told to send them to
// this one (CLIENT TRACKING ON REDIRECT), where they arrive as messages of one channel. That is lost with either
// connection.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cache/redis/client.hpp"

namespace gatehouse::cache {

class RedisSubscriber final : private RedisLink::Owner,
                              private RedisClient::Watcher,
                              public std::enable_shared_from_this<RedisSubscriber> {
 public:
  RedisSubscriber(const Executor& executor, std::shared_ptr<const RedisServer> server, CacheOptions options,
                  std::shared_ptr<RedisClient> client);

  // Connects when it is called first. `tracks`: changed keys are told as well.
  std::unique_ptr<Subscription> add(std::vector<std::string> channels, bool tracks, Listener& listener);
  void close();

 private:
  struct Entry {
    Listener* listener;  // null: the subscription has ended
    std::vector<std::string> channels;
    bool tracks;
    bool live = false;  // as the listener was told
  };
  class Handle;

  void subscribe();
  void refresh();
  bool is_live(const Entry& entry) const;
  template <class Tell>
  void tell_all(Tell tell);
  void on_push(RedisReply reply);
  void on_invalidation(const RedisReply& keys);
  bool wants_tracking() const;
  void begin_tracking();
  static Awaitable<> ask_for_tracking(std::shared_ptr<RedisSubscriber> self);
  void keep_alive(bool asked);

  void on_connected() override;
  void on_reply(RedisReply reply) override;
  void on_lost(const std::string& why) override;
  void on_commands_connected() override;
  void on_commands_lost() override;

  const Executor executor_;
  const CacheOptions options_;
  const std::shared_ptr<RedisClient> client_;
  const std::shared_ptr<RedisLink> link_;
  std::vector<std::shared_ptr<Entry>> entries_;
  std::set<std::string> asked_;      // channels, on this connection
  std::set<std::string> confirmed_;  // those of them that the server has confirmed
  std::string id_;                   // of this connection, as the server calls it; empty: not known
  SteadyTimer idle_;
  bool started_ = false;
  bool closed_ = false;
  bool answered_ = false;        // the last PING
  bool asked_to_track_ = false;  // with these two connections
  bool tracking_ = false;
};

}  // namespace gatehouse::cache
