// SQLite behind the Database contract: the process's Store, and what one worker thread sees of it.
#pragma once
#include <memory>

#include "storage/open.hpp"
#include "storage/sqlite/sqlite_engine.hpp"

namespace gatehouse::storage {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::shared_ptr<SqliteEngine> engine) : engine_(std::move(engine)) {}
  Engine engine() const override { return Engine::sqlite; }
  std::unique_ptr<Database> connect(Executor executor) override { return connect(executor, engine_->options()); }
  std::unique_ptr<Database> connect(Executor executor, StoreOptions options) override;
  std::unique_ptr<ChangeFeed> follow(Executor executor, ChangeFeed::Listener& listener, FeedOptions options) override;

 private:
  const std::shared_ptr<SqliteEngine> engine_;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::shared_ptr<SqliteEngine> engine, Executor executor, StoreOptions options);
  ~SqliteDatabase() override;
  Engine engine() const override { return Engine::sqlite; }
  Awaitable<ResultSet> query(Statement statement, Parameters parameters) override;
  Awaitable<std::unique_ptr<Transaction>> begin() override;

 private:
  const std::shared_ptr<SqliteEngine> engine_;
  const std::shared_ptr<SqliteMailbox> mailbox_;
};

}  // namespace gatehouse::storage
