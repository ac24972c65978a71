// Deletes sessions and verifications that have expired: nobody needs them, and Better Auth itself leaves most of them.
// A round goes once through both tables by their primary keys, in batches of a fixed number of rows, so that no
// statement is long whatever the size of the table and without an index on "expiresAt". PostgreSQL: of several gateways
// only one works at a time (advisory lock), and rows that somebody else has locked are left for the next round.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

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
  Purger(Database& database, const Clock& clock, Kept kept)
      : database_(database),
        clock_(clock),
        first_table_(kept.sessions ? 1 : 0),
        end_table_(kept.verifications ? 1 : 2),
        table_(first_table_) {}

  // One batch. True: the round has more to do. Throws as Database does; the round then goes on where it was.
  Awaitable<bool> step();

  // Rows deleted since the start.
  std::uint64_t sessions() const { return deleted_[0].load(std::memory_order_relaxed); }
  std::uint64_t verifications() const { return deleted_[1].load(std::memory_order_relaxed); }

 private:
  Database& database_;
  const Clock& clock_;
  const std::size_t first_table_, end_table_;
  std::size_t table_;
  std::optional<std::string> after_;  // the last id of the batch before
  std::array<std::atomic<std::uint64_t>, 2> deleted_{};
};

}  // namespace gatehouse::storage
