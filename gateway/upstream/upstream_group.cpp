#include "upstream/upstream_group.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>

#include "base/event.hpp"
#include "base/failure.hpp"
#include "base/ip_address.hpp"

namespace gatehouse::upstream {

Connection::Connection(Deadlines& deadlines, Stream opened, std::size_t server_index)
    : stream(std::move(opened)),
      deadline(deadlines, this, [](void* self) { static_cast<Connection*>(self)->stream.cancel(); }),
      server(server_index) {}

Awaitable<bool> Connection::wait(Stream::Status what, std::chrono::milliseconds at_most) {
  deadline.set(at_most);
  ++waiting;
  const bool ready = co_await stream.wait(what);
  if (--waiting == 0 && ready) deadline.clear();
  co_return ready;
}

namespace {

// Nothing to read and not ended: an idle connection on which something has arrived would give its next user somebody
// else's answer.
bool is_quiet(Connection& connection) {
  char byte;
  const ssize_t result = ::recv(connection.stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return result < 0 && errno == EAGAIN;
}

}  // namespace

UpstreamGroup::UpstreamGroup(asio::io_context& io, Deadlines& deadlines, const config::Upstream& settings)
    : io_(io), deadlines_(deadlines), settings_(settings), addresses_(settings.servers.size()) {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(settings_.servers[i].host, error);
    if (error) continue;
    addresses_[i].endpoints = {{address, settings_.servers[i].port}};
    addresses_[i].resolved_at = SteadyTime::max();
  }
}

void UpstreamGroup::lend_buffer(Connection& connection) {
  if (buffers_.empty()) {
    connection.buffer = std::make_unique_for_overwrite<char[]>(Connection::kBufferBytes);
  } else {
    connection.buffer = std::move(buffers_.back());
    buffers_.pop_back();
  }
  connection.begin = connection.end = 0;
}

std::unique_ptr<Connection> UpstreamGroup::take_idle() {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    auto& idle = addresses_[(turn_ + i) % addresses_.size()].idle;
    while (!idle.empty()) {
      auto connection = std::move(idle.back());
      idle.pop_back();
      if (!is_quiet(*connection)) continue;
      turn_ = (connection->server + 1) % addresses_.size();
      connection->reused = true;
      lend_buffer(*connection);
      return connection;
    }
  }
  return nullptr;
}

Awaitable<std::unique_ptr<Connection>> UpstreamGroup::connect(std::chrono::milliseconds at_most, bool fresh) {
  if (!fresh) {
    if (auto idle = take_idle()) co_return idle;
  }
  const std::size_t first = turn_;
  turn_ = (turn_ + 1) % addresses_.size();
  for (std::size_t i = 0;; ++i) {
    const std::size_t server = (first + i) % addresses_.size();
    try {
      auto connection = co_await connect_to(server, at_most);
      lend_buffer(*connection);
      co_return connection;
    } catch (const Failure&) {
      // Nothing was sent yet, so that another server may be asked whatever the request is.
      if (i + 1 == addresses_.size()) throw;
    }
  }
}

Awaitable<std::unique_ptr<Connection>> UpstreamGroup::connect_to(std::size_t server,
                                                                 std::chrono::milliseconds at_most) {
  if (addresses_[server].resolved_at + kAddressLife < deadlines_.now() || addresses_[server].endpoints.empty()) {
    co_await resolve(server);
  }
  const auto endpoints = addresses_[server].endpoints;
  const auto& name = settings_.servers[server];
  boost::system::error_code error;
  for (const auto& endpoint : endpoints) {
    TcpSocket socket(io_.get_executor());
    socket.open(endpoint.protocol(), error);
    if (error) continue;
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    Deadline deadline(deadlines_, &socket, [](void* waiting) {
      boost::system::error_code ignored;
      static_cast<TcpSocket*>(waiting)->close(ignored);
    });
    deadline.set(at_most);
    co_await socket.async_connect(endpoint, asio::redirect_error(use_awaitable, error));
    if (deadline.expired()) {
      throw Failure(504, "upstream_connect_timeout",
                    fmt::format("{}: {}:{} does not accept in time", settings_.name, name.host, name.port));
    }
    if (!error) co_return std::make_unique<Connection>(deadlines_, Stream(std::move(socket)), server);
  }
  throw Failure(502, "upstream_refused",
                fmt::format("{}: {}:{}: {}", settings_.name, name.host, name.port, error.message()));
}

// The last good answer stays when the resolver has none.
Awaitable<> UpstreamGroup::resolve(std::size_t server) {
  const std::string host = settings_.servers[server].host;
  const std::string port = std::to_string(settings_.servers[server].port);
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(io_.get_executor());
  boost::system::error_code error;
  const auto results = co_await resolver.async_resolve(host, port, asio::redirect_error(use_awaitable, error));
  auto& address = addresses_[server];
  if (!error && !results.empty()) {
    address.endpoints.clear();
    for (const auto& result : results) address.endpoints.push_back(result.endpoint());
  }
  address.resolved_at = deadlines_.now();
  if (address.endpoints.empty()) {
    throw Failure(502, "upstream_unknown_host", fmt::format("{}: the name {} has no address", settings_.name, host));
  }
}

void UpstreamGroup::give_back(std::unique_ptr<Connection> connection) {
  if (buffers_.size() < kBuffersMax) {
    buffers_.push_back(std::move(connection->buffer));
  }
  connection->buffer.reset();
  connection->deadline.clear();
  auto& idle = addresses_[connection->server].idle;
  if (connection->failed || connection->begin != connection->end || idle.size() >= kIdlePerServerMax) return;
  connection->idle_since = deadlines_.now();
  idle.push_back(std::move(connection));
}

void UpstreamGroup::check_idle() {
  for (auto& address : addresses_) {
    std::erase_if(address.idle, [&](const std::unique_ptr<Connection>& connection) {
      return connection->idle_since + kIdleMax < deadlines_.now() || !is_quiet(*connection);
    });
  }
}

std::size_t UpstreamGroup::idle_count() const {
  std::size_t count = 0;
  for (const auto& address : addresses_) count += address.idle.size();
  return count;
}

}  // namespace gatehouse::upstream
