// A Redis server that answers what a test tells it to, on the test's own io_context: for answers that no real server
// gives.
#pragma once
#include <boost/asio/basic_socket_acceptor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/stream.hpp"

namespace gatehouse::tests {

class ScriptedRedis {
 public:
  using Command = std::vector<std::string>;
  // The bytes that answer a command; absent: the connection is closed. The handshake (AUTH, SELECT, CLIENT, PING) is
  // asked for, too.
  using Answer = std::function<std::optional<std::string>(const Command& command)>;

  ScriptedRedis(asio::io_context& io, Answer answer);
  ~ScriptedRedis();

  // What a server that is well says to the handshake; nothing to other commands.
  static std::string well(const Command& command);

  std::string url() const;
  // To all connections, unasked.
  void send(const std::string& bytes);
  void close_connections();

  std::size_t accepted = 0;
  std::vector<Command> commands;           // without those of the handshake
  std::vector<std::size_t> commands_read;  // how many came complete with each read

 private:
  struct Connection;
  static Awaitable<> accept(ScriptedRedis& self);
  static Awaitable<> serve(ScriptedRedis& self, std::shared_ptr<Connection> connection);
  bool answer(Connection& connection, const Command& command);

  Answer answer_;
  asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor_;
  std::vector<std::shared_ptr<Connection>> connections_;
};

}  // namespace gatehouse::tests
