// PostgreSQL behind the Database contract: the process's Store, and what one worker thread sees of it.
#pragma once
#include <memory>

#include "storage/open.hpp"
#include "storage/postgres/pool.hpp"

namespace gatehouse::storage {

class PostgresStore final : public Store {
 public:
  PostgresStore(PostgresTarget target, StoreOptions options) : target_(std::move(target)), options_(options) {}
  Engine engine() const override { return Engine::postgres; }
  std::unique_ptr<Database> connect(Executor executor) override { return connect(executor, options_); }
  std::unique_ptr<Database> connect(Executor executor, StoreOptions options) override;
  std::unique_ptr<ChangeFeed> follow(Executor executor, ChangeFeed::Listener& listener, FeedOptions options) override;

 private:
  const PostgresTarget target_;
  const StoreOptions options_;
};

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(std::shared_ptr<PostgresPool> pool) : pool_(std::move(pool)) {}
  ~PostgresDatabase() override;
  Engine engine() const override { return Engine::postgres; }
  Awaitable<ResultSet> query(Statement statement, Parameters parameters) override;
  Awaitable<std::unique_ptr<Transaction>> begin() override;

 private:
  const std::shared_ptr<PostgresPool> pool_;
};

}  // namespace gatehouse::storage
