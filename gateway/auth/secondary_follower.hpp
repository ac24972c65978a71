// Takes out of Redis what a change in the database made wrong there, whoever made the change, and moves the epoch on
// (session_trust.hpp) where that cannot be known to be complete: at the start, after a lost connection, after a change
// that could not be told. One for the process, on the thread of the change feed; where rows in the database decide.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "auth/secondary_sessions.hpp"
#include "base/awaitable.hpp"
#include "base/random.hpp"
#include "storage/change_feed.hpp"
#include "storage/database.hpp"

namespace gatehouse::auth {

class SecondaryFollower {
 public:
  // Everything outlives the io_context of `executor`, and this object what it has started there. `on_new_epoch`:
  // nothing that Redis held before counts any more, so that it is to be filled again for what is in use.
  SecondaryFollower(const Executor& executor, cache::Cache& redis, storage::Database& database, SessionTrust& trust,
                    Random& random, std::function<void()> on_new_epoch)
      : executor_(executor),
        redis_(redis),
        database_(database),
        trust_(trust),
        random_(random),
        on_new_epoch_(std::move(on_new_epoch)) {}

  // Goes on until the io_context ends.
  void start();
  // Before anybody else believes the change.
  void on_change(const storage::Change& change);

 private:
  struct Job {
    Job(SessionTrust& trust, storage::Change of) : change(std::move(of)), untold(trust, change.subject) {}
    const storage::Change change;
    const SessionTrust::Change untold;
  };

  Awaitable<> keep_epoch();
  Awaitable<> look_after_epoch();
  Awaitable<> settle(SessionTrust::Task task);
  Awaitable<> work();
  Awaitable<> tell(const storage::Change& change);
  Awaitable<> take_out_session(std::string token);
  Awaitable<> take_out_sessions_of(std::string user_id, bool ended);

  const Executor executor_;
  cache::Cache& redis_;
  storage::Database& database_;
  SessionTrust& trust_;
  Random& random_;
  const std::function<void()> on_new_epoch_;
  std::deque<std::unique_ptr<Job>> jobs_;
  unsigned workers_ = 0;
};

}  // namespace gatehouse::auth
