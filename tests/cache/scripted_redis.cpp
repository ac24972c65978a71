#include "tests/cache/scripted_redis.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>

#include "cache/redis/reply.hpp"

namespace gatehouse::tests {

struct ScriptedRedis::Connection {
  explicit Connection(TcpSocket socket) : stream(std::move(socket)) {}
  Stream stream;
  cache::RedisReplyReader reader{1 << 24};  // a command is an array, like some replies
};

ScriptedRedis::ScriptedRedis(asio::io_context& io, Answer answer)
    : answer_(std::move(answer)),
      acceptor_(io.get_executor(), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  asio::co_spawn(io.get_executor(), accept(*this), [](const std::exception_ptr&) {});
}

ScriptedRedis::~ScriptedRedis() {
  acceptor_.close();
  close_connections();
}

std::string ScriptedRedis::well(const Command& command) {
  if (command[0] == "PING") return "+PONG\r\n";
  if (command[0] == "INFO") return "-NOPERM this user has no permissions to run the 'info' command\r\n";
  const bool handshake = command[0] == "CLIENT" || command[0] == "AUTH" || command[0] == "SELECT";
  return handshake ? "+OK\r\n" : "";
}

std::string ScriptedRedis::url() const {
  return "redis://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

void ScriptedRedis::send(const std::string& bytes) {
  for (const auto& connection : connections_) connection->stream.write(bytes);
}

void ScriptedRedis::close_connections() {
  for (const auto& connection : std::exchange(connections_, {})) connection->stream.close();
}

// The acceptor's end wakes it before `self` is gone: it is not touched then.
Awaitable<> ScriptedRedis::accept(ScriptedRedis& self) {
  for (;;) {
    boost::system::error_code failed;
    auto socket = co_await self.acceptor_.async_accept(asio::redirect_error(use_awaitable, failed));
    if (failed) co_return;
    ++self.accepted;
    auto connection = std::make_shared<Connection>(std::move(socket));
    self.connections_.push_back(connection);
    const auto executor = connection->stream.executor();
    asio::co_spawn(executor, serve(self, connection), [](const std::exception_ptr&) {});
  }
}

Awaitable<> ScriptedRedis::serve(ScriptedRedis& self, std::shared_ptr<Connection> connection) {
  std::array<char, 256 * 1024> buffer;
  for (;;) {
    const bool ready = co_await connection->stream.wait(Stream::Status::want_read);
    if (!ready) co_return;
    const auto read = connection->stream.read(buffer.data(), buffer.size());
    if (read.status == Stream::Status::want_read) continue;
    if (read.status != Stream::Status::ok) break;
    connection->reader.feed({buffer.data(), read.bytes});
    std::size_t complete = 0;
    for (;;) {
      const auto command = connection->reader.next();
      if (!command || !*command) break;
      ++complete;
      Command words;
      for (const auto& item : (*command)->items) words.push_back(item.text);
      if (!self.answer(*connection, words)) break;
    }
    self.commands_read.push_back(complete);
  }
  connection->stream.close();
  std::erase(self.connections_, connection);
}

bool ScriptedRedis::answer(Connection& connection, const Command& command) {
  if (well(command).empty()) commands.push_back(command);
  const auto bytes = answer_(command);
  if (!bytes) {
    connection.stream.close();
    return false;
  }
  if (!bytes->empty()) connection.stream.write(*bytes);
  return true;
}

}  // namespace gatehouse::tests
