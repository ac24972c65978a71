// Deletes sessions and verifications that have expired, and counters of auth endpoints that nobody asks for any more:
// nobody needs them, and Better Auth itself leaves most of them. A round goes once through these tables by their
// primary keys, in batches of a fixed number of rows, so that no statement is long whatever the size of the table and
// without an index on "expiresAt". PostgreSQL: of several gateways only one works at a time (advisory lock), and rows
// that somebody else has locked are left for the next round.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
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
  Purger(Database& database, const Clock& clock) : Purger(database, clock, {}) {}
  // `rate_limit_window`: the longest window of the counters; absent where their table is not used.
  Purger(Database& database, const Clock& clock, Kept kept,
         std::optional<std::chrono::seconds> rate_limit_window = std::nullopt);

  // One batch. True: the round has more to do. Throws as Database does; the round then goes on where it was.
  Awaitable<bool> step();

  // Rows deleted since the start.
  std::uint64_t sessions() const { return deleted_[kSessions].load(std::memory_order_relaxed); }
  std::uint64_t verifications() const { return deleted_[kVerifications].load(std::memory_order_relaxed); }
  std::uint64_t rate_limits() const { return deleted_[kRateLimits].load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kSessions = 0, kVerifications = 1, kRateLimits = 2;
  Value end_of_use(std::size_t table) const;

  Database& database_;
  const Clock& clock_;
  const std::optional<std::chrono::seconds> rate_limit_window_;
  std::vector<std::size_t> tables_;   // those that a round goes through
  std::size_t place_ = 0;             // in tables_
  std::optional<std::string> after_;  // the last id of the batch before
  std::array<std::atomic<std::uint64_t>, 3> deleted_{};
};

}  // namespace gatehouse::storage
