#include "edge/listener.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace gatehouse::edge {

namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Address to_address(const config::SocketAddress& from) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, from.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(from.port);
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, from.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from.port);
    address.size = sizeof *v6;
  } else {
    throw std::runtime_error(fmt::format("{} is not an IP address to listen on", from.host));
  }
  return address;
}

// Without `shared`, an address that another process listens on is refused, even one that shares its port.
int open_one(const config::SocketAddress& from, bool shared) {
  const Address address = to_address(from);
  const int descriptor = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::runtime_error(fmt::format("cannot make a socket: {}", std::strerror(errno)));
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      ::listen(descriptor, 1024) != 0) {
    const int error = errno;
    ::close(descriptor);
    throw std::runtime_error(fmt::format("cannot listen on {}: {}", to_string(from), std::strerror(error)));
  }
  return descriptor;
}

std::uint16_t bound_port(int descriptor) {
  Address address;
  address.size = sizeof address.storage;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return ntohs(
      reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);  // at the same place for both families
}

}  // namespace

Listeners open_listeners(const config::SocketAddress& address, std::size_t count) {
  Listeners listeners{{}, address};
  if (address.port != 0) ::close(open_one(address, false));
  try {
    for (std::size_t i = 0; i < count; ++i) {
      listeners.descriptors.push_back(open_one(listeners.address, true));
      listeners.address.port = bound_port(listeners.descriptors.back());
    }
  } catch (...) {
    for (const int descriptor : listeners.descriptors) ::close(descriptor);
    throw;
  }
  return listeners;
}

std::string to_string(const config::SocketAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", address.host, v6 ? "]" : "", address.port);
}

}  // namespace gatehouse::edge
