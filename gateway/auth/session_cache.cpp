#include "auth/session_cache.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <list>
#include <unordered_set>

#include "auth/load_permit.hpp"
#include "base/failure.hpp"

namespace gatehouse::auth {

// What a look-up judges by is beside the pointer: with 100,000 sessions each further cache line is a miss.
struct SessionCache::Entry {
  IdentityPtr identity;
  SteadyTime ends;
  SteadyTime believed_until;                                 // for its own read's sake, without the feed
  WallTime expires_at;                                       // the session's
  const std::atomic<std::uint64_t>* user_changed = nullptr;  // the user's slot
  std::uint64_t began = 0;  // the number of user events when the load started: a later one of the slot makes it void
  std::list<std::string_view>::iterator place;  // in Shard::by_age

  bool is_void(WallTime now) const {
    return now >= expires_at || user_changed->load(std::memory_order_acquire) > began;
  }
  bool is_valid(SteadyTime steady, WallTime now, SteadyTime fresh_until) const {
    return (steady < fresh_until || steady < believed_until) && steady < ends && !is_void(now);
  }
};

// What a waiter is resumed with. Stale: an invalidation came while the load ran, so it says nothing. Late: what was
// read is older by now than staleness_max.
struct SessionCache::Outcome {
  IdentityPtr identity;
  bool stale = false;
  bool late = false;
};

// One running load. Guarded by its shard's mutex, but for the fields that do not change.
struct SessionCache::Flight {
  const std::string token;
  const std::uint64_t began;
  const SteadyTime believed_until;
  std::vector<Resumption<Outcome>> waiters;
  bool stale = false;

  Flight(std::string of, std::uint64_t at, SteadyTime until) : token(std::move(of)), began(at), believed_until(until) {}
};

struct alignas(64) SessionCache::Shard {
  std::mutex mutex;
  ByToken<Entry> entries;
  std::list<std::string_view>
      by_age;  // keys of `entries`, oldest first: all live equally long, so the oldest ends first
  ByToken<std::shared_ptr<Flight>> flights;
  std::unordered_set<std::shared_ptr<Flight>> stale_flights;  // still running, but nobody may join them anymore
  std::unordered_set<std::string, Hash, std::equal_to<>> refreshing;
  bool stopped = false;
};

struct SessionCache::Landed {
  std::vector<Resumption<Outcome>> waiters;
  bool stale = false;
  bool late = false;
};

namespace {

std::exception_ptr shutting_down() {
  return std::make_exception_ptr(Failure(503, "shutting_down", "the gateway is shutting down"));
}

// One that threads share is freed by whoever looks at it last, after a count inside the standard library, which the
// thread sanitizer does not see. So each waiter gets an exception of its own, down to its text.
std::exception_ptr copy_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Failure& failure) {
    return std::make_exception_ptr(Failure(failure.status(), failure.reason(), failure.what()));
  } catch (const LoadWithdrawn& withdrawn) {
    return std::make_exception_ptr(withdrawn);
  } catch (const std::exception& unforeseen) {
    return std::make_exception_ptr(std::runtime_error(std::string(unforeseen.what())));
  } catch (...) {
    return error;
  }
}

// Events are numbered; a slot keeps its last.
void raise(std::atomic<std::uint64_t>& slot, std::uint64_t event) {
  std::uint64_t last = slot.load(std::memory_order_relaxed);
  while (last < event && !slot.compare_exchange_weak(last, event, std::memory_order_acq_rel)) {
  }
}

}  // namespace

SessionCache::SessionCache(const Clock& clock, Settings settings)
    : clock_(clock),
      settings_(settings),
      fresh_until_((settings.staleness_max ? SteadyTime::min() : SteadyTime::max()).time_since_epoch().count()),
      shards_(std::make_unique<std::array<Shard, kShards>>()) {}

SessionCache::SessionCache(const Clock& clock) : SessionCache(clock, Settings{}) {}

SessionCache::~SessionCache() {
  stop();
}

SessionCache::Shard& SessionCache::shard_of(std::string_view token) {
  // The map takes the low bits of the same hash, so the shard takes others.
  return (*shards_)[(Hash{}(token) >> 48) % kShards];
}

std::atomic<std::uint64_t>& SessionCache::user_slot(std::string_view user_id) {
  return user_changed_[Hash{}(user_id) % kUserSlots];
}

IdentityPtr SessionCache::find(std::string_view token) {
  const SteadyTime steady = clock_.steady();
  const WallTime now = clock_.now();
  const SteadyTime fresh = fresh_until();
  Shard& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(token);
  return found != shard.entries.end() && found->second.is_valid(steady, now, fresh) ? found->second.identity : nullptr;
}

Awaitable<IdentityPtr> SessionCache::load(std::string token, Loader loader) {
  if (settings_.serve_on_outage.count() > 0) return load_or_keep(std::move(token), std::move(loader));
  return load_fresh(std::move(token), std::move(loader));
}

Awaitable<IdentityPtr> SessionCache::load_fresh(std::string token, Loader loader) {
  // Each round means that the session or its user was changed in just this moment.
  constexpr int kRounds = 8;
  constexpr int kLateMax = 2;
  int late = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto known = find(token);
    if (known) co_return known;
    auto outcome = co_await join(token, loader);
    if (!outcome.stale && !outcome.late) co_return outcome.identity;
    if (outcome.late && ++late == kLateMax)
      throw Failure(503, "database_unavailable", "reading a session takes longer than session.staleness_max");
  }
  throw Failure(503, "session_changing", "a session was changed during each attempt to load it");
}

Awaitable<IdentityPtr> SessionCache::load_or_keep(std::string token, Loader loader) {
  try {
    auto loaded = co_await load_fresh(token, std::move(loader));
    co_return loaded;
  } catch (const Failure&) {
    auto kept = find_in_outage(token);
    if (!kept) throw;
    co_return kept;
  }
}

IdentityPtr SessionCache::find_in_outage(std::string_view token) {
  const SteadyTime steady = clock_.steady() - settings_.serve_on_outage;
  const WallTime now = clock_.now();
  const SteadyTime fresh = fresh_until();
  Shard& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(token);
  if (found == shard.entries.end()) return nullptr;
  const Entry& entry = found->second;
  const bool believed = steady < fresh || steady < entry.believed_until;
  return believed && !entry.is_void(now) ? entry.identity : nullptr;
}

// What was read from `read` on.
SteadyTime SessionCache::believed_until(SteadyTime read) const {
  return settings_.staleness_max ? read + *settings_.staleness_max : SteadyTime::max();
}

Awaitable<SessionCache::Outcome> SessionCache::join(std::string token, Loader loader) {
  const Executor executor = co_await asio::this_coro::executor;
  auto start = [this, token = std::move(token), loader = std::move(loader),
                executor](Resumption<Outcome> waiter) mutable {
    auto flight = board(token, waiter);
    // Owned by the shard's tables of flights, which stop() drains.
    if (flight) asio::co_spawn(executor, run_flight(std::move(flight), std::move(loader)), asio::detached);
  };
  auto outcome = co_await suspend_until_resumed<Outcome>(std::move(start));
  co_return outcome;
}

// Lets the waiter wait for the token's flight, or resumes it at once. Gives the flight if it is a new one, to be
// started.
std::shared_ptr<SessionCache::Flight> SessionCache::board(const std::string& token, Resumption<Outcome>& waiter) {
  const SteadyTime steady = clock_.steady();
  const WallTime now = clock_.now();
  const SteadyTime fresh = fresh_until();
  Shard& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  if (shard.stopped) {
    waiter.fail(shutting_down());
    return nullptr;
  }
  // A load may have ended since the look-up without the lock.
  const auto known = shard.entries.find(token);
  if (known != shard.entries.end() && known->second.is_valid(steady, now, fresh)) {
    waiter.resume({known->second.identity});
    return nullptr;
  }
  const auto running = shard.flights.find(token);
  // One that would be thrown away at its landing is not waited for.
  if (running != shard.flights.end() && steady >= fresh && steady >= running->second->believed_until)
    retire(shard, running);
  auto& flight = shard.flights[token];
  const bool is_new = flight == nullptr;
  if (is_new)
    flight = std::make_shared<Flight>(token, user_events_.load(std::memory_order_acquire), believed_until(steady));
  flight->waiters.push_back(std::move(waiter));
  return is_new ? flight : nullptr;
}

Awaitable<> SessionCache::run_flight(std::shared_ptr<Flight> flight, Loader loader) {
  // Also where the frame is destroyed in the middle (its io_context goes): the waiters of other threads must not wait
  // for ever.
  struct Landing {
    SessionCache& cache;
    Flight& flight;
    std::exception_ptr error = shutting_down();
    IdentityPtr identity;

    ~Landing() {
      auto [waiters, stale, late] = cache.land(flight, error ? nullptr : identity);
      for (auto& waiter : waiters) {
        if (error) {
          waiter.fail(copy_of(error));
        } else {
          waiter.resume({stale || late ? nullptr : identity, stale, late});
        }
      }
    }
  };
  Landing landing{*this, *flight, shutting_down(), nullptr};
  try {
    landing.identity = co_await loader(flight->token);
    landing.error = nullptr;
  } catch (...) {
    landing.error = std::current_exception();
  }
}

// Takes the flight out of the tables and keeps what it read, unless that was made void meanwhile.
SessionCache::Landed SessionCache::land(Flight& flight, const IdentityPtr& identity) {
  const SteadyTime steady = clock_.steady();
  const SteadyTime fresh = fresh_until();
  Shard& shard = shard_of(flight.token);
  const std::lock_guard lock(shard.mutex);
  if (flight.stale) {
    std::erase_if(shard.stale_flights, [&](const auto& one) { return one.get() == &flight; });
  } else {
    shard.flights.erase(flight.token);
  }
  Landed landed{std::move(flight.waiters), flight.stale, steady >= fresh && steady >= flight.believed_until};
  if (identity && user_slot(identity->user.id).load(std::memory_order_acquire) > flight.began) landed.stale = true;
  if (identity && !landed.stale && !shard.stopped) insert(shard, flight, identity);
  return landed;
}

void SessionCache::insert(Shard& shard, const Flight& flight, IdentityPtr identity) {
  const std::string& token = flight.token;
  const SteadyTime steady = clock_.steady();
  const auto drop_oldest = [&shard] {
    const auto oldest = shard.entries.find(shard.by_age.front());
    shard.by_age.pop_front();
    shard.entries.erase(oldest);
  };
  const auto present = shard.entries.find(token);
  if (present != shard.entries.end()) {
    shard.by_age.erase(present->second.place);
    shard.entries.erase(present);
  }
  const std::size_t room = std::max<std::size_t>(1, settings_.entries_max / kShards);
  while (shard.entries.size() >= room) drop_oldest();
  // Each newcomer clears away up to two that have ended: memory follows the traffic down.
  for (int i = 0; i < 2 && !shard.by_age.empty(); ++i) {
    if (shard.entries.find(shard.by_age.front())->second.ends > steady) break;
    drop_oldest();
  }
  const auto [added, fresh] = shard.entries.try_emplace(token);
  const auto expires_at = identity->session.expires_at;
  const auto* user_changed = &user_slot(identity->user.id);
  added->second = {std::move(identity),
                   steady + settings_.life,
                   flight.believed_until,
                   expires_at,
                   user_changed,
                   flight.began,
                   shard.by_age.insert(shard.by_age.end(), added->first)};
}

void SessionCache::invalidate(std::string_view token) {
  ByToken<Entry>::node_type dropped;  // freed after the lock is gone
  Shard& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(token);
  if (found != shard.entries.end()) {
    shard.by_age.erase(found->second.place);
    dropped = shard.entries.extract(found);
  }
  const auto flight = shard.flights.find(token);
  if (flight != shard.flights.end()) retire(shard, flight);
}

// Who comes from now on must not join it.
void SessionCache::retire(Shard& shard, ByToken<std::shared_ptr<Flight>>::iterator flight) {
  flight->second->stale = true;
  shard.stale_flights.insert(flight->second);
  shard.flights.erase(flight);
}

void SessionCache::invalidate_user(std::string_view user_id) {
  raise(user_slot(user_id), user_events_.fetch_add(1, std::memory_order_acq_rel) + 1);
}

// Every slot: whose session an entry is does not matter. Entries that are void go as others do, with their age.
void SessionCache::drop_all() {
  const std::uint64_t event = user_events_.fetch_add(1, std::memory_order_acq_rel) + 1;
  for (auto& slot : user_changed_) raise(slot, event);
}

void SessionCache::seen_until(SteadyTime time) {
  if (!settings_.staleness_max) return;
  fresh_until_.store((time + *settings_.staleness_max).time_since_epoch().count(), std::memory_order_release);
}

void SessionCache::end(const std::string& token) {
  invalidate(token);
  if (session_ended_) session_ended_(token);
}

bool SessionCache::begin_refresh(std::string_view token) {
  Shard& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  return shard.refreshing.emplace(token).second;
}

void SessionCache::end_refresh(std::string_view token) {
  Shard& shard = shard_of(token);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.refreshing.find(token);
  if (found != shard.refreshing.end()) shard.refreshing.erase(found);
}

void SessionCache::stop() {
  std::vector<Resumption<Outcome>> waiters;
  for (Shard& shard : *shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.stopped = true;
    for (auto& [token, flight] : shard.flights) {
      flight->stale = true;
      shard.stale_flights.insert(flight);
    }
    shard.flights.clear();
    for (const auto& flight : shard.stale_flights) {
      for (auto& waiter : flight->waiters) waiters.push_back(std::move(waiter));
      flight->waiters.clear();
    }
  }
  for (auto& waiter : waiters) waiter.fail(shutting_down());
}

std::size_t SessionCache::size() const {
  std::size_t count = 0;
  for (Shard& shard : *shards_) {
    const std::lock_guard lock(shard.mutex);
    count += shard.entries.size();
  }
  return count;
}

}  // namespace gatehouse::auth
