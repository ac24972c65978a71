// From nothing to a connection that takes commands: name, TCP or Unix socket, TLS, user, database, and the proof that
// the server answers in time.
#pragma once
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/event.hpp"
#include "base/stream.hpp"
#include "cache/open.hpp"
#include "cache/redis/server.hpp"

namespace gatehouse::cache {

// The addresses of the server's name. Kept from one attempt to connect to the next: a look-up cannot be ended, so that
// one which takes too long goes on without anybody waiting, and no second one queues behind it. While none succeeds,
// the last good answer serves.
class RedisAddresses : public std::enable_shared_from_this<RedisAddresses> {
 public:
  explicit RedisAddresses(const Executor& executor) : resolver_(executor), answered_(executor) {}

  // Empty: none is known. One caller at a time.
  static Awaitable<std::vector<asio::ip::address>> look_up(std::shared_ptr<RedisAddresses> self, std::string host,
                                                           SteadyTime deadline);

 private:
  void ask(const std::string& host);

  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver_;
  SteadyTimer answered_;
  std::vector<asio::ip::address> known_;
  bool asking_ = false;
};

struct RedisConnection {
  Stream stream;
  std::string run_id;  // of the server's process, random; empty: it does not tell
};

// Takes at most options.connect_timeout; the last step, a PING, must be answered within options.command_timeout, so
// that a server which is too slow for calls is not connected to. The error is a clause for the log, without secrets.
Awaitable<std::expected<RedisConnection, std::string>> connect_redis(std::shared_ptr<const RedisServer> server,
                                                                     std::shared_ptr<RedisAddresses> addresses,
                                                                     CacheOptions options);

}  // namespace gatehouse::cache
