#include "app/change_follower.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "base/log.hpp"

namespace gatehouse::app {

namespace {

using Kind = storage::Change::Kind;

constexpr std::chrono::milliseconds kRecheckPause{200};  // between two look-ups of all live sessions
constexpr std::chrono::seconds kRecheckUntold{5};        // how often they are looked up while nobody tells anything
constexpr std::chrono::seconds kLook{1};

storage::StoreOptions options() {
  return {.connections = 1};
}

std::optional<auth::SecondarySessions> make_secondary_sessions(const ChangeFollower::Dependencies& deps,
                                                               cache::Cache* redis) {
  if (!redis) return std::nullopt;
  return auth::SecondarySessions(*redis, *deps.session_trust, deps.clock, deps.settings.expires_in);
}

}  // namespace

ChangeFollower::ChangeFollower(const Dependencies& dependencies)
    : deps_(dependencies),
      database_(deps_.store.connect(io_.get_executor(), options())),
      redis_(deps_.redis ? deps_.redis->connect(io_.get_executor()) : nullptr),
      secondary_sessions_(make_secondary_sessions(deps_, redis_.get())),
      sessions_(*database_, deps_.cache, deps_.clock, deps_.random, deps_.settings, {},
                secondary_sessions_ ? &*secondary_sessions_ : nullptr),
      recheck_timer_(io_.get_executor()),
      seen_until_(deps_.clock.steady().time_since_epoch().count()) {
  if (redis_ && sessions_.has_rows())
    secondary_follower_.emplace(io_.get_executor(), *redis_, *database_, *deps_.session_trust, deps_.random,
                                [this] { load_again(); });
}

ChangeFollower::~ChangeFollower() {
  stop();
}

void ChangeFollower::start() {
  feed_ = deps_.store.follow(io_.get_executor(), *this, {.staleness_max = deps_.settings.staleness_max});
  if (secondary_follower_) secondary_follower_->start();
  asio::co_spawn(io_.get_executor(), recheck_live(), [](const std::exception_ptr&) {});
  thread_ = std::thread([this] {
    for (;;) {
      try {
        io_.run();
        break;
      } catch (const std::exception& error) {
        log::error("the change feed went on after an unexpected error: {}", error.what());
      }
    }
  });
}

void ChangeFollower::stop() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
  feed_.reset();
  io_.shutdown();
}

void ChangeFollower::on_change(const storage::Change& change) {
  auto& count = changes_[static_cast<std::size_t>(change.kind)];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (secondary_follower_) secondary_follower_->on_change(change);
  switch (change.kind) {
    case Kind::session_ended:
      return deps_.cache.end(change.subject);
    case Kind::user_changed:
      return deps_.cache.invalidate_user(change.subject);
    case Kind::sessions_ended:
      deps_.cache.invalidate_user(change.subject);
      return want_recheck();
    case Kind::everything:
      deps_.cache.drop_all();
      return want_recheck();
  }
}

// Of sessions that Redis alone has the database tells nothing: each look-up asks Redis once its entry is older than
// staleness_max, and live exchanges are looked up as when nobody tells anything.
void ChangeFollower::on_seen_until(SteadyTime time) {
  if (sessions_.has_rows()) deps_.cache.seen_until(time);
  seen_until_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
}

// What is cached stays so for half a minute, and Redis would have nothing to say of it if the database went away
// meanwhile. A database that is away already could not be asked again.
void ChangeFollower::load_again() {
  if (follows()) deps_.cache.drop_all();
}

void ChangeFollower::want_recheck() {
  recheck_wanted_ = true;
  recheck_timer_.cancel();
}

Awaitable<> ChangeFollower::recheck_live() {
  SteadyTime last = deps_.clock.steady();
  for (;;) {
    recheck_timer_.expires_after(kLook);
    boost::system::error_code ignored;
    if (!recheck_wanted_) co_await recheck_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
    const SteadyTime now = deps_.clock.steady();
    const bool told = sessions_.has_rows() && follows();
    if (!recheck_wanted_ && (told || now - last < (sessions_.has_rows() ? kRecheckUntold : kLook))) continue;
    recheck_wanted_ = false;
    last = now;
    try {
      const auto alive = co_await sessions_.end_missing(deps_.live.tokens());
      for (const auto& [token, expires_at] : alive) deps_.live.set_expiry(token, expires_at);
    } catch (const std::exception&) {
      recheck_wanted_ = true;  // the store is down, and whoever asks it for a session says so
    }
    SteadyTimer pause(io_.get_executor(), recheck_wanted_ ? std::chrono::milliseconds(kLook) : kRecheckPause);
    co_await pause.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

std::chrono::steady_clock::duration ChangeFollower::age() const {
  return deps_.clock.steady() - SteadyTime(SteadyTime::duration(seen_until_.load(std::memory_order_relaxed)));
}

bool ChangeFollower::follows() const {
  return feed_->state() == storage::ChangeFeed::State::following && age() <= deps_.settings.staleness_max;
}

std::string_view ChangeFollower::state() const {
  const auto state = feed_->state();
  return state == storage::ChangeFeed::State::following && !follows() ? "late" : storage::to_string(state);
}

void ChangeFollower::add_metrics(pipeline::Metrics& metrics) {
  metrics.add_value("gatehouse_feed_connected", "1 while the change feed of the store is followed.", "gauge",
                    [this] { return follows() ? 1.0 : 0.0; });
  metrics.add_value("gatehouse_feed_heartbeat_age_seconds", "How long ago the last heartbeat that was heard was sent.",
                    "gauge", [this] { return std::chrono::duration<double>(age()).count(); });
  std::vector<pipeline::Metrics::Labelled> changes;
  for (const auto& [kind, name] :
       {std::pair(Kind::session_ended, "session_ended"), std::pair(Kind::sessions_ended, "sessions_ended"),
        std::pair(Kind::user_changed, "user_changed"), std::pair(Kind::everything, "everything")}) {
    const auto& count = changes_[static_cast<std::size_t>(kind)];
    changes.push_back({"kind=\"" + std::string(name) + "\"",
                       [&count] { return static_cast<double>(count.load(std::memory_order_relaxed)); }});
  }
  metrics.add_family("gatehouse_feed_changes_total", "Changes that the store's feed has told, by kind.", "counter",
                     std::move(changes));
}

}  // namespace gatehouse::app
