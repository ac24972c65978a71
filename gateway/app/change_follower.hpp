// Follows what anybody changes in the store, on a thread of its own: drops sessions from the cache and ends their live
// tunnels and streams, and takes them out of Redis. One for the process. Where something may have been missed, the
// sessions of all live tunnels and streams are looked up in the store, in batches.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "app/io_context.hpp"
#include "auth/secondary_follower.hpp"
#include "auth/sessions.hpp"
#include "base/event.hpp"
#include "pipeline/live_exchanges.hpp"
#include "pipeline/metrics.hpp"
#include "storage/open.hpp"

namespace gatehouse::app {

class ChangeFollower final : storage::ChangeFeed::Listener {
 public:
  // All of it outlives the follower; what ends by a change is posted to the threads of the exchanges.
  struct Dependencies {
    storage::Store& store;
    auth::SessionCache& cache;
    pipeline::LiveExchanges& live;
    const Clock& clock;
    Random& random;
    const config::SessionSettings& settings;
    cache::SharedCache* redis;          // null: none
    auth::SessionTrust* session_trust;  // null where there is no Redis
  };

  explicit ChangeFollower(const Dependencies& dependencies);
  ~ChangeFollower();

  void start();
  void stop();

  // From any thread.
  // Heartbeats came within staleness_max.
  bool follows() const;
  // For people: "following", "late", or why not.
  std::string_view state() const;
  void add_metrics(pipeline::Metrics& metrics);

 private:
  static constexpr std::size_t kKinds = 4;

  void on_change(const storage::Change& change) override;
  void on_seen_until(SteadyTime time) override;
  void load_again();
  void want_recheck();
  Awaitable<> recheck_live();
  std::chrono::steady_clock::duration age() const;

  const Dependencies deps_;
  IoContext io_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<cache::Cache> redis_;
  std::optional<auth::SecondarySessions> secondary_sessions_;
  std::optional<auth::SecondaryFollower> secondary_follower_;  // only where rows in the database decide
  auth::Sessions sessions_;
  SteadyTimer recheck_timer_;
  bool recheck_wanted_ = false;
  std::atomic<SteadyTime::rep> seen_until_;
  std::array<std::atomic<std::uint64_t>, kKinds> changes_{};  // told, by kind
  std::unique_ptr<storage::ChangeFeed> feed_;
  std::thread thread_;
};

}  // namespace gatehouse::app
