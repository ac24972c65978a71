// The upstream of `gatehouse echo` and of `gatehouse attack`: it answers every request with that request as JSON. What
// it was sent, it can also tell to whoever asks at a second address, in the order of arrival: there one sees requests
// whose answers nobody read, and those that were malformed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/configuration.hpp"

namespace gatehouse::app {

class EchoUpstream {
 public:
  struct Addresses {
    config::SocketAddress upstream;
    std::optional<config::SocketAddress> witness;  // absent: nothing is kept
  };

  // Opens the listeners; port 0 is one of the kernel's choice. Throws std::runtime_error with one sentence.
  explicit EchoUpstream(const Addresses& addresses);
  ~EchoUpstream();

  // With the real ports.
  Addresses addresses() const;
  // Serves until stop(), which any thread may call, or where `until_signal` until SIGTERM or SIGINT.
  void run(bool until_signal);
  void stop();

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gatehouse::app
