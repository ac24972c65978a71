// One connection of the attacker: raw bytes over TCP or TLS, nothing added and nothing understood. It waits in poll(),
// always with a deadline: the attack is one thread that does one thing after the other.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace gatehouse::attack {

// With one sentence for the operator: nothing can be attacked there.
class Unreachable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// "https://gateway.example:8443" in parts.
struct Endpoint {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
  bool tls = false;

  // Throws Unreachable where it is no http or https URL of a host alone.
  static Endpoint parse(std::string_view url);
  // As it stands in a Host field.
  std::string authority() const;
};

// Resolves once, and opens connections to the same address from then on.
class Dialer {
 public:
  struct Trust {
    std::string ca_file;  // empty: the system's
    bool insecure = false;
  };
  Dialer(Endpoint endpoint, const Trust& trust);
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }
  // Every address of the host is one of this machine.
  bool is_loopback() const { return is_loopback_; }

 private:
  friend class Connection;
  struct FreeContext {
    void operator()(SSL_CTX* context) const;
  };

  Endpoint endpoint_;
  bool is_loopback_ = true;
  std::vector<char> address_;  // a sockaddr
  std::unique_ptr<SSL_CTX, FreeContext> tls_;
};

class Connection {
 public:
  // Throws Unreachable.
  explicit Connection(const Dialer& dialer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False: the other side takes no more.
  bool send(std::string_view bytes, SteadyTime deadline);
  enum class Read { data, end, late };
  // Appends what has come.
  Read read(std::string& into, SteadyTime deadline);
  // Nothing more will be sent; what comes can still be read.
  void end_sending();

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const;
  };
  bool wait(short events, SteadyTime deadline) const;
  bool wait_for_tls(int result, SteadyTime deadline) const;
  void handshake(const Dialer& dialer);

  int descriptor_ = -1;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

// Whether who was there before still is.
bool takes_connections(const Dialer& dialer);

}  // namespace gatehouse::attack
