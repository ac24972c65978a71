// Deletes sessions and verifications that have expired, counters of auth endpoints that nobody asks for any more, and
// entries of the audit trail past their retention: nobody needs them, and Better Auth itself leaves most of them. A
// round goes once through these tables by their primary keys, in batches of a fixed number of rows, so that no
// statement is long whatever the size of the table and without an index on "expiresAt"; the audit trail has one of its
// time and is gone through by that. PostgreSQL: of several gateways only one works at a time (advisory lock), and rows
// that somebody else has locked are left for the next round.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "storage/database.hpp"

namespace gatehouse::storage {

// Counters may be read on any thread; all else belongs to the thread of the Database.
class Purger {
 public:
  // What is left alone.
  struct Kept {
    bool sessions = false;
    bool verifications = false;
  };
  // Tables of features; absent where one is not used, or nothing of it is to go.
  struct Features {
    std::optional<std::chrono::seconds> rate_limit_window = {};  // the longest window of the counters
    std::optional<std::chrono::seconds> audit_retention = {};
  };
  Purger(Database& database, const Clock& clock) : Purger(database, clock, Kept(), Features()) {}
  Purger(Database& database, const Clock& clock, Kept kept, Features features);

  // One batch. True: the round has more to do. Throws as Database does; the round then goes on where it was.
  Awaitable<bool> step();

  // Rows deleted since the start.
  std::uint64_t sessions() const { return deleted_[kSessions].load(std::memory_order_relaxed); }
  std::uint64_t verifications() const { return deleted_[kVerifications].load(std::memory_order_relaxed); }
  std::uint64_t rate_limits() const { return deleted_[kRateLimits].load(std::memory_order_relaxed); }
  std::uint64_t audit_entries() const { return deleted_[kAuditEntries].load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kSessions = 0, kVerifications = 1, kRateLimits = 2, kAuditEntries = 3;
  Value end_of_use(std::size_t table) const;
  Awaitable<bool> delete_audit_entries(std::unique_ptr<Transaction> transaction);
  bool begin_next_table();

  Database& database_;
  const Clock& clock_;
  const Features features_;
  std::vector<std::size_t> tables_;   // those that a round goes through
  std::size_t place_ = 0;             // in tables_
  std::optional<std::string> after_;  // the last id of the batch before
  std::array<std::atomic<std::uint64_t>, 4> deleted_{};
};

}  // namespace gatehouse::storage
