// A Redis (or Valkey) server of the test's own: without a file of data, on loopback, with a password for the default
// user and a user of its own, on a Unix socket, and with TLS on a second port. It ends with the process that started
// it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/child_process.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_certificate.hpp"

namespace gatehouse::tests {

class RedisProcess {
 public:
  // Throws std::runtime_error, with what the server wrote, if it does not come up.
  RedisProcess();

  // The server that the tests of this process share. Tests that stop a server make one of their own.
  static RedisProcess& shared();

  // Passwords need percent-encoding, and have it. `rest`: "/3", "?…".
  std::string url(const std::string& rest = "") const;       // redis://:password@127.0.0.1:port
  std::string user_url(const std::string& rest = "") const;  // with a user who may do what a Cache does, not more
  std::string socket_url(const std::string& rest = "") const;
  // rediss://…@localhost, which trusts the server's own certificate; `host` is another name of the same address.
  std::string tls_url(const std::string& host = "localhost") const;
  const std::string& authority() const { return certificate_.cert; }  // PEM file
  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }

  void kill();    // at once, as a crash: what it held is lost
  void start();   // again, on the same ports
  void freeze();  // SIGSTOP
  void thaw();
  // What redis-cli prints for the command of the default user.
  std::string ask(const std::string& command) const;

 private:
  bool wait_until_ready();

  TemporaryFolder folder_;
  CertificateFiles certificate_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

// A port of loopback on which nobody listens now, below the ephemeral range: a client that connects to a dead port
// inside that range can meet itself.
std::uint16_t find_free_port();

}  // namespace gatehouse::tests
