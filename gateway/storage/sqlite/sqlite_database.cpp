#include "storage/sqlite/sqlite_database.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "storage/sqlite/sqlite_feed.hpp"

namespace gatehouse::storage {

namespace {

using Kind = SqliteJob::Kind;
using Progress = SqliteJob::Progress;
using Mailbox = std::shared_ptr<SqliteMailbox>;
using State = std::shared_ptr<SqliteTransactionState>;

constexpr std::chrono::milliseconds kDeliverySlack{500};

std::shared_ptr<SqliteJob> make_job(Kind kind, Mailbox mailbox, State transaction) {
  auto job = std::make_shared<SqliteJob>();
  job->kind = kind;
  job->mailbox = std::move(mailbox);
  job->transaction = std::move(transaction);
  return job;
}

// The job knows its waiting coroutine only while that exists.
class Waiting {
 public:
  Waiting(SqliteJob& job, Timer& timer) : job_(job) { job_.waiter = &timer; }
  ~Waiting() {
    job_.waiter = nullptr;
    abandon();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  // True if the engine will not touch it any more.
  bool abandon() {
    auto queued = Progress::queued;
    return job_.progress.compare_exchange_strong(queued, Progress::abandoned);
  }

 private:
  SqliteJob& job_;
};

Outcome unavailable(const char* why) {
  return store_error(StoreError::Kind::unavailable, why);
}

Awaitable<Outcome> perform(SqliteEngine& engine, std::shared_ptr<SqliteJob> job) {
  if (auto refused = refuse_parameters(job->parameters)) co_return std::unexpected(std::move(*refused));
  const auto executor = co_await asio::this_coro::executor;
  const StoreOptions& options = job->mailbox->options();
  Timer timer(executor, options.acquire_timeout);
  Waiting waiting(*job, timer);
  if (!engine.submit(job)) {
    if (job->transaction && job->kind != Kind::begin) co_return unavailable("the transaction has ended");
    co_return unavailable("too many calls wait for the database");
  }
  boost::system::error_code ended;
  co_await timer.async_wait(asio::redirect_error(use_awaitable, ended));
  if (job->done) co_return std::move(job->outcome);
  if (waiting.abandon()) co_return unavailable("waited too long for the database");
  // It runs. The engine itself ends what is too slow; only a file system that hangs keeps it longer.
  timer.expires_after(options.statement_timeout + options.acquire_timeout + kDeliverySlack);
  co_await timer.async_wait(asio::redirect_error(use_awaitable, ended));
  if (job->done) co_return std::move(job->outcome);
  co_return unavailable("the database took too long");
}

Awaitable<ResultSet> perform_statement(SqliteEngine& engine, Mailbox mailbox, State transaction, Statement statement,
                                       Parameters parameters) {
  auto job = make_job(Kind::statement, std::move(mailbox), std::move(transaction));
  job->sql = statement.sql;
  job->parameters = std::move(parameters);
  auto outcome = co_await perform(engine, job);
  co_return unwrap(std::move(outcome));
}

class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(std::shared_ptr<SqliteEngine> engine, Mailbox mailbox)
      : engine_(std::move(engine)), mailbox_(std::move(mailbox)), state_(std::make_shared<SqliteTransactionState>()) {}

  ~SqliteTransaction() override {
    if (begun_ && !committed_) engine_->submit(make_job(Kind::rollback, mailbox_, state_));
  }

  Awaitable<> start() {
    auto job = make_job(Kind::begin, mailbox_, state_);
    begun_ = true;
    auto outcome = co_await perform(*engine_, job);
    unwrap(std::move(outcome));
  }

  Awaitable<ResultSet> query(Statement statement, Parameters parameters) override {
    return perform_statement(*engine_, mailbox_, state_, statement, std::move(parameters));
  }

  Awaitable<> commit() override {
    auto job = make_job(Kind::commit, mailbox_, state_);
    auto outcome = co_await perform(*engine_, job);
    unwrap(std::move(outcome));
    committed_ = true;
  }

 private:
  const std::shared_ptr<SqliteEngine> engine_;
  const Mailbox mailbox_;
  const State state_;
  bool begun_ = false;
  bool committed_ = false;
};

}  // namespace

std::unique_ptr<Database> SqliteStore::connect(Executor executor, StoreOptions options) {
  return std::make_unique<SqliteDatabase>(engine_, executor, options);
}

std::unique_ptr<ChangeFeed> SqliteStore::follow(Executor executor, ChangeFeed::Listener& listener,
                                                FeedOptions options) {
  return std::make_unique<SqliteFeed>(std::make_shared<SqliteFollower>(executor, connect(executor), listener, options));
}

SqliteDatabase::SqliteDatabase(std::shared_ptr<SqliteEngine> engine, Executor executor, StoreOptions options)
    : engine_(std::move(engine)), mailbox_(SqliteMailbox::open(executor, options)) {}

SqliteDatabase::~SqliteDatabase() {
  mailbox_->close();
}

Awaitable<ResultSet> SqliteDatabase::query(Statement statement, Parameters parameters) {
  return perform_statement(*engine_, mailbox_, nullptr, statement, std::move(parameters));
}

Awaitable<std::unique_ptr<Transaction>> SqliteDatabase::begin() {
  auto transaction = std::make_unique<SqliteTransaction>(engine_, mailbox_);
  co_await transaction->start();
  co_return std::unique_ptr<Transaction>(std::move(transaction));
}

}  // namespace gatehouse::storage
