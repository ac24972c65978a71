// What the world did wrong: a store is down, an upstream refused, a deadline passed. Thrown, and caught once where the
// exchange is answered; the client sees the status and a generic text, the log gets `what()`.
#pragma once
#include <stdexcept>
#include <string>

namespace gatehouse {

class Failure : public std::runtime_error {
 public:
  // status: 502 (nonsense from a peer), 503 (a dependency is down or full) or 504 (a peer was too slow).
  // reason: the stable reason code of the access log, for example "database_unavailable".
  Failure(int status, std::string reason, const std::string& detail)
      : std::runtime_error(detail), status_(status), reason_(std::move(reason)) {}

  int status() const { return status_; }
  const std::string& reason() const { return reason_; }

 private:
  int status_;
  std::string reason_;
};

}  // namespace gatehouse
