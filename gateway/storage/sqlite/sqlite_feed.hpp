// The change feed of SQLite: asks the writer's own connection whether another process has written, which is all that
// can be known (PRAGMA data_version does not change by what the connection itself commits).
#pragma once
#include <atomic>
#include <memory>
#include <optional>

#include "storage/change_feed.hpp"
#include "storage/database.hpp"
#include "storage/timer.hpp"

namespace gatehouse::storage {

// Shared by its handle and its coroutine, whose frame may outlive the handle.
class SqliteFollower : public std::enable_shared_from_this<SqliteFollower> {
 public:
  SqliteFollower(Executor executor, std::unique_ptr<Database> database, ChangeFeed::Listener& listener,
                 FeedOptions options);
  void start();
  void close();
  ChangeFeed::State state() const { return state_.load(std::memory_order_relaxed); }

 private:
  static Awaitable<> run(std::shared_ptr<SqliteFollower> self);
  Awaitable<> ask();

  const Executor executor_;
  std::unique_ptr<Database> database_;  // empty: closed
  ChangeFeed::Listener& listener_;
  const std::chrono::milliseconds period_;
  Timer timer_;
  std::optional<std::int64_t> version_;
  std::atomic<ChangeFeed::State> state_{ChangeFeed::State::connecting};
};

class SqliteFeed final : public ChangeFeed {
 public:
  explicit SqliteFeed(std::shared_ptr<SqliteFollower> follower) : follower_(std::move(follower)) { follower_->start(); }
  ~SqliteFeed() override { follower_->close(); }
  State state() const override { return follower_->state(); }

 private:
  const std::shared_ptr<SqliteFollower> follower_;
};

}  // namespace gatehouse::storage
