#include "storage/purge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace gatehouse::storage {

namespace {

// The key of PostgreSQL's advisory lock ("gatehpur" in ASCII).
constexpr std::int64_t kPurgeLock = 0x6761'7465'6870'7572;

// Clocks of gateways differ a little.
constexpr std::chrono::minutes kGrace{1};

struct Statements {
  std::string first_end, next_end;        // the last id of the batch; no row: the table has ended
  std::string first_delete, next_delete;  // SQLite
  std::string first_skip, next_skip;      // PostgreSQL
};

// $1: what the column `time` of a row says at most that goes, $2: the batch's last id, $3: that of the batch before.
Statements make_statements(std::string_view table, std::string_view time) {
  const auto end = [&](std::string_view from) {
    return fmt::format(
        R"(SELECT "id" FROM (SELECT "id" FROM "{}" {}ORDER BY "id" LIMIT 1000) b ORDER BY "id" DESC LIMIT 1)", table,
        from);
  };
  const auto rows = [&](std::string_view from) {
    return fmt::format(R"(FROM "{}" WHERE "id" <= $2 {}AND "{}" <= $1)", table, from, time);
  };
  const auto skip = [&](std::string_view from) {
    return fmt::format(R"(DELETE FROM "{}" WHERE "id" IN (SELECT "id" {} FOR UPDATE SKIP LOCKED))", table, rows(from));
  };
  constexpr std::string_view kAfter = R"(AND "id" > $3 )";
  return {end(""), end(R"(WHERE "id" > $1 )"), "DELETE " + rows(""), "DELETE " + rows(kAfter), skip(""), skip(kAfter)};
}

const Statements& statements_of(std::size_t table) {
  static const std::array<Statements, 3> kTables{make_statements("session", "expiresAt"),
                                                 make_statements("verification", "expiresAt"),
                                                 make_statements("rateLimit", "lastRequest")};
  return kTables.at(table);
}

// A Node server beside us may have longer windows than we.
constexpr std::chrono::seconds kCounterLife = std::chrono::hours{1};

}  // namespace

Purger::Purger(Database& database, const Clock& clock, Kept kept, Features features)
    : database_(database), clock_(clock), features_(features) {
  if (!kept.sessions) tables_.push_back(kSessions);
  if (!kept.verifications) tables_.push_back(kVerifications);
  if (features_.rate_limit_window) tables_.push_back(kRateLimits);
  if (features_.audit_retention) tables_.push_back(kAuditEntries);
}

// What a row's time is compared with.
Value Purger::end_of_use(std::size_t table) const {
  if (table == kAuditEntries) return clock_.now() - *features_.audit_retention;
  if (table != kRateLimits) return clock_.now() - kGrace;
  const auto end = clock_.now() - std::max(*features_.rate_limit_window, kCounterLife);
  return static_cast<std::int64_t>(end.time_since_epoch().count());
}

// True: the round has a next one.
bool Purger::begin_next_table() {
  after_.reset();
  if (++place_ == tables_.size()) place_ = 0;
  return place_ != 0;
}

Awaitable<bool> Purger::delete_audit_entries(std::unique_ptr<Transaction> transaction) {
  constexpr std::string_view kDelete =
      R"(DELETE FROM "gatehouse_audit" WHERE "entry" IN )"
      R"((SELECT "entry" FROM "gatehouse_audit" WHERE "time" <= $1 ORDER BY "time" LIMIT 1000))";
  Parameters end{end_of_use(kAuditEntries)};
  const auto deleted = co_await transaction->query({kDelete}, std::move(end));
  co_await transaction->commit();
  deleted_[kAuditEntries].fetch_add(static_cast<std::uint64_t>(deleted.affected), std::memory_order_relaxed);
  co_return deleted.affected > 0 || begin_next_table();
}

Awaitable<bool> Purger::step() {
  if (tables_.empty()) co_return false;
  const std::size_t table = tables_[place_];
  const bool postgres = database_.engine() == Engine::postgres;
  auto transaction = co_await database_.begin();
  if (postgres) {
    Parameters key{kPurgeLock};
    const auto lock = co_await transaction->query({"SELECT pg_try_advisory_xact_lock($1)"}, std::move(key));
    if (!lock.rows.at(0).boolean(0)) {
      place_ = 0;
      after_.reset();
      co_return false;
    }
  }
  if (table == kAuditEntries) {
    const bool more = co_await delete_audit_entries(std::move(transaction));
    co_return more;
  }
  const Statements& statements = statements_of(table);
  Parameters from;
  if (after_) from.emplace_back(*after_);
  const auto end = co_await transaction->query({after_ ? statements.next_end : statements.first_end}, std::move(from));
  if (end.rows.empty()) co_return begin_next_table();
  std::string last = end.rows.at(0).text(0);
  Parameters range{end_of_use(table), last};
  if (after_) range.emplace_back(*after_);
  const auto& skip = after_ ? statements.next_skip : statements.first_skip;
  const auto& plain = after_ ? statements.next_delete : statements.first_delete;
  const auto deleted = co_await transaction->query({postgres ? skip : plain}, std::move(range));
  co_await transaction->commit();
  deleted_[table].fetch_add(static_cast<std::uint64_t>(deleted.affected), std::memory_order_relaxed);
  after_ = std::move(last);
  co_return true;
}

}  // namespace gatehouse::storage
