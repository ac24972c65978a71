// A PostgreSQL server of the test's own: a new cluster in a temporary folder, on loopback with a password and on a Unix
// socket. It ends with the process that started it. initdb and postgres refuse to run as root, so then they run as the
// user `postgres`.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace gatehouse::tests {

class PostgresServer {
 public:
  // Throws std::runtime_error, with what the server wrote, if it does not come up.
  PostgresServer();
  ~PostgresServer();

  // The server that the tests of this process share; started when it is first asked for. Tests that stop a server make
  // one of their own.
  static PostgresServer& shared();

  // A new empty database: postgres://user:password@127.0.0.1:port/name. The password needs percent encoding, and has
  // it.
  std::string create_database();
  // The same database by the socket, where no password is asked for.
  std::string socket_url(const std::string& url) const;

  // From the next start() on; the PEM files are copied.
  void use_tls(const std::string& certificate, const std::string& key);

  void kill();    // at once, as a crash
  void start();   // again, with the same data, port and folder
  void freeze();  // SIGSTOP to the server and all that it started
  void thaw();

 private:
  void create_cluster();
  bool wait_until_ready();
  std::string read_log() const;
  void signal_all(int signal);

  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t server_ = 0;
  unsigned databases_ = 0;
};

}  // namespace gatehouse::tests
