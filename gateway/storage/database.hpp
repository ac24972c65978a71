// The store of users, sessions, accounts and verifications, as the rest of the gateway sees it: statements with bound
// parameters in, rows out. Two engines stand behind it, SQLite (embedded, one file) and PostgreSQL; what this header
// promises is tested once for both in tests/contracts.
//
// A Database belongs to one thread: its coroutines are started and resumed on that thread's io_context. It is made by
// storage/open.hpp and must be destroyed before that io_context. Every call is bounded by the time-outs of StoreOptions
// and throws Failure(503, "database_unavailable") when the store is down, too slow or its queue is full: a write may
// then have happened or not, and is never sent again. A statement that the store refuses (a bug of ours) throws
// StatementError; a broken constraint, or a value that no store of ours can hold, throws ConstraintError. None of these
// break the Database: later calls work.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/awaitable.hpp"
#include "base/clock.hpp"

namespace gatehouse::storage {

enum class Engine { sqlite, postgres };

// One bound parameter or one column of a row. Text is UTF-8. SQLite keeps bool as 0/1 and WallTime as to_iso() text.
using Value = std::variant<std::nullptr_t, bool, std::int64_t, std::string, WallTime>;
using Parameters = std::vector<Value>;

// NULL for an absent value.
template <class T>
Value nullable(const std::optional<T>& value) {
  return value ? Value{*value} : Value{nullptr};
}

// A time as the engines write it: "2026-01-31T23:59:59.123Z" (SQLite), "2026-01-31 23:59:59.123456+00" (timestamptz in
// a session whose zone is UTC), without a zone (timestamp, and SQLite's CURRENT_TIMESTAMP) or as a day alone, which are
// taken as UTC. Absent: it is none.
std::optional<WallTime> parse_stored_time(std::string text);

// One row. Columns are counted from 0 in the order of the statement; reading a column as another type than it has is a
// bug (throws StatementError), reading NULL by a getter that is not optional as well.
class Row {
 public:
  // The engine's raw text of each column; absent is NULL. How a bool and a time look is known to the getters for both
  // engines.
  explicit Row(std::vector<std::optional<std::string>> columns) : columns_(std::move(columns)) {}

  const std::string& text(std::size_t column) const;
  const std::optional<std::string>& optional_text(std::size_t column) const;
  bool boolean(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;
  WallTime time(std::size_t column) const;
  std::optional<WallTime> optional_time(std::size_t column) const;
  std::size_t size() const { return columns_.size(); }

 private:
  std::vector<std::optional<std::string>> columns_;
};

struct ResultSet {
  std::vector<Row> rows;
  std::int64_t affected = 0;  // rows that an INSERT, UPDATE or DELETE changed
};

class StatementError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ConstraintError : public std::runtime_error {
 public:
  // other: a CHECK, or a value that the column cannot hold (too long, text with U+0000 or invalid UTF-8).
  enum class Kind { unique, foreign_key, not_null, other };
  ConstraintError(Kind kind, const std::string& detail) : std::runtime_error(detail), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// One statement of SQL that both engines take: $1…$n (each used, once or more, always for the same type), camelCase
// columns in double quotes, RETURNING, ON CONFLICT. The text is prepared once per connection and kept, so it should be
// a literal; anything else must outlive the call.
struct Statement {
  std::string_view sql;
};

class Transaction;

class Database {
 public:
  virtual ~Database() = default;
  virtual Engine engine() const = 0;
  virtual Awaitable<ResultSet> query(Statement statement, Parameters parameters) = 0;
  // Rolled back when it is destroyed without commit(). Holds one connection (SQLite: the writer) while it lives: keep
  // it short, and never wait for a third party inside.
  virtual Awaitable<std::unique_ptr<Transaction>> begin() = 0;
};

// A failed query ends it: what follows throws StatementError, commit() too.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Awaitable<ResultSet> query(Statement statement, Parameters parameters) = 0;
  virtual Awaitable<> commit() = 0;
};

}  // namespace gatehouse::storage
