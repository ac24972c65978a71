#include "storage/sqlite/sqlite_engine.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace gatehouse::storage {

namespace {

void refuse(std::shared_ptr<SqliteJob> job, const char* why) {
  job->outcome = store_error(StoreError::Kind::unavailable, why);
  auto mailbox = job->mailbox;
  mailbox->deliver(std::move(job));
}

// The mailboxes of an io_context. When that shuts down it empties its queue without a lock, and the engine's thread
// must not be putting anything into it: services are told first, the youngest before the queue's own.
class Mailboxes final : public asio::execution_context::service {
 public:
  using key_type = Mailboxes;
  static inline asio::execution_context::id id;

  explicit Mailboxes(asio::execution_context& context) : service(context) {}

  void add(const std::shared_ptr<SqliteMailbox>& mailbox) {
    const std::lock_guard lock(mutex_);
    std::erase_if(mailboxes_, [](const auto& known) { return known.expired(); });
    mailboxes_.push_back(mailbox);
  }

 private:
  void shutdown() override {
    const std::lock_guard lock(mutex_);
    for (const auto& known : mailboxes_) {
      if (const auto mailbox = known.lock()) mailbox->close();
    }
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<SqliteMailbox>> mailboxes_;
};

}  // namespace

std::shared_ptr<SqliteMailbox> SqliteMailbox::open(Executor executor, StoreOptions options) {
  auto mailbox = std::make_shared<SqliteMailbox>(executor, options);
  asio::use_service<Mailboxes>(executor.context()).add(mailbox);
  return mailbox;
}

void SqliteMailbox::deliver(std::shared_ptr<SqliteJob> job) {
  const std::lock_guard lock(mutex_);
  if (!executor_) return;
  asio::post(*executor_, [job = std::move(job)] {
    job->done = true;
    if (job->waiter != nullptr) job->waiter->cancel();
  });
}

void SqliteMailbox::close() {
  const std::lock_guard lock(mutex_);
  executor_.reset();
}

std::expected<std::shared_ptr<SqliteEngine>, std::string> SqliteEngine::open(const std::string& path,
                                                                             StoreOptions options) {
  auto connection = SqliteConnection::open(path, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  return std::shared_ptr<SqliteEngine>(new SqliteEngine(std::move(*connection), options));
}

SqliteEngine::SqliteEngine(std::unique_ptr<SqliteConnection> connection, StoreOptions options)
    : connection_(std::move(connection)), options_(options), thread_([this] { work(); }) {}

SqliteEngine::~SqliteEngine() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool SqliteEngine::submit(std::shared_ptr<SqliteJob> job) {
  {
    const std::lock_guard lock(mutex_);
    if (job->transaction && job->kind != SqliteJob::Kind::begin) {
      // Not counted: a transaction waits for each of its own calls, and its rollback must not be lost.
      if (job->transaction->finished) return false;
      job->transaction->jobs.push_back(std::move(job));
    } else {
      if (queue_.size() >= options_.queue) {
        if (job->transaction) job->transaction->finished = true;
        return false;
      }
      queue_.push_back(std::move(job));
    }
  }
  wake_.notify_one();
  return true;
}

// Waits for the next job. Without a job: the open transaction was left alone for too long. False: the end.
bool SqliteEngine::take(std::shared_ptr<SqliteJob>& job) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stopping_ || !(open_ ? open_->jobs : queue_).empty(); };
  if (!open_) {
    wake_.wait(lock, ready);
  } else if (!wake_.wait_for(lock, idle_limit_, ready)) {
    return true;
  }
  if (stopping_) return false;
  auto& jobs = open_ ? open_->jobs : queue_;
  job = std::move(jobs.front());
  jobs.pop_front();
  return true;
}

void SqliteEngine::work() {
  std::shared_ptr<SqliteJob> job;
  while (take(job)) {
    if (!job) {
      log::warn("a transaction was left open for too long and is rolled back");
      roll_back();
    } else {
      perform(*job);
      auto mailbox = job->mailbox;
      mailbox->deliver(std::exchange(job, nullptr));
    }
  }
  if (open_) roll_back();
  for (auto& waiting : queue_) {
    if (waiting->transaction) finish(*waiting->transaction);
    refuse(std::move(waiting), "the database is being closed");
  }
}

void SqliteEngine::perform(SqliteJob& job) {
  auto queued = SqliteJob::Progress::queued;
  const bool wanted = job.progress.compare_exchange_strong(queued, SqliteJob::Progress::started);
  if (job.kind == SqliteJob::Kind::commit || job.kind == SqliteJob::Kind::rollback) {
    // An abandoned commit: its caller was told that it failed, so it has to.
    if (!wanted) failed_ = true;
    job.outcome = end(job);
    return;
  }
  if (!wanted) {
    if (job.kind == SqliteJob::Kind::begin) {
      finish(*job.transaction);
    } else if (job.transaction) {
      failed_ = true;
    }
    return;
  }
  if (job.kind == SqliteJob::Kind::begin) {
    job.outcome = begin(job);
  } else if (job.transaction && failed_) {
    job.outcome = store_error(StoreError::Kind::statement, "a statement of this transaction failed before");
  } else {
    job.outcome = connection_->run(job.sql, job.parameters,
                                   std::chrono::steady_clock::now() + job.mailbox->options().statement_timeout);
    if (job.transaction && !job.outcome) failed_ = true;
  }
}

Outcome SqliteEngine::begin(const SqliteJob& job) {
  open_ = job.transaction;
  idle_limit_ = job.mailbox->options().statement_timeout;
  failed_ = false;
  auto outcome = connection_->run("BEGIN IMMEDIATE", {}, SteadyTime::max());
  if (!outcome) finish_transaction();
  return outcome;
}

Outcome SqliteEngine::end(const SqliteJob& job) {
  if (job.kind == SqliteJob::Kind::rollback) {
    roll_back();
    return ResultSet{};
  }
  if (failed_) {
    roll_back();
    return store_error(StoreError::Kind::statement,
                       "a statement of this transaction failed, so it cannot be committed");
  }
  auto outcome = connection_->run("COMMIT", {}, SteadyTime::max());
  if (!outcome) {
    roll_back();
  } else {
    finish_transaction();
  }
  return outcome;
}

void SqliteEngine::roll_back() {
  // A full disk or an I/O error has rolled back already.
  if (connection_->in_transaction()) connection_->run("ROLLBACK", {}, SteadyTime::max());
  finish_transaction();
}

void SqliteEngine::finish_transaction() {
  finish(*open_);
  open_.reset();
}

// What its owner sent and has not got an answer for is failed: only a rollback may be left. (The jobs hold their
// transaction, so leaving them in it would keep both for ever.)
void SqliteEngine::finish(SqliteTransactionState& transaction) {
  std::deque<std::shared_ptr<SqliteJob>> left;
  {
    const std::lock_guard lock(mutex_);
    transaction.finished = true;
    left = std::exchange(transaction.jobs, {});
  }
  for (auto& job : left) refuse(std::move(job), "the transaction has ended");
}

}  // namespace gatehouse::storage
