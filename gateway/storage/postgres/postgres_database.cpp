#include "storage/postgres/postgres_database.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "storage/postgres/postgres_feed.hpp"

namespace gatehouse::storage {

namespace {

using Pool = std::shared_ptr<PostgresPool>;
using Request = std::shared_ptr<PostgresRequest>;

// The request knows its waiting coroutine only while that exists; after that its answer is dropped.
class Waiting {
 public:
  Waiting(PostgresPool& pool, PostgresRequest& request, Timer& timer) : pool_(pool), request_(request) {
    request_.waiter = &timer;
  }
  ~Waiting() {
    request_.waiter = nullptr;
    if (!request_.done && !request_.connection) pool_.forget(request_);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  PostgresPool& pool_;
  PostgresRequest& request_;
};

Awaitable<Outcome> perform(Pool pool, Request request) {
  if (auto refused = refuse_parameters(request->parameters)) co_return std::unexpected(std::move(*refused));
  const auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, pool->options().acquire_timeout);
  const Waiting waiting(*pool, *request, timer);
  pool->submit(request);
  while (!request->done) {
    // Once it is sent, the connection watches over its time.
    if (request->connection) timer.expires_at(SteadyTime::max());
    boost::system::error_code cancelled;
    co_await timer.async_wait(asio::redirect_error(use_awaitable, cancelled));
    if (!cancelled && !request->done && !request->connection) {
      co_return store_error(StoreError::Kind::unavailable, "waited too long for a connection to the database");
    }
  }
  co_return std::move(request->outcome);
}

Request make_request(Statement statement, Parameters parameters) {
  auto request = std::make_shared<PostgresRequest>();
  request->sql = statement.sql;
  request->parameters = std::move(parameters);
  return request;
}

class PostgresTransaction final : public Transaction {
 public:
  explicit PostgresTransaction(Pool pool) : pool_(std::move(pool)), begin_(make_request({"BEGIN"}, {})) {
    begin_->exclusive = true;
  }

  // The connection is free again when the answer to the ROLLBACK is there.
  ~PostgresTransaction() override {
    if (!begin_->connection || ended_) return;
    auto rollback = make_request({"ROLLBACK"}, {});
    rollback->releases = true;
    begin_->connection->send(std::move(rollback));
  }

  Awaitable<> start() {
    auto outcome = co_await perform(pool_, begin_);
    unwrap(std::move(outcome));
  }

  Awaitable<ResultSet> query(Statement statement, Parameters parameters) override {
    if (ended_ || failed_) throw StatementError("the transaction has ended or a statement of it failed");
    auto request = make_request(statement, std::move(parameters));
    request->connection = begin_->connection;
    auto outcome = co_await perform(pool_, request);
    if (!outcome) failed_ = true;
    co_return unwrap(std::move(outcome));
  }

  Awaitable<> commit() override {
    if (ended_ || failed_) throw StatementError("a statement of this transaction failed, so it cannot be committed");
    auto request = make_request({"COMMIT"}, {});
    request->connection = begin_->connection;
    request->releases = true;
    ended_ = true;
    auto outcome = co_await perform(pool_, request);
    unwrap(std::move(outcome));
  }

 private:
  const Pool pool_;
  const Request begin_;
  bool failed_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Database> PostgresStore::connect(Executor executor, StoreOptions options) {
  return std::make_unique<PostgresDatabase>(std::make_shared<PostgresPool>(executor, target_, options));
}

std::unique_ptr<ChangeFeed> PostgresStore::follow(Executor executor, ChangeFeed::Listener& listener,
                                                  FeedOptions options) {
  auto sender = connect(executor, PostgresFollower::sender_options());
  return std::make_unique<PostgresFeed>(
      std::make_shared<PostgresFollower>(executor, target_, std::move(sender), listener, options));
}

PostgresDatabase::~PostgresDatabase() {
  pool_->close();
}

Awaitable<ResultSet> PostgresDatabase::query(Statement statement, Parameters parameters) {
  auto request = make_request(statement, std::move(parameters));
  auto outcome = co_await perform(pool_, request);
  co_return unwrap(std::move(outcome));
}

Awaitable<std::unique_ptr<Transaction>> PostgresDatabase::begin() {
  auto transaction = std::make_unique<PostgresTransaction>(pool_);
  co_await transaction->start();
  co_return std::unique_ptr<Transaction>(std::move(transaction));
}

}  // namespace gatehouse::storage
