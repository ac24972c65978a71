#include "storage/sqlite/sqlite_feed.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/log.hpp"

namespace gatehouse::storage {

namespace {

constexpr std::chrono::milliseconds kLongestPeriod{250};

}  // namespace

SqliteFollower::SqliteFollower(Executor executor, std::unique_ptr<Database> database, ChangeFeed::Listener& listener,
                               FeedOptions options)
    : executor_(executor),
      database_(std::move(database)),
      listener_(listener),
      period_(std::min(kLongestPeriod, options.staleness_max / 4)),
      timer_(executor) {}

void SqliteFollower::start() {
  asio::co_spawn(executor_, run(shared_from_this()), asio::detached);
}

void SqliteFollower::close() {
  database_.reset();
  timer_.cancel();
}

Awaitable<> SqliteFollower::run(std::shared_ptr<SqliteFollower> self) {
  while (self->database_) {
    try {
      co_await self->ask();
    } catch (const std::exception& error) {
      const auto before = self->state_.exchange(ChangeFeed::State::connecting, std::memory_order_relaxed);
      if (before == ChangeFeed::State::following) log::warn("the change feed does not follow: {}", error.what());
    }
    if (!self->database_) break;
    self->timer_.expires_after(self->period_);
    boost::system::error_code cancelled;
    co_await self->timer_.async_wait(asio::redirect_error(use_awaitable, cancelled));
  }
}

// After an outage nothing was missed: another process's writes change the version whenever they happen.
Awaitable<> SqliteFollower::ask() {
  const SteadyTime asked = std::chrono::steady_clock::now();
  const auto answer = co_await database_->query({"PRAGMA data_version"}, {});
  if (!database_) co_return;
  const std::int64_t version = answer.rows.at(0).integer(0);
  if (version_ != version) listener_.on_change({});
  version_ = version;
  listener_.on_seen_until(asked);
  state_.store(ChangeFeed::State::following, std::memory_order_relaxed);
}

}  // namespace gatehouse::storage
