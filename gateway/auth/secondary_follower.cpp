#include "auth/secondary_follower.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>

#include "auth/query.hpp"
#include "base/event.hpp"
#include "base/failure.hpp"

namespace gatehouse::auth {

namespace {

using Kind = storage::Change::Kind;

constexpr std::chrono::milliseconds kEpochLook{100};
constexpr cache::milliseconds kEpochLife = std::chrono::days{400};
constexpr unsigned kWorkersMax = 32;  // changes that are told to Redis at a time
constexpr std::size_t kJobsMax = 10'000;
constexpr std::size_t kSessionsMax = 1'000;  // of one user

}  // namespace

void SecondaryFollower::start() {
  asio::co_spawn(executor_, keep_epoch(), [](const std::exception_ptr&) {});
}

Awaitable<> SecondaryFollower::keep_epoch() {
  SteadyTimer timer(executor_);
  for (;;) {
    try {
      co_await look_after_epoch();
    } catch (const Failure&) {
      // Tried again in a moment; the cache has told the log.
    }
    timer.expires_after(kEpochLook);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

Awaitable<> SecondaryFollower::look_after_epoch() {
  auto task = trust_.begin_settling();
  if (task) {
    co_await settle(std::move(*task));
    co_return;
  }
  auto epoch = co_await redis_.get(std::string(kEpochKey));
  // Somebody has emptied Redis.
  if (!epoch) {
    trust_.distrust();
  } else if (trust_.adopt(std::move(*epoch))) {
    on_new_epoch_();
  }
}

Awaitable<> SecondaryFollower::settle(SessionTrust::Task task) {
  bool settled = false;
  try {
    for (const auto& token : task.to_remove) co_await take_out_session(token);
    // Not a number: one that was lost and counted again could come back to a value that it had.
    const std::string epoch = random_.text(32);
    co_await redis_.set(std::string(kEpochKey), epoch, kEpochLife);
    trust_.finish_settling(task, epoch);
    settled = true;
    on_new_epoch_();
  } catch (const Failure&) {
  }
  if (!settled) trust_.fail_settling(std::move(task));
}

void SecondaryFollower::on_change(const storage::Change& change) {
  if (change.kind == Kind::everything) return trust_.distrust();
  if (jobs_.size() >= kJobsMax) {
    if (change.kind == Kind::session_ended) return trust_.remove_later(change.subject);
    return trust_.distrust();
  }
  jobs_.push_back(std::make_unique<Job>(trust_, change));
  if (workers_ >= kWorkersMax) return;
  ++workers_;
  asio::co_spawn(executor_, work(), [](const std::exception_ptr&) {});
}

Awaitable<> SecondaryFollower::work() {
  while (!jobs_.empty()) {
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    try {
      co_await tell(job->change);
    } catch (const std::exception&) {
      if (job->change.kind == Kind::session_ended) {
        trust_.remove_later(job->change.subject);
      } else {
        trust_.distrust();
      }
    }
  }
  --workers_;
}

Awaitable<> SecondaryFollower::tell(const storage::Change& change) {
  if (change.kind == Kind::session_ended) return take_out_session(change.subject);
  return take_out_sessions_of(change.subject, change.kind == Kind::sessions_ended);
}

Awaitable<> SecondaryFollower::take_out_session(std::string token) {
  const SessionKeys keys(token);
  co_await redis_.invalidate(keys.copy, keys.generation);
  std::vector<std::string> tokens{std::move(token)};
  co_await redis_.remove(std::move(tokens));
}

// What a Node server has written stands, unless a session has ended: it is the Node server's to change.
Awaitable<> SecondaryFollower::take_out_sessions_of(std::string user_id, bool ended) {
  Query query{{R"(SELECT "token" FROM "session" WHERE "userId" = $1 LIMIT 1001)"}, {std::move(user_id)}};
  const auto found = co_await run(database_, std::move(query));
  if (found.rows.size() > kSessionsMax) {
    trust_.distrust();
    co_return;
  }
  for (const auto& row : found.rows) {
    if (ended) {
      co_await take_out_session(row.text(0));
    } else {
      const SessionKeys keys(row.text(0));
      co_await redis_.invalidate(keys.copy, keys.generation);
    }
  }
}

}  // namespace gatehouse::auth
