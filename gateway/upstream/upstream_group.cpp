#include "upstream/upstream_group.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <utility>

#include "base/event.hpp"
#include "base/failure.hpp"
#include "base/ip_address.hpp"

namespace gatehouse::upstream {

Connection::Connection(Deadlines& deadlines, Stream opened, std::size_t server_index)
    : stream(std::move(opened)),
      read_deadline(deadlines, this, [](void* self) { static_cast<Connection*>(self)->stream.cancel(); }),
      write_deadline(deadlines, this, [](void* self) { static_cast<Connection*>(self)->stream.cancel(); }),
      server(server_index) {}

Awaitable<bool> Connection::writable(std::chrono::milliseconds at_most) {
  write_deadline.set(at_most);
  const bool ready = co_await stream.wait(Stream::Status::want_write);
  if (ready) write_deadline.clear();
  co_return ready;
}

// One question to the resolver. Those who wait for it have deadlines of their own.
struct UpstreamGroup::Lookup {
  explicit Lookup(const Executor& executor) : ended(executor, SteadyTimer::time_point::max()) {}
  SteadyTimer ended;  // cancelled at the end, and by each deadline of those who wait
  bool is_ended = false;
  Endpoints endpoints;
};

Awaitable<Endpoints> resolve_by_system(std::string host, std::string port) {
  const Executor executor = co_await asio::this_coro::executor;
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(executor);
  boost::system::error_code error;
  const auto results = co_await resolver.async_resolve(host, port, asio::redirect_error(use_awaitable, error));
  Endpoints endpoints;
  for (const auto& result : results) endpoints.push_back(result.endpoint());
  co_return endpoints;
}

UpstreamGroup::UpstreamGroup(asio::io_context& io, Deadlines& deadlines, const config::Upstream& settings,
                             std::shared_ptr<ServerStates> states, std::shared_ptr<const ClientTls> tls,
                             Resolve resolve)
    : io_(io),
      deadlines_(deadlines),
      settings_(settings),
      states_(states ? std::move(states) : std::make_shared<ServerStates>(settings)),
      tls_(std::move(tls)),
      resolve_(std::move(resolve)),
      addresses_(settings.servers.size()),
      balancer_(settings),
      loads_(settings.servers.size()) {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(settings_.servers[i].host, error);
    if (error) continue;
    addresses_[i].endpoints = {{address, settings_.servers[i].port}};
    addresses_[i].literal = true;
  }
}

// The most that a server may have counts for all threads together: who finds it full at the last moment chooses again.
UpstreamGroup::Choice UpstreamGroup::choose(Turn& turn) {
  const SteadyTime now = deadlines_.now();
  bool serves = false;
  for (std::size_t i = 0; i < loads_.size(); ++i) {
    loads_[i] = {states_->share(i, now), states_->counts_requests() ? states_->requests(i) : 0};
    serves = serves || loads_[i].share > 0;
  }
  for (ServerSet full = 0;;) {
    const auto server = balancer_.choose(loads_, turn.key, turn.tried | full);
    if (!server) return serves ? Choice::full : Choice::left_out;
    if (auto counted = states_->count_request(*server)) {
      turn.server = *server;
      turn.counted = std::move(*counted);
      return Choice::chosen;
    }
    full |= ServerSet{1} << *server;
  }
}

Turn UpstreamGroup::take_turn(std::uint64_t key) {
  Turn turn{.key = key};
  switch (choose(turn)) {
    case Choice::chosen:
      return turn;
    case Choice::full:
      throw Failure(503, "upstream_busy", fmt::format("{}: all servers have requests_max requests", settings_.name));
    case Choice::left_out:
      break;
  }
  if (const auto probed = states_->claim_probe(deadlines_.now())) {
    turn.server = *probed;
    turn.is_probe = true;
    return turn;
  }
  throw Failure(503, "upstream_unavailable", fmt::format("{}: all servers are left out", settings_.name));
}

Turn UpstreamGroup::take_turn_again(std::uint64_t key, std::size_t failed) {
  Turn turn{.key = key, .tried = ServerSet{1} << failed};
  return choose(turn) == Choice::chosen ? std::move(turn) : take_turn(key);
}

bool UpstreamGroup::take_next(Turn& turn) {
  turn.counted.end();
  turn.tried |= ServerSet{1} << turn.server;
  return !turn.is_probe && choose(turn) == Choice::chosen;
}

bool UpstreamGroup::may_another_follow(const Turn& turn) const {
  if (turn.is_probe) return false;
  const ServerSet tried = turn.tried | ServerSet{1} << turn.server;
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    if (!(tried >> i & 1) && states_->share(i, deadlines_.now()) > 0) return true;
  }
  return false;
}

void UpstreamGroup::lend(Connection& connection, Turn& turn) {
  connection.is_probe = turn.is_probe;
  connection.counted = std::move(turn.counted);
  if (buffers_.empty()) {
    connection.buffer = std::make_unique_for_overwrite<char[]>(Connection::kBufferBytes);
  } else {
    connection.buffer = std::move(buffers_.back());
    buffers_.pop_back();
  }
  connection.begin = connection.end = 0;
}

std::unique_ptr<Connection> UpstreamGroup::take_idle(Turn& turn) {
  auto& idle = addresses_[turn.server].idle;
  while (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    // One on which something has arrived would give its next user somebody else's answer.
    if (!connection->stream.is_quiet()) continue;
    connection->reused = true;
    lend(*connection, turn);
    return connection;
  }
  return nullptr;
}

Awaitable<std::unique_ptr<Connection>> UpstreamGroup::connect(Turn turn, std::chrono::milliseconds at_most) {
  const SharedTime time(deadlines_, at_most);
  for (;;) {
    try {
      auto connection = co_await connect_to(turn.server, time.share(may_another_follow(turn)));
      lend(*connection, turn);
      co_return connection;
    } catch (const Failure& failure) {
      states_->on_failure(turn.server, ServerStates::Fault::connection, failure.what(), deadlines_.now());
      // Nothing was sent yet, so that another server may be asked whatever the request is.
      if (time.is_over() || !take_next(turn)) throw;
    }
  }
}

Awaitable<std::unique_ptr<Connection>> UpstreamGroup::connect_to(std::size_t server, SharedTime time) {
  if (!addresses_[server].literal) co_await resolve(server, time.left());
  const auto endpoints = list_endpoints(addresses_[server]);
  const auto& name = settings_.servers[server];
  boost::system::error_code error;
  bool was_late = false;
  for (const auto& endpoint : endpoints) {
    TcpSocket socket(io_.get_executor());
    socket.open(endpoint.protocol(), error);
    if (error) continue;
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    Deadline deadline(deadlines_, &socket, [](void* waiting) {
      boost::system::error_code ignored;
      static_cast<TcpSocket*>(waiting)->close(ignored);
    });
    deadline.set(time.share(&endpoint != &endpoints.back()).left());
    co_await socket.async_connect(endpoint, asio::redirect_error(use_awaitable, error));
    if (deadline.expired()) {
      was_late = true;
      if (time.is_over()) break;
      continue;
    }
    if (error) continue;
    deadline.clear();
    addresses_[server].serves = endpoint;
    SSL* const ssl = name.tls ? tls_->make_ssl(name.host) : nullptr;
    auto connection = std::make_unique<Connection>(deadlines_, Stream(std::move(socket), ssl), server);
    connection->endpoint = endpoint;
    if (ssl) co_await shake_hands(*connection, time.left());
    co_return connection;
  }
  if (was_late) {
    throw Failure(504, "upstream_connect_timeout",
                  fmt::format("{}: {}:{} does not accept in time", settings_.name, name.host, name.port));
  }
  throw Failure(502, "upstream_refused",
                fmt::format("{}: {}:{}: {}", settings_.name, name.host, name.port, error.message()));
}

// The one that accepted last is tried first, then those behind it in the resolver's order: who does not accept is not
// waited for again and again.
Endpoints UpstreamGroup::list_endpoints(const Address& address) {
  Endpoints endpoints = address.endpoints;
  const auto first = std::ranges::find(endpoints, address.serves);
  if (first != endpoints.end()) std::ranges::rotate(endpoints, first);
  return endpoints;
}

Awaitable<> UpstreamGroup::shake_hands(Connection& connection, std::chrono::milliseconds at_most) {
  const auto& name = settings_.servers[connection.server];
  connection.read_deadline.set(at_most);
  for (;;) {
    const auto status = connection.stream.handshake().status;
    if (status == Stream::Status::ok) break;
    if (status != Stream::Status::want_read && status != Stream::Status::want_write) {
      throw Failure(502, "upstream_tls",
                    fmt::format("{}: {}:{}: {}", settings_.name, name.host, name.port,
                                handshake_problem(connection.stream.ssl())));
    }
    co_await connection.stream.wait(status);
    if (connection.is_late()) {
      throw Failure(
          504, "upstream_connect_timeout",
          fmt::format("{}: {}:{} does not finish the TLS handshake in time", settings_.name, name.host, name.port));
    }
  }
  connection.read_deadline.clear();
}

void UpstreamGroup::begin_lookup_if_old(std::size_t server) {
  auto& address = addresses_[server];
  const auto& name = settings_.servers[server];
  const bool is_old = !address.looked_up_at || deadlines_.now() - *address.looked_up_at > kAddressLife;
  if (address.lookup || (!is_old && !address.endpoints.empty())) return;
  address.lookup = std::make_shared<Lookup>(io_.get_executor());
  asio::co_spawn(io_.get_executor(), look_up(address.lookup, resolve_, name.host, std::to_string(name.port)),
                 asio::detached);
}

// The last good answer serves while a new one is asked for, and when the resolver has none.
Awaitable<> UpstreamGroup::resolve(std::size_t server, std::chrono::milliseconds at_most) {
  auto& address = addresses_[server];
  const auto& name = settings_.servers[server];
  take_result(server);
  begin_lookup_if_old(server);
  if (!address.endpoints.empty()) co_return;
  const auto lookup = address.lookup;
  Deadline deadline(deadlines_, lookup.get(),
                    [](void* waited_for) { static_cast<Lookup*>(waited_for)->ended.cancel(); });
  deadline.set(at_most);
  while (!lookup->is_ended && !deadline.expired()) {
    boost::system::error_code ignored;
    co_await lookup->ended.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
  if (!lookup->is_ended) {
    throw Failure(504, "upstream_connect_timeout",
                  fmt::format("{}: the name {} is not resolved in time", settings_.name, name.host));
  }
  take_result(server);
  if (address.endpoints.empty()) {
    throw Failure(502, "upstream_unknown_host",
                  fmt::format("{}: the name {} has no address", settings_.name, name.host));
  }
}

// Detached, and the group may be gone before it ends: it uses nothing but its arguments.
Awaitable<> UpstreamGroup::look_up(std::shared_ptr<Lookup> lookup, Resolve resolve, std::string host,
                                   std::string port) {
  lookup->endpoints = co_await resolve(std::move(host), std::move(port));
  lookup->is_ended = true;
  lookup->ended.cancel();
}

void UpstreamGroup::take_result(std::size_t server) {
  auto& address = addresses_[server];
  if (!address.lookup || !address.lookup->is_ended) return;
  const auto lookup = std::exchange(address.lookup, nullptr);
  address.looked_up_at = deadlines_.now();
  const bool is_found = !lookup->endpoints.empty();
  // A name that never had an address is told as a server that fails.
  if (is_found || !address.endpoints.empty()) states_->on_lookup(server, is_found);
  if (is_found) address.endpoints = std::move(lookup->endpoints);
}

void UpstreamGroup::give_back(std::unique_ptr<Connection> connection) {
  if (buffers_.size() < kBuffersMax) buffers_.push_back(std::move(connection->buffer));
  connection->buffer.reset();
  connection->read_deadline.clear();
  connection->write_deadline.clear();
  connection->counted.end();
  auto& idle = addresses_[connection->server].idle;
  if (connection->failed || connection->is_late() || connection->begin != connection->end ||
      idle.size() >= kIdlePerServerMax)
    return;
  connection->idle_since = deadlines_.now();
  idle.push_back(std::move(connection));
}

void UpstreamGroup::check_idle() {
  for (std::size_t server = 0; server < addresses_.size(); ++server) {
    auto& address = addresses_[server];
    take_result(server);
    // What nobody has used yet need not be known.
    if (!address.literal && !address.endpoints.empty()) begin_lookup_if_old(server);
    std::erase_if(address.idle, [&](const std::unique_ptr<Connection>& connection) {
      return connection->idle_since + kIdleMax < deadlines_.now() || !connection->stream.is_quiet() ||
             std::ranges::find(address.endpoints, connection->endpoint) == address.endpoints.end();
    });
  }
}

std::size_t UpstreamGroup::idle_count() const {
  std::size_t count = 0;
  for (const auto& address : addresses_) count += address.idle.size();
  return count;
}

}  // namespace gatehouse::upstream
