// Sessions that were read lately, shared by all threads: what makes an authenticated request on a proxied route cost a
// look-up instead of a query. Auth endpoints never read it; whoever changes a session or its user in the store tells it
// before the answer is sent.
//
// An entry lives for at most 30 seconds and never past the session's own end. Loads are single flight: however many
// requests miss the same token at once, on whatever threads, the store is asked once. A load that began before an
// invalidation is never believed after it: its result is thrown away and those who waited for it load again.
//
// What others write to the store is told by the change feed. Whatever is believed here at a moment takes into account
// all that was committed up to `staleness_max` before it: because the feed has said so lately, or because it was read
// since. Where neither holds, find() knows nothing, and a load that took too long is done again.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/identity.hpp"
#include "base/awaitable.hpp"
#include "base/clock.hpp"
#include "base/resumption.hpp"

namespace gatehouse::auth {

// Safe for any thread. Look-ups hold the mutex of one of 64 shards for tens of nanoseconds; nothing is held while a
// load runs.
class SessionCache {
 public:
  struct Settings {
    std::size_t entries_max = 100'000;  // beyond it the oldest entries go
    std::chrono::milliseconds life{30'000};
    // Absent: nobody else writes to the store.
    std::optional<std::chrono::milliseconds> staleness_max = {};
    // While the store cannot be read: how much longer than that entries are believed, whatever their life.
    std::chrono::milliseconds serve_on_outage{0};
  };
  // Reads one session from the store; nullptr: there is none. Runs on the thread that asked first.
  using Loader = std::function<Awaitable<IdentityPtr>(std::string token)>;
  // Told each token whose session ended (sign-out, revocation), after it left the cache: live tunnels and streams of
  // that session are to be closed. Called on the thread that ended it; must not block.
  using SessionEnded = std::function<void(const std::string& token)>;

  SessionCache(const Clock& clock, Settings settings);
  explicit SessionCache(const Clock& clock);
  ~SessionCache();
  SessionCache(const SessionCache&) = delete;
  SessionCache& operator=(const SessionCache&) = delete;

  // Set before the threads start.
  void on_session_ended(SessionEnded listener) { session_ended_ = std::move(listener); }

  // Never waits. nullptr: nothing known about this token (anymore).
  IdentityPtr find(std::string_view token);

  // What find() gives, or what the loader reads. The load belongs to the cache: a caller that is cancelled does not
  // fail the others, and each is resumed on its own executor. What the loader throws is thrown to all who waited;
  // nothing of it is kept (but see serve_on_outage). `loader` and what it refers to must live until the caller's
  // io_context has stopped.
  Awaitable<IdentityPtr> load(std::string token, Loader loader);

  // The session was changed: forget what is known. It may go on.
  void invalidate(std::string_view token);
  // The user was changed (name, role, address …): forget what is known about all of that user's sessions.
  void invalidate_user(std::string_view user_id);
  // The session is gone from the store: invalidate(), and tell the listener.
  void end(const std::string& token);

  // The change feed's part, from one thread. Nothing of what is known or being loaded counts any more.
  void drop_all();
  // What was committed before `time` has been told here.
  void seen_until(SteadyTime time);
  // The feed has said so lately: other copies of the store that follow it are as good as the store.
  bool is_fresh() const { return clock_.steady() < fresh_until(); }

  // True for one caller at a time: who renews the session `token`. Told when it is done.
  bool begin_refresh(std::string_view token);
  void end_refresh(std::string_view token);

  // Fails all who wait with Failure(503, "shutting_down"). Called before the first io_context is destroyed.
  void stop();

  std::size_t size() const;  // entries, for metrics

 private:
  struct Entry;
  struct Flight;
  struct Landed;
  struct Outcome;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class T>
  using ByToken = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  struct Shard;

  static constexpr std::size_t kShards = 64;
  // Users share a slot by hash: an invalidation also drops the entries of strangers in the same slot, which costs them
  // a load.
  static constexpr std::size_t kUserSlots = 4096;

  SteadyTime fresh_until() const {
    return SteadyTime(SteadyTime::duration(fresh_until_.load(std::memory_order_acquire)));
  }
  SteadyTime believed_until(SteadyTime read) const;
  Shard& shard_of(std::string_view token);
  std::atomic<std::uint64_t>& user_slot(std::string_view user_id);
  void insert(Shard& shard, const Flight& flight, IdentityPtr identity);
  static void retire(Shard& shard, ByToken<std::shared_ptr<Flight>>::iterator flight);
  Awaitable<IdentityPtr> load_fresh(std::string token, Loader loader);
  Awaitable<IdentityPtr> load_or_keep(std::string token, Loader loader);
  IdentityPtr find_in_outage(std::string_view token);
  Awaitable<Outcome> join(std::string token, Loader loader);
  std::shared_ptr<Flight> board(const std::string& token, Resumption<Outcome>& waiter);
  Awaitable<> run_flight(std::shared_ptr<Flight> flight, Loader loader);
  Landed land(Flight& flight, const IdentityPtr& identity);

  const Clock& clock_;
  const Settings settings_;
  SessionEnded session_ended_;
  // On a cache line that is written a few times a second: each look-up reads it.
  alignas(64) std::atomic<SteadyTime::rep> fresh_until_;
  alignas(64) std::atomic<std::uint64_t> user_events_{0};
  std::array<std::atomic<std::uint64_t>, kUserSlots> user_changed_{};  // the number of the slot's last event
  std::unique_ptr<std::array<Shard, kShards>> shards_;
};

}  // namespace gatehouse::auth
