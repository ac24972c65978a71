// The change feed of PostgreSQL: LISTEN on a connection of its own that does nothing else, and heartbeats that are sent
// on another. A heartbeat says which triggers are there, in the transaction in which it is sent, and so proves both
// that notifications arrive and that they are made.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "storage/change_feed.hpp"
#include "storage/database.hpp"
#include "storage/open.hpp"
#include "storage/postgres/connection.hpp"
#include "storage/postgres/target.hpp"
#include "storage/timer.hpp"

namespace gatehouse::storage {

// Shared by its handle, its coroutine and handlers of its connection, of which any may be the last.
class PostgresFollower final : public PostgresConnection::Owner, public std::enable_shared_from_this<PostgresFollower> {
 public:
  // `sender`: for the heartbeats, on the same thread; its calls give up before a heartbeat would be worth nothing.
  PostgresFollower(Executor executor, PostgresTarget target, std::unique_ptr<Database> sender,
                   ChangeFeed::Listener& listener, FeedOptions options);
  static StoreOptions sender_options();

  void start();
  void close();
  ChangeFeed::State state() const { return state_.load(std::memory_order_relaxed); }

 private:
  struct Beat {
    std::uint64_t number;
    SteadyTime sent;
  };

  void on_progress() override {}
  void on_closed(PostgresConnection& connection) override;
  void on_notification(std::string_view channel, std::string_view payload) override;

  static Awaitable<> run(std::shared_ptr<PostgresFollower> self);
  Awaitable<std::string> follow();
  Awaitable<std::string> listen();
  Awaitable<Outcome> ask(std::string sql);
  Awaitable<> send_beat();
  void on_beat(std::string_view payload);
  void enter(ChangeFeed::State state, std::string_view why);
  Awaitable<> sleep(std::chrono::milliseconds time);
  std::chrono::milliseconds pause();

  const Executor executor_;
  const PostgresTarget target_;
  std::unique_ptr<Database> sender_;  // empty: closed
  ChangeFeed::Listener& listener_;
  const std::chrono::milliseconds period_;
  Timer timer_;
  std::minstd_rand jitter_;
  std::shared_ptr<PostgresConnection> connection_;  // that listens; empty: lost
  std::string own_channel_;                         // of this connection's heartbeats
  std::string schemas_;                             // that are listened to
  std::deque<Beat> beats_;                          // sent and not heard
  std::uint64_t number_ = 0;
  SteadyTime heard_{};      // the last heartbeat, or that it was listened for the first
  std::string send_error_;  // why the last heartbeat could not be sent
  bool complete_ = false;   // nothing was missed since a change of everything was told
  std::size_t failures_ = 0;
  std::atomic<ChangeFeed::State> state_{ChangeFeed::State::connecting};
  bool told_ = false;  // that it does not follow
};

class PostgresFeed final : public ChangeFeed {
 public:
  explicit PostgresFeed(std::shared_ptr<PostgresFollower> follower) : follower_(std::move(follower)) {
    follower_->start();
  }
  ~PostgresFeed() override { follower_->close(); }
  State state() const override { return follower_->state(); }

 private:
  const std::shared_ptr<PostgresFollower> follower_;
};

}  // namespace gatehouse::storage
