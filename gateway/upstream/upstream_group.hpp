// The servers of one upstream as one thread sees them: resolved addresses, idle keep-alive connections, whose turn it
// is. Connections never leave their thread. Which server a request goes to is decided first (take_turn), then there is
// an idle connection to that server, or a new one is made.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/stream.hpp"
#include "config/configuration.hpp"
#include "upstream/balance.hpp"
#include "upstream/client_tls.hpp"
#include "upstream/server_states.hpp"
#include "upstream/shared_time.hpp"

namespace gatehouse::upstream {

// A connection to one server, with the buffer that answers are read into: [begin, end) is unread. Two coroutines may
// use it, one that reads and one that writes, each under its own deadline; a deadline that passes ends both waits and
// costs the connection.
struct Connection {
  Connection(Deadlines& deadlines, Stream opened, std::size_t server);

  static constexpr std::size_t kBufferBytes = 64 * 1024;

  // Waits for the server to send, under read_deadline as it was set. False: a deadline passed, or stream.cancel().
  Awaitable<bool> readable() { return stream.wait(Stream::Status::want_read); }
  // Waits until the server takes more, at most so long. False: likewise.
  Awaitable<bool> writable(std::chrono::milliseconds at_most);
  bool is_late() const { return read_deadline.expired() || write_deadline.expired(); }

  Stream stream;
  Deadline read_deadline;
  Deadline write_deadline;
  std::size_t server;
  asio::ip::tcp::endpoint endpoint = {};
  bool reused = false;
  bool failed = false;    // not fit for reuse
  bool is_probe = false;  // for this exchange: the server is left out, and asked whether it serves
  RequestCount counted = {};
  SteadyTime idle_since;
  std::unique_ptr<char[]> buffer;  // taken while an exchange uses the connection
  std::size_t begin = 0;
  std::size_t end = 0;
};

// A server that a request goes to, and is counted for.
struct Turn {
  std::size_t server = 0;
  bool is_probe = false;
  std::uint64_t key = 0;
  ServerSet tried = 0;  // and those that were asked before
  RequestCount counted = {};
};

using Endpoints = std::vector<asio::ip::tcp::endpoint>;

// The addresses of a name; none: it has none, or the resolver does not answer.
using Resolve = std::function<Awaitable<Endpoints>(std::string host, std::string port)>;
Awaitable<Endpoints> resolve_by_system(std::string host, std::string port);

class UpstreamGroup {
 public:
  // `states` and `tls` are shared with the other threads' groups; without states the group has its own, and servers
  // that are written with https need `tls`.
  UpstreamGroup(asio::io_context& io, Deadlines& deadlines, const config::Upstream& settings,
                std::shared_ptr<ServerStates> states = nullptr, std::shared_ptr<const ClientTls> tls = nullptr,
                Resolve resolve = resolve_by_system);

  const std::string& name() const { return settings_.name; }
  const config::Upstream& settings() const { return settings_; }
  // Of the thread's last sweep: what deadlines go by.
  SteadyTime now() const { return deadlines_.now(); }

  // The server for a request; `key` is what hash(session) goes by. Throws Failure: 503 upstream_unavailable when all
  // servers are left out, 503 upstream_busy when all have as many requests as they may have.
  Turn take_turn(std::uint64_t key);

  // Sessions stay with their servers.
  bool is_sticky() const { return settings_.balance == config::Balance::session_hash; }

  // As take_turn(); at the server that has just failed only if no other one serves, or all are full.
  Turn take_turn_again(std::uint64_t key, std::size_t failed);

  // An idle connection to the turn's server, without waiting; null, and the turn as it was, if there is none.
  std::unique_ptr<Connection> take_idle(Turn& turn);

  // A new connection. A server whose name has several addresses is tried at each. If there is none to be had to the
  // turn's server, each of the others is tried once. All tries together take at_most. Throws Failure: 502
  // upstream_refused, 502 upstream_tls, 504 upstream_connect_timeout, 502 upstream_unknown_host.
  Awaitable<std::unique_ptr<Connection>> connect(Turn turn, std::chrono::milliseconds at_most);

  // Keeps the connection for another exchange if it is fit for one.
  void give_back(std::unique_ptr<Connection> connection);

  // From the thread's sweep, about once a second: begins the health checks that are due and that no other thread does.
  // `owner` keeps this group alive until they are over.
  void begin_checks(const std::shared_ptr<const void>& owner);

  // From the thread's sweep, about once a second: has names resolved anew that were resolved more than kAddressLife
  // ago, and closes idle connections that the server has ended, has sent bytes on that nobody asked for, that are older
  // than kIdleMax, or that go to an address which the name no longer has.
  void check_idle();
  std::size_t idle_count() const;

  // Of the server that this connection goes to.
  void on_answer(const Connection& connection) {
    states_->on_answer(connection.server, connection.is_probe, deadlines_.now());
  }
  void on_failure(const Connection& connection, std::string_view why) {
    states_->on_failure(connection.server, ServerStates::Fault::answer, why, deadlines_.now());
  }
  ServerStates& states() { return *states_; }

 private:
  static constexpr std::size_t kIdlePerServerMax = 256;
  static constexpr std::size_t kBuffersMax = 64;
  static constexpr std::chrono::seconds kIdleMax{60};
  static constexpr std::chrono::seconds kAddressLife{10};

  struct Lookup;
  struct Address {
    Endpoints endpoints;                     // the last good answer of the resolver
    asio::ip::tcp::endpoint serves;          // that accepted the last connection
    std::optional<SteadyTime> looked_up_at;  // absent: the host is an address, or was not asked for yet
    bool literal = false;
    std::shared_ptr<Lookup> lookup;  // goes on; shared with its coroutine, which the resolver may keep waiting for long
    std::vector<std::unique_ptr<Connection>> idle;
  };

  enum class Choice { chosen, left_out, full };

  Choice choose(Turn& turn);
  bool take_next(Turn& turn);
  bool may_another_follow(const Turn& turn) const;
  void lend(Connection& connection, Turn& turn);
  static Endpoints list_endpoints(const Address& address);
  Awaitable<std::unique_ptr<Connection>> connect_to(std::size_t server, SharedTime time);
  Awaitable<> shake_hands(Connection& connection, std::chrono::milliseconds at_most);
  Awaitable<> check(std::size_t server, std::shared_ptr<const void> owner);
  Awaitable<std::string> ask_health(std::size_t server);
  Awaitable<> resolve(std::size_t server, std::chrono::milliseconds at_most);
  static Awaitable<> look_up(std::shared_ptr<Lookup> lookup, Resolve resolve, std::string host, std::string port);
  void begin_lookup_if_old(std::size_t server);
  void take_result(std::size_t server);

  asio::io_context& io_;
  Deadlines& deadlines_;
  const config::Upstream settings_;
  const std::shared_ptr<ServerStates> states_;
  const std::shared_ptr<const ClientTls> tls_;
  const Resolve resolve_;
  std::vector<Address> addresses_;
  std::vector<std::unique_ptr<char[]>> buffers_;
  Balancer balancer_;
  std::vector<ServerLoad> loads_;  // for one choice
};

}  // namespace gatehouse::upstream
