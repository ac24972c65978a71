// A database that can be made to fail, and counts what it is asked.
#pragma once
#include "base/failure.hpp"
#include "storage/database.hpp"

namespace gatehouse::tests {

class FailingDatabase final : public storage::Database {
 public:
  explicit FailingDatabase(storage::Database& real) : real_(real) {}
  storage::Engine engine() const override { return real_.engine(); }
  Awaitable<storage::ResultSet> query(storage::Statement statement, storage::Parameters parameters) override {
    ++queries;
    if (down) throw Failure(503, "database_unavailable", "down for a test");
    return real_.query(statement, std::move(parameters));
  }
  Awaitable<std::unique_ptr<storage::Transaction>> begin() override { return real_.begin(); }

  bool down = false;
  int queries = 0;

 private:
  storage::Database& real_;
};

}  // namespace gatehouse::tests
