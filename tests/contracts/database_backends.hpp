// The stores that the contract of Database is run against: each value is a new, empty one.
#pragma once
#include <memory>
#include <string>

#include "storage/open.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gatehouse::tests {

class SqliteBackend {
 public:
  std::string url() const { return "sqlite:" + (folder_.path() / "test.db").string(); }
  static constexpr const char* kBoolean = "integer";
  static constexpr const char* kTime = "date";
  static constexpr const char* kLocalTime = "date";
  static constexpr const char* kEndless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

 private:
  TemporaryFolder folder_;
};

class PostgresBackend {
 public:
  const std::string& url() const { return url_; }
  static constexpr const char* kBoolean = "boolean";
  static constexpr const char* kTime = "timestamptz";
  static constexpr const char* kLocalTime = "timestamp";
  static constexpr const char* kEndless = "SELECT pg_sleep(600)";

 private:
  std::string url_ = PostgresServer::shared().create_database();
};

// One worker's view of a new store.
template <class Backend>
struct Opened {
  explicit Opened(storage::StoreOptions options = {})
      : store(storage::open_store(Secret(backend.url()), options).value()) {}

  storage::ResultSet query(const std::string& sql, storage::Parameters parameters = {}) {
    return run_coroutine(context, database->query({sql}, std::move(parameters)));
  }
  std::unique_ptr<storage::Transaction> begin() { return run_coroutine(context, database->begin()); }
  storage::ResultSet query(storage::Transaction& transaction, const std::string& sql,
                           storage::Parameters parameters = {}) {
    return run_coroutine(context, transaction.query({sql}, std::move(parameters)));
  }
  std::int64_t count(const std::string& table) { return query("SELECT count(*) FROM " + table).rows.at(0).integer(0); }

  Backend backend;
  std::unique_ptr<storage::Store> store;
  asio::io_context context;
  std::unique_ptr<storage::Database> database = store->connect(context.get_executor());
};

}  // namespace gatehouse::tests
