// What reached the upstream, as `gatehouse echo` tells it: in its answers, and where it is asked, in the order of
// arrival (app/echo_upstream.hpp). Who sent a request is told by a field `Probe`, which no gateway has a reason to take
// away.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attack/connection.hpp"

namespace gatehouse::attack {

struct Arrival {
  std::string probe;  // empty: no request of ours
  std::string method;
  std::string path;
  std::string query;
  std::string body;  // its first bytes
  std::uint64_t body_bytes = 0;
  bool canonical = true;                                    // the path was written as a strict server writes it
  bool broken = false;                                      // the body ended before its time
  std::string malformed;                                    // why the upstream could not read it; empty: it could
  std::vector<std::pair<std::string, std::string>> fields;  // as they came, repeated names one after the other

  // All values of the name, in any case.
  std::vector<std::string_view> find_all(std::string_view name) const;
};

// Out of an answer of the echo; absent where it is none.
std::optional<Arrival> parse_arrival(std::string_view json);

class Witness {
 public:
  // `dialer` outlives it.
  explicit Witness(const Dialer& dialer) : dialer_(dialer) {}

  // What has come since the last call. Throws Unreachable where the witness does not answer or has lost some of it.
  std::vector<Arrival> take_new();

 private:
  std::string ask();

  const Dialer& dialer_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t next_ = 0;
  bool is_first_ = true;
};

}  // namespace gatehouse::attack
