// The running gateway: built from a configuration, it serves until it is told to stop. The only place where the parts
// are put together.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::app {

// Throws StartError, with one sentence for the operator, when it cannot start.
class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Gateway {
 public:
  // `configuration` is complete: what may be missing in development mode has been filled in. Opens the store and the
  // listeners, and starts the threads. `access_log` is the descriptor that access-log lines go to.
  Gateway(config::Configuration configuration, int access_log);
  ~Gateway();

  // New routes, upstreams and rules for new exchanges; the rest of the configuration stays as it was at the start.
  // Throws StartError if a certificate of an upstream is of no use: then everything stays.
  void reload(config::Configuration configuration);

  // Stops accepting, lets what goes on finish for at most limits.drain, then ends the rest; at once where
  // `is_hurried`, which is asked many times a second, says so. Returns when all threads have ended. True if nothing had
  // to be cut off.
  bool drain(const std::function<bool()>& is_hurried = {});

  // Where it listens, with the real ports.
  const config::Listen& listening() const;

  // Looks after certificates and sessions of open tunnels; about once a second, from the main thread.
  void tick();

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gatehouse::app
