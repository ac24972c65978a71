// Listens on a channel of a PostgreSQL database, as a program beside the gateway would.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::tests {

class PostgresNotifications {
 public:
  // Throws std::runtime_error where it cannot connect or listen.
  PostgresNotifications(const std::string& url, const std::string& channel);
  ~PostgresNotifications();

  // The payloads of what was committed since the last call, in order.
  std::vector<std::string> take();

 private:
  struct Connection;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace gatehouse::tests
