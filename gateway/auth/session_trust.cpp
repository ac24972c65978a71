#include "auth/session_trust.hpp"

#include <algorithm>
#include <iterator>

#include "base/log.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::chrono::milliseconds kProbePause{500};

}  // namespace

SessionTrust::Change::Change(SessionTrust& trust, std::string subject) : trust_(trust) {
  const std::lock_guard lock(trust_.mutex_);
  place_ = trust_.changing_.insert(trust_.changing_.end(), std::move(subject));
}

SessionTrust::Change::~Change() {
  const std::lock_guard lock(trust_.mutex_);
  trust_.changing_.erase(place_);
}

// A server that is not the one on which the epoch was moved on may have lost, or got back, anything. A lost connection
// alone is no such thing: a change that could not be told over it was distrusted then.
bool SessionTrust::counts_now() const {
  return !epoch_.empty() && distrusts_ == settled_distrusts_ && redis_.health().servers == settled_servers_;
}

SessionTrust::View SessionTrust::view() const {
  const std::lock_guard lock(mutex_);
  View view;
  if (!counts_now()) return view;
  view.epoch = epoch_;
  view.overwhelmed = changing_.size() > kChangingMax;
  if (!view.overwhelmed) view.changing.assign(changing_.begin(), changing_.end());
  return view;
}

bool SessionTrust::still_counts(const View& view) const {
  const std::lock_guard lock(mutex_);
  return !view.epoch.empty() && counts_now() && epoch_ == view.epoch;
}

bool SessionTrust::is_changing(const View& view, const Identity& identity) {
  return view.overwhelmed || std::ranges::any_of(view.changing, [&](const std::string& subject) {
           return subject == identity.session.token || subject == identity.user.id;
         });
}

void SessionTrust::distrust() {
  const std::lock_guard lock(mutex_);
  ++distrusts_;
}

void SessionTrust::remove_later(std::string token) {
  const std::lock_guard lock(mutex_);
  ++distrusts_;
  if (to_remove_.size() < kRemovalsMax) {
    to_remove_.push_back(std::move(token));
  } else if (to_remove_.size() == kRemovalsMax) {
    to_remove_.emplace_back();
    log::warn(
        "redis: over {} sessions ended while it was away; values of further ones stay until their end, and only "
        "servers that do not ask the database believe them",
        kRemovalsMax);
  }
}

std::optional<SessionTrust::Task> SessionTrust::begin_settling() {
  const std::lock_guard lock(mutex_);
  if (counts_now()) return std::nullopt;
  return Task{distrusts_, redis_.health().servers, std::exchange(to_remove_, {})};
}

void SessionTrust::finish_settling(const Task& task, std::string epoch) {
  const std::lock_guard lock(mutex_);
  settled_distrusts_ = task.distrusts;
  settled_servers_ = task.servers;
  epoch_ = std::move(epoch);
}

void SessionTrust::fail_settling(Task task) {
  const std::lock_guard lock(mutex_);
  to_remove_.insert(to_remove_.begin(), std::make_move_iterator(task.to_remove.begin()),
                    std::make_move_iterator(task.to_remove.end()));
}

bool SessionTrust::adopt(std::string epoch) {
  const std::lock_guard lock(mutex_);
  if (epoch_.empty() || epoch_ == epoch) return false;
  epoch_ = std::move(epoch);
  return true;
}

void SessionTrust::database_failed() {
  next_probe_.store((clock_.steady() + kProbePause).time_since_epoch().count(), std::memory_order_release);
  database_down_.store(true, std::memory_order_release);
}

bool SessionTrust::may_probe() {
  auto due = next_probe_.load(std::memory_order_acquire);
  const SteadyTime now = clock_.steady();
  if (now.time_since_epoch().count() < due) return false;
  return next_probe_.compare_exchange_strong(due, (now + kProbePause).time_since_epoch().count(),
                                             std::memory_order_acq_rel);
}

}  // namespace gatehouse::auth
