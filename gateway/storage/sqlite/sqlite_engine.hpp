// The thread on which SQLite runs, shared by the Databases of all workers: SQLite blocks, and it has one writer anyway.
// Calls wait in a bounded queue; while a transaction is open only its own calls run.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "storage/open.hpp"
#include "storage/sqlite/sqlite_connection.hpp"
#include "storage/store_error.hpp"
#include "storage/timer.hpp"

namespace gatehouse::storage {

struct SqliteJob;

// What jobs need of the Database that sent them: its time-outs, and the way back to its thread. Closed when that
// Database goes or its io_context shuts down, whichever is first, so that nothing is posted to one that is going or
// gone; shared by the Database and the jobs under way, of which either may be the last.
class SqliteMailbox {
 public:
  static std::shared_ptr<SqliteMailbox> open(Executor executor, StoreOptions options);
  SqliteMailbox(Executor executor, StoreOptions options) : options_(options), executor_(executor) {}
  const StoreOptions& options() const { return options_; }
  void deliver(std::shared_ptr<SqliteJob> job);
  void close();

 private:
  const StoreOptions options_;
  std::mutex mutex_;
  std::optional<Executor> executor_;
};

// A transaction as the engine knows it; shared by its Transaction object and its jobs. All of it is under the engine's
// mutex.
struct SqliteTransactionState {
  std::deque<std::shared_ptr<SqliteJob>> jobs;
  bool finished = false;  // committed, rolled back or never begun: what still comes is refused
};

// One call. Shared by the coroutine that waits (and may give up) and the engine.
struct SqliteJob {
  enum class Kind { statement, begin, commit, rollback };
  enum class Progress { queued, started, abandoned };

  Kind kind = Kind::statement;
  std::string sql;
  Parameters parameters;
  std::shared_ptr<SqliteTransactionState> transaction;
  std::shared_ptr<SqliteMailbox> mailbox;
  // Who moves it away from queued decides: what was abandoned is never run, so that a write does not happen long after
  // its caller was told that it failed.
  std::atomic<Progress> progress{Progress::queued};

  Outcome outcome;          // written by the engine before it is delivered
  Timer* waiter = nullptr;  // the caller's thread alone
  bool done = false;        // the caller's thread alone
};

class SqliteEngine {
 public:
  // Shared by the Store, its Databases and their Transactions: frames of coroutines that hold one may go last.
  static std::expected<std::shared_ptr<SqliteEngine>, std::string> open(const std::string& path, StoreOptions options);
  // What waits is failed.
  ~SqliteEngine();

  // Any thread. False: the queue is full, or the transaction is finished.
  bool submit(std::shared_ptr<SqliteJob> job);

  const StoreOptions& options() const { return options_; }

 private:
  SqliteEngine(std::unique_ptr<SqliteConnection> connection, StoreOptions options);
  void work();
  bool take(std::shared_ptr<SqliteJob>& job);
  void perform(SqliteJob& job);
  Outcome begin(const SqliteJob& job);
  Outcome end(const SqliteJob& job);
  void roll_back();
  void finish_transaction();
  void finish(SqliteTransactionState& transaction);

  const std::unique_ptr<SqliteConnection> connection_;
  const StoreOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<SqliteJob>> queue_;
  bool stopping_ = false;
  std::shared_ptr<SqliteTransactionState> open_;  // the engine's thread alone
  std::chrono::milliseconds idle_limit_{};        // how long the open transaction may be left alone
  bool failed_ = false;  // a statement of the open transaction failed; the engine's thread alone
  std::thread thread_;
};

}  // namespace gatehouse::storage
