// The commands of one worker thread on their one connection: pipelined, each with a deadline, none sent twice. While
// the server does not answer they fail at once (the circuit is open), until a new connection has proved that it does.
#pragma once
#include <deque>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event.hpp"
#include "cache/cache.hpp"
#include "cache/redis/health.hpp"
#include "cache/redis/link.hpp"

namespace gatehouse::cache {

// Sent by its hash where the server has it.
using RedisScript = Script;

// Shared by its Cache and by coroutines that send a second command after the first.
class RedisClient final : private RedisLink::Owner, public std::enable_shared_from_this<RedisClient> {
 public:
  RedisClient(const Executor& executor, std::shared_ptr<const RedisServer> server, CacheOptions options,
              std::shared_ptr<RedisHealth> health);
  ~RedisClient();

  // Told when the connection of the commands comes and goes.
  class Watcher {
   public:
    virtual void on_commands_connected() = 0;
    virtual void on_commands_lost() = 0;

   protected:
    ~Watcher() = default;
  };

  void start();
  // Null: nobody.
  void watch_connection(Watcher* watcher) { watcher_ = watcher; }
  // The number of the connection; 0: there is none now.
  std::uint64_t connection() const { return link_->connected() ? connection_ : 0; }
  // Fails what is under way; nothing is connected any more.
  void close();

  // The reply, which is no error of Redis: these are thrown as Failure too.
  static Awaitable<RedisReply> call(std::shared_ptr<RedisClient> self, std::vector<std::string> words);
  // `connection`: fails if another one than that would carry it; 0: any. The script lives as long as the process.
  static Awaitable<RedisReply> run(std::shared_ptr<RedisClient> self, const RedisScript& script,
                                   std::vector<std::string> keys, std::vector<std::string> arguments,
                                   std::uint64_t connection = 0);

 private:
  using Outcome = std::expected<RedisReply, std::string>;
  struct Call;
  // Frees who waits from knowing the client, and the client from answering somebody who has gone.
  static Awaitable<Outcome> perform(std::shared_ptr<RedisClient> self, std::vector<std::string> words,
                                    std::uint64_t connection);

  void submit(const std::shared_ptr<Call>& call);
  void send(const std::shared_ptr<Call>& call);
  void finish(std::shared_ptr<Call> call, Outcome outcome);
  void fail_all(const std::string& why);
  void watch();
  void on_time();
  void keep_alive();
  void open_circuit(const std::string& why);

  void on_connected() override;
  void on_reply(RedisReply reply) override;
  void on_lost(const std::string& why) override;

  const Executor executor_;
  const CacheOptions options_;
  const std::shared_ptr<RedisHealth> health_;
  const std::shared_ptr<RedisLink> link_;
  std::deque<std::shared_ptr<Call>> in_flight_;  // in the order of their replies
  std::deque<std::shared_ptr<Call>> waiting_;    // for the connection
  std::size_t bytes_ = 0;                        // of all of them
  SteadyTimer deadlines_;
  SteadyTimer idle_;
  Watcher* watcher_ = nullptr;
  std::uint64_t connection_ = 0;  // the number of the last one
  unsigned failures_ = 0;         // calls without a usable answer since the last one with
  RedisHealth::State state_ = RedisHealth::State::unknown;
  std::string down_;  // why the circuit is open; empty: it is closed
  bool was_connected_ = false;
  bool watching_ = false;
  bool closed_ = false;
};

}  // namespace gatehouse::cache
