#include "tests/support/postgres_notifications.hpp"

#include <libpq-fe.h>

#include <stdexcept>

namespace gatehouse::tests {

struct PostgresNotifications::Connection {
  PGconn* handle;

  void execute(const std::string& sql) {
    PGresult* result = PQexec(handle, sql.c_str());
    const auto status = PQresultStatus(result);
    PQclear(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(handle));
  }
  ~Connection() { PQfinish(handle); }
};

PostgresNotifications::PostgresNotifications(const std::string& url, const std::string& channel)
    : connection_(new Connection{PQconnectdb(url.c_str())}) {
  if (PQstatus(connection_->handle) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_->handle));
  connection_->execute("LISTEN \"" + channel + "\"");
}

PostgresNotifications::~PostgresNotifications() = default;

// The server delivers in the order of commits, and before it says that it is ready for the next statement: what was
// committed before this NOTIFY is there with it.
std::vector<std::string> PostgresNotifications::take() {
  connection_->execute("LISTEN here; NOTIFY here");
  std::vector<std::string> payloads;
  for (;;) {
    if (PQconsumeInput(connection_->handle) == 0) throw std::runtime_error(PQerrorMessage(connection_->handle));
    const std::unique_ptr<PGnotify, void (*)(void*)> found(PQnotifies(connection_->handle), PQfreemem);
    if (!found) throw std::runtime_error("the server did not deliver the mark");
    if (std::string(found->relname) == "here") return payloads;
    payloads.emplace_back(found->extra);
  }
}

}  // namespace gatehouse::tests
