// The servers of one upstream as one thread sees them: resolved addresses, idle keep-alive connections, whose turn it
// is. Connections never leave their thread.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/stream.hpp"
#include "config/configuration.hpp"

namespace gatehouse::upstream {

// A connection to one server, with the buffer that answers are read into: [begin, end) is unread.
struct Connection {
  Connection(Deadlines& deadlines, Stream opened, std::size_t server);

  static constexpr std::size_t kBufferBytes = 64 * 1024;

  // Waits for the server, at most so long. False: late, or cancelled by the exchange's abort. Two coroutines may wait,
  // one for reading and one for writing; they share the deadline that was set last.
  Awaitable<bool> wait(Stream::Status what, std::chrono::milliseconds at_most);

  Stream stream;
  Deadline deadline;
  std::size_t server;
  int waiting = 0;
  bool reused = false;
  bool failed = false;  // not fit for reuse
  SteadyTime idle_since;
  std::unique_ptr<char[]> buffer;  // taken while an exchange uses the connection
  std::size_t begin = 0;
  std::size_t end = 0;
};

class UpstreamGroup {
 public:
  UpstreamGroup(asio::io_context& io, Deadlines& deadlines, const config::Upstream& settings);

  const std::string& name() const { return settings_.name; }
  const config::Upstream& settings() const { return settings_; }

  // An idle connection that is still open, or a new one. Connecting tries each server once, beginning with the one
  // whose turn it is. `fresh`: no idle one (a retry). Throws Failure: 502 upstream_refused, 504
  // upstream_connect_timeout, 502 upstream_unknown_host.
  Awaitable<std::unique_ptr<Connection>> connect(std::chrono::milliseconds at_most, bool fresh);

  // An idle connection, without waiting; null if there is none.
  std::unique_ptr<Connection> take_idle();

  // Keeps the connection for another exchange if it is fit for one.
  void give_back(std::unique_ptr<Connection> connection);

  // From the thread's sweep, about once a second: closes idle connections that the server has ended, has sent bytes on
  // that nobody asked for, or that are older than kIdleMax.
  void check_idle();
  std::size_t idle_count() const;

 private:
  static constexpr std::size_t kIdlePerServerMax = 256;
  static constexpr std::size_t kBuffersMax = 64;
  static constexpr std::chrono::seconds kIdleMax{60};
  static constexpr std::chrono::seconds kAddressLife{10};

  struct Address {
    std::vector<asio::ip::tcp::endpoint> endpoints;  // the last good answer of the resolver
    SteadyTime resolved_at;
    std::vector<std::unique_ptr<Connection>> idle;
  };

  Awaitable<std::unique_ptr<Connection>> connect_to(std::size_t server, std::chrono::milliseconds at_most);
  Awaitable<> resolve(std::size_t server);
  void lend_buffer(Connection& connection);

  asio::io_context& io_;
  Deadlines& deadlines_;
  const config::Upstream settings_;
  std::vector<Address> addresses_;
  std::vector<std::unique_ptr<char[]>> buffers_;
  std::size_t turn_ = 0;
};

}  // namespace gatehouse::upstream
