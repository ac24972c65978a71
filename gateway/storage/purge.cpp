#include "storage/purge.hpp"

namespace gatehouse::storage {

namespace {

// The key of PostgreSQL's advisory lock ("gatehpur" in ASCII).
constexpr std::int64_t kPurgeLock = 0x6761'7465'6870'7572;

// Clocks of gateways differ a little.
constexpr std::chrono::minutes kGrace{1};

struct Statements {
  Statement first_end, next_end;        // the last id of the batch; no row: the table has ended
  Statement first_delete, next_delete;  // SQLite
  Statement first_skip, next_skip;      // PostgreSQL
};

const std::array<Statements, 2> kTables{{
    {{R"(SELECT "id" FROM (SELECT "id" FROM "session" ORDER BY "id" LIMIT 1000) b ORDER BY "id" DESC LIMIT 1)"},
     {R"(SELECT "id" FROM (SELECT "id" FROM "session" WHERE "id" > $1 ORDER BY "id" LIMIT 1000) b
         ORDER BY "id" DESC LIMIT 1)"},
     {R"(DELETE FROM "session" WHERE "id" <= $2 AND "expiresAt" <= $1)"},
     {R"(DELETE FROM "session" WHERE "id" <= $2 AND "id" > $3 AND "expiresAt" <= $1)"},
     {R"(DELETE FROM "session" WHERE "id" IN (
           SELECT "id" FROM "session" WHERE "id" <= $2 AND "expiresAt" <= $1 FOR UPDATE SKIP LOCKED))"},
     {R"(DELETE FROM "session" WHERE "id" IN (
           SELECT "id" FROM "session" WHERE "id" <= $2 AND "id" > $3 AND "expiresAt" <= $1 FOR UPDATE SKIP LOCKED))"}},
    {{R"(SELECT "id" FROM (SELECT "id" FROM "verification" ORDER BY "id" LIMIT 1000) b ORDER BY "id" DESC LIMIT 1)"},
     {R"(SELECT "id" FROM (SELECT "id" FROM "verification" WHERE "id" > $1 ORDER BY "id" LIMIT 1000) b
         ORDER BY "id" DESC LIMIT 1)"},
     {R"(DELETE FROM "verification" WHERE "id" <= $2 AND "expiresAt" <= $1)"},
     {R"(DELETE FROM "verification" WHERE "id" <= $2 AND "id" > $3 AND "expiresAt" <= $1)"},
     {R"(DELETE FROM "verification" WHERE "id" IN (
           SELECT "id" FROM "verification" WHERE "id" <= $2 AND "expiresAt" <= $1 FOR UPDATE SKIP LOCKED))"},
     {R"(DELETE FROM "verification" WHERE "id" IN (
           SELECT "id" FROM "verification" WHERE "id" <= $2 AND "id" > $3 AND "expiresAt" <= $1
           FOR UPDATE SKIP LOCKED))"}},
}};

}  // namespace

Awaitable<bool> Purger::step() {
  if (first_table_ == end_table_) co_return false;
  const bool postgres = database_.engine() == Engine::postgres;
  const Statements& statements = kTables[table_];
  auto transaction = co_await database_.begin();
  if (postgres) {
    Parameters key{kPurgeLock};
    const auto lock = co_await transaction->query({"SELECT pg_try_advisory_xact_lock($1)"}, std::move(key));
    if (!lock.rows.at(0).boolean(0)) {
      table_ = first_table_;
      after_.reset();
      co_return false;
    }
  }
  Parameters from;
  if (after_) from.emplace_back(*after_);
  const auto end = co_await transaction->query(after_ ? statements.next_end : statements.first_end, std::move(from));
  if (end.rows.empty()) {
    after_.reset();
    const bool round_ends = ++table_ == end_table_;
    if (round_ends) table_ = first_table_;
    co_return !round_ends;
  }
  std::string last = end.rows.at(0).text(0);
  Parameters range{clock_.now() - kGrace, last};
  if (after_) range.emplace_back(*after_);
  const auto& skip = after_ ? statements.next_skip : statements.first_skip;
  const auto& plain = after_ ? statements.next_delete : statements.first_delete;
  const auto deleted = co_await transaction->query(postgres ? skip : plain, std::move(range));
  co_await transaction->commit();
  deleted_[table_].fetch_add(static_cast<std::uint64_t>(deleted.affected), std::memory_order_relaxed);
  after_ = std::move(last);
  co_return true;
}

}  // namespace gatehouse::storage
