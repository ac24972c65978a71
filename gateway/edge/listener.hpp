// Listening sockets: one for each thread on the same address (SO_REUSEPORT), so that the kernel spreads connections and
// no thread takes them from another.
#pragma once
#include <string>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::edge {

struct Listeners {
  std::vector<int> descriptors;   // one for each thread, listening; the caller owns them
  config::SocketAddress address;  // with the real port where 0 was asked for
};

// Throws std::runtime_error with one sentence if the address cannot be bound.
Listeners open_listeners(const config::SocketAddress& address, std::size_t count);

// "127.0.0.1:8443", "[::1]:8443"
std::string to_string(const config::SocketAddress& address);

}  // namespace gatehouse::edge
