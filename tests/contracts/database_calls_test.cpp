// What storage/database.hpp promises about calls: transactions, many at a time, limits of time and number, giving up.
#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <chrono>
#include <future>

#include "base/failure.hpp"
#include "tests/contracts/database_backends.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

template <class Call>
void check_unavailable(Call call) {
  try {
    call();
    FAIL("no Failure");
  } catch (const Failure& failure) {
    CHECK(failure.status() == 503);
    CHECK(failure.reason() == "database_unavailable");
  }
}

template <class Backend>
struct Counter : Opened<Backend> {
  explicit Counter(StoreOptions options = {}) : Opened<Backend>(options) {
    this->query("CREATE TABLE counter (id text PRIMARY KEY, n bigint NOT NULL)");
    this->query("INSERT INTO counter VALUES ('a', 0)");
  }
  std::int64_t value() { return this->query("SELECT n FROM counter WHERE id = 'a'").rows.at(0).integer(0); }
};

constexpr Statement kIncrement{"UPDATE counter SET n = n + 1 WHERE id = 'a'"};
constexpr Statement kRead{"SELECT n FROM counter WHERE id = 'a'"};

Awaitable<> add(Database& database, std::int64_t number, std::int64_t& sum) {
  Parameters parameters{number};
  const auto result = co_await database.query({"SELECT n + $1 FROM counter WHERE id = 'a'"}, std::move(parameters));
  sum += result.rows.at(0).integer(0);
}

// Not safe without a transaction that has the row or the writer for itself.
Awaitable<> increment_slowly(Database& database) {
  auto transaction = co_await database.begin();
  co_await transaction->query(kIncrement, {});
  const auto found = co_await transaction->query(kRead, {});
  Parameters parameters{found.rows.at(0).integer(0) + 1};
  co_await transaction->query({"UPDATE counter SET n = $1 WHERE id = 'a'"}, std::move(parameters));
  co_await transaction->commit();
}

Awaitable<> increment_often(Database& database, int times) {
  for (int i = 0; i < times; ++i) co_await database.query(kIncrement, {});
}

// Starts them all, then runs them to their ends. What one throws is thrown.
void run_all(asio::io_context& context, std::vector<Awaitable<>> coroutines) {
  std::size_t left = coroutines.size();
  std::exception_ptr failure;
  for (auto& coroutine : coroutines) {
    asio::co_spawn(context.get_executor(), std::move(coroutine), [&](const std::exception_ptr& thrown) {
      --left;
      if (thrown) failure = thrown;
    });
  }
  context.restart();
  while (left > 0 && context.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

TEST_CASE_TEMPLATE("a committed transaction stays, one that was dropped leaves nothing", Backend, SqliteBackend,
                   PostgresBackend) {
  Counter<Backend> db;
  auto committed = db.begin();
  CHECK(db.query(*committed, "INSERT INTO counter VALUES ('b', 1)").affected == 1);
  run_coroutine(db.context, committed->commit());
  committed.reset();
  CHECK(db.count("counter") == 2);

  auto dropped = db.begin();
  db.query(*dropped, "DELETE FROM counter");
  CHECK(db.query(*dropped, "SELECT 1 FROM counter").rows.empty());
  dropped.reset();
  CHECK(db.count("counter") == 2);
}

TEST_CASE_TEMPLATE("a transaction ends with its first error", Backend, SqliteBackend, PostgresBackend) {
  Counter<Backend> db;
  auto transaction = db.begin();
  db.query(*transaction, "INSERT INTO counter VALUES ('b', 1)");
  CHECK_THROWS_AS(db.query(*transaction, "INSERT INTO counter VALUES ('a', 1)"), ConstraintError);
  CHECK_THROWS_AS(db.query(*transaction, "SELECT 1"), StatementError);
  CHECK_THROWS_AS(run_coroutine(db.context, transaction->commit()), StatementError);
  transaction.reset();
  CHECK(db.count("counter") == 1);
}

TEST_CASE_TEMPLATE("a transaction that was left alone is rolled back and does not hold others up for ever", Backend,
                   SqliteBackend, PostgresBackend) {
  Counter<Backend> db({.acquire_timeout = seconds{20}, .statement_timeout = seconds{1}, .connections = 1});
  auto transaction = db.begin();
  db.query(*transaction, "INSERT INTO counter VALUES ('b', 1)");
  CHECK(db.count("counter") == 1);
  check_unavailable([&] { run_coroutine(db.context, transaction->commit()); });
  transaction.reset();
  CHECK(db.count("counter") == 1);
}

TEST_CASE_TEMPLATE("many calls at once each get their own answer", Backend, SqliteBackend, PostgresBackend) {
  Counter<Backend> db;
  std::int64_t sum = 0;
  std::vector<Awaitable<>> calls;
  for (std::int64_t i = 1; i <= 500; ++i) calls.push_back(add(*db.database, i, sum));
  run_all(db.context, std::move(calls));
  CHECK(sum == 125'250);
}

TEST_CASE_TEMPLATE("transactions at once lose no update", Backend, SqliteBackend, PostgresBackend) {
  Counter<Backend> db;
  std::vector<Awaitable<>> calls;
  for (int i = 0; i < 40; ++i) calls.push_back(increment_slowly(*db.database));
  for (int i = 0; i < 10; ++i) calls.push_back(increment_often(*db.database, 2));
  run_all(db.context, std::move(calls));
  CHECK(db.value() == 100);
}

TEST_CASE_TEMPLATE("each thread has its Database of one Store", Backend, SqliteBackend, PostgresBackend) {
  Counter<Backend> db({.acquire_timeout = seconds{20}, .statement_timeout = seconds{20}});
  const auto work = [&store = *db.store] {
    asio::io_context context;
    const auto database = store.connect(context.get_executor());
    std::vector<Awaitable<>> calls;
    for (int call = 0; call < 5; ++call) {
      calls.push_back(increment_often(*database, 10));
      calls.push_back(increment_slowly(*database));
    }
    run_all(context, std::move(calls));
  };
  std::vector<std::future<void>> threads;
  for (int i = 0; i < 4; ++i) threads.push_back(std::async(std::launch::async, work));
  for (auto& thread : threads) CHECK_NOTHROW(thread.get());
  CHECK(db.value() == 240);
}

TEST_CASE_TEMPLATE("a statement that takes too long fails in time, and the next works", Backend, SqliteBackend,
                   PostgresBackend) {
  Counter<Backend> db({.statement_timeout = seconds{1}, .connections = 1});
  const auto start = std::chrono::steady_clock::now();
  check_unavailable([&] { db.query(Backend::kEndless); });
  CHECK(std::chrono::steady_clock::now() - start < seconds{5});
  CHECK(db.value() == 0);
}

TEST_CASE_TEMPLATE("a call that waits too long for its turn fails and is never executed", Backend, SqliteBackend,
                   PostgresBackend) {
  Counter<Backend> db({.acquire_timeout = seconds{1}, .statement_timeout = seconds{20}, .connections = 1});
  auto transaction = db.begin();
  check_unavailable([&] { run_coroutine(db.context, db.database->query(kIncrement, {})); });
  check_unavailable([&] { db.begin(); });
  run_coroutine(db.context, transaction->commit());
  transaction.reset();
  CHECK(db.value() == 0);
  CHECK(db.begin() != nullptr);
}

TEST_CASE_TEMPLATE("what does not fit into the queue fails at once", Backend, SqliteBackend, PostgresBackend) {
  Counter<Backend> db({.acquire_timeout = seconds{20}, .statement_timeout = seconds{20}, .queue = 3, .connections = 1});
  auto transaction = db.begin();
  std::vector<Awaitable<>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(increment_often(*db.database, 1));
  int failed = 0, done = 0;
  for (auto& call : calls) {
    asio::co_spawn(db.context.get_executor(), std::move(call), [&](const std::exception_ptr& thrown) {
      if (thrown) {
        ++failed;
        check_unavailable([&] { std::rethrow_exception(thrown); });
      } else {
        ++done;
      }
    });
  }
  db.context.restart();
  while (failed < 2) db.context.run_one();
  CHECK(done == 0);
  transaction.reset();
  while (failed + done < 5) db.context.run_one();
  CHECK(failed == 2);
  CHECK(db.value() == 3);
}

TEST_CASE_TEMPLATE("a call that is cancelled while it waits is not executed", Backend, SqliteBackend, PostgresBackend) {
  Counter<Backend> db({.acquire_timeout = seconds{20}, .statement_timeout = seconds{20}, .connections = 1});
  auto transaction = db.begin();
  asio::cancellation_signal cancel;
  bool ended = false;
  std::exception_ptr failure;
  asio::co_spawn(db.context.get_executor(), increment_often(*db.database, 1),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& thrown) {
                   ended = true;
                   failure = thrown;
                 }));
  db.context.restart();
  db.context.poll();
  cancel.emit(asio::cancellation_type::terminal);
  while (!ended && db.context.run_one() > 0) {
  }
  CHECK(failure != nullptr);
  transaction.reset();
  CHECK(db.value() == 0);
}

TEST_CASE_TEMPLATE("a Database may go while calls of it are under way", Backend, SqliteBackend, PostgresBackend) {
  auto db = std::make_unique<Counter<Backend>>();
  auto transaction = db->begin();
  for (int i = 0; i < 10; ++i) {
    asio::co_spawn(db->context.get_executor(), increment_slowly(*db->database), [](const std::exception_ptr&) {});
    asio::co_spawn(db->context.get_executor(), increment_often(*db->database, 1), [](const std::exception_ptr&) {});
  }
  db->context.restart();
  db->context.poll();
  db->database.reset();
  transaction.reset();
  db.reset();
}
