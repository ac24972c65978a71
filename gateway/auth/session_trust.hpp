// Whether what Redis holds of sessions counts in this process. The database decides about sessions; what a gateway read
// there it writes to Redis under the epoch, and any gateway believes it as long as the epoch is the same, because
// each one that hears of a change takes out of Redis what the change made wrong. Where that could not be done, or where
// Redis may have come back with what it held before, the epoch is moved on: all that is in Redis counts for nothing
// then until the database has said it again.
//
// One for the process, safe for any thread. secondary_follower.hpp moves the epoch on and hears of the changes.
#pragma once
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.hpp"
#include "base/clock.hpp"
#include "cache/open.hpp"

namespace gatehouse::auth {

class SessionTrust {
 public:
  SessionTrust(const cache::SharedCache& redis, const Clock& clock) : redis_(redis), clock_(clock) {}

  // While it lives, Redis has not been told of a change of its subject, a token or a user's id: what it holds of that
  // does not count. Begun before the process believes the change, so that no load takes the old state from Redis later.
  class Change {
   public:
    Change(SessionTrust& trust, std::string subject);
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    SessionTrust& trust_;
    std::list<std::string>::iterator place_;
  };

  // What counted before something was read from Redis.
  struct View {
    std::string epoch;                  // empty: nothing counts, and nothing may be filled
    std::vector<std::string> changing;  // subjects
    bool overwhelmed = false;           // too many of them: nothing that is read counts
  };
  View view() const;
  // After the read: it was made under the view's epoch, on a server that this process knows not to have lost anything.
  bool still_counts(const View& view) const;
  static bool is_changing(const View& view, const Identity& identity);

  // A change could not be told to Redis, or may have been missed.
  void distrust();
  // What stands under the token is to be removed as soon as Redis can be reached: Node servers would believe it.
  void remove_later(std::string token);

  // The part of who moves the epoch on.
  struct Task {
    std::uint64_t distrusts = 0;
    std::uint64_t servers = 0;
    std::vector<std::string> to_remove;
  };
  // Absent: the epoch stands.
  std::optional<Task> begin_settling();
  void finish_settling(const Task& task, std::string epoch);
  void fail_settling(Task task);
  // Another gateway has moved it on; false: it has not.
  bool adopt(std::string epoch);

  // The database is known not to answer. True for one caller in a while: that one tries it again, beside its request.
  bool database_is_down() const { return database_down_.load(std::memory_order_acquire); }
  bool may_probe();
  void database_failed();
  void database_answered() { database_down_.store(false, std::memory_order_release); }

 private:
  bool counts_now() const;

  static constexpr std::size_t kChangingMax = 256;
  static constexpr std::size_t kRemovalsMax = 10'000;

  const cache::SharedCache& redis_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // guards what follows, up to the next blank line
  std::list<std::string> changing_;
  std::vector<std::string> to_remove_;
  std::string epoch_;
  std::uint64_t distrusts_ = 0;
  std::uint64_t settled_distrusts_ = 0;
  std::uint64_t settled_servers_ = 0;

  std::atomic<bool> database_down_{false};
  std::atomic<SteadyTime::rep> next_probe_{0};
};

}  // namespace gatehouse::auth
