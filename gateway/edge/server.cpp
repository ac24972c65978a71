#include "edge/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"

namespace gatehouse::edge {

namespace {

constexpr int kAcceptedAtOnceMax = 64;     // then connections that are open already get their turn
constexpr int kAcceptedAtDrainMax = 4096;  // more than the kernel's queue holds
constexpr std::chrono::milliseconds kPauseWithoutDescriptors{250};

using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

IpAddress to_ip(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET)
    return IpAddress::v4(ntohl(reinterpret_cast<const sockaddr_in&>(from).sin_addr.s_addr));
  std::array<unsigned char, 16> bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, bytes.size());
  return IpAddress::v6(bytes);
}

}  // namespace

Server::Server(asio::io_context& io, int descriptor, const Dependencies& dependencies)
    : io_(io),
      listener_(io.get_executor(), descriptor),
      buffers_(dependencies.limits.head),
      context_{dependencies.deadlines, buffers_,           dependencies.handler,
               dependencies.limits,    dependencies.clock, dependencies.proxies},
      connection_limits_(dependencies.connection_limits),
      tls_(dependencies.tls) {}

// Coroutines that go on would find their connection gone: they are run to their end here. One that waits for something
// else than its client does not end by that; its connection is left to it.
Server::~Server() {
  stop_accepting();
  end_all();
  while (count_ > 0) {
    if (io_.stopped()) io_.restart();
    if (io_.poll() == 0) return;
  }
}

void Server::start() {
  asio::co_spawn(io_.get_executor(), accept_loop(), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

Awaitable<> Server::accept_loop() {
  Timer pause(io_.get_executor());
  while (accepting_) {
    boost::system::error_code error;
    co_await listener_.async_wait(asio::posix::descriptor_base::wait_read, asio::redirect_error(use_awaitable, error));
    if (error || !accepting_) co_return;
    bool out_of_descriptors = false;
    for (int i = 0; i < kAcceptedAtOnceMax; ++i) {
      if (accept_one()) continue;
      out_of_descriptors = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
      break;
    }
    tell_out_of_descriptors(out_of_descriptors, errno);
    if (!out_of_descriptors) continue;
    // The waiting connections stay in the kernel's queue; trying again at once would be a busy loop.
    pause.expires_after(kPauseWithoutDescriptors);
    co_await pause.async_wait(asio::redirect_error(use_awaitable, error));
  }
}

// Once when it begins and once when it is over.
void Server::tell_out_of_descriptors(bool now, int error) {
  if (now == std::exchange(out_of_descriptors_, now)) return;
  if (now) {
    log::warn("no connections are accepted: {}", std::strerror(error));
  } else {
    log::info("connections are accepted again");
  }
}

// False when there is nothing to accept now, errno says why.
bool Server::accept_one() {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int descriptor =
      ::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return errno == ECONNABORTED || errno == EINTR;
  const IpAddress peer = to_ip(from);
  if (context_.proxies && !context_.proxies->trusts(peer)) {
    context_.proxies->refuse(ProxyProtocol::Refusal::stranger, peer);
    ::close(descriptor);
    return true;
  }
  auto place = context_.proxies ? connection_limits_.enter_unassigned() : connection_limits_.enter(peer);
  if (!place) {
    ::close(descriptor);
    return true;
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto port = ntohs(reinterpret_cast<const sockaddr_in&>(from).sin_port);  // at the same place for both families
  try {
    adopt(descriptor, peer, port, std::move(place));
  } catch (const std::exception& error) {
    log::warn("a connection cannot be served: {}", error.what());
  }
  return true;
}

void Server::adopt(int descriptor, IpAddress peer, std::uint16_t port, ConnectionLimits::Place place) {
  Stream stream(io_.get_executor(), descriptor, tls_ ? tls_->make_ssl() : nullptr);
  auto* connection = new Http1Connection(context_, std::move(stream), std::move(place), peer, port);
  connection->next = first_;
  if (first_) first_->previous = connection;
  first_ = connection;
  ++count_;
  asio::co_spawn(io_.get_executor(), connection->run(), [this, connection](const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& unexpected) {
      log::error("a connection ended with an unexpected error: {}", unexpected.what());
    }
    remove(connection);
  });
}

void Server::remove(Http1Connection* connection) {
  if (connection->previous) connection->previous->next = connection->next;
  if (connection->next) connection->next->previous = connection->previous;
  if (first_ == connection) first_ = connection->next;
  --count_;
  delete connection;
}

void Server::stop_accepting() {
  accepting_ = false;
  boost::system::error_code ignored;
  listener_.close(ignored);
}

void Server::drain() {
  if (!accepting_) return;
  // Who is in the kernel's queue believes to be connected; closing the listener would reset them.
  for (int i = 0; i < kAcceptedAtDrainMax && accept_one(); ++i) continue;
  stop_accepting();
  for (auto* connection = first_; connection; connection = connection->next) connection->drain();
}

void Server::end_all() {
  for (auto* connection = first_; connection; connection = connection->next) connection->end();
}

void Server::check_peers() {
  const SteadyTime now = context_.deadlines.now();
  for (auto* connection = first_; connection; connection = connection->next) connection->check_peer(now);
}

}  // namespace gatehouse::edge
