#include "app/audit_writer.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "app/run_to_end.hpp"
#include "auth/audit_rows.hpp"
#include "base/log.hpp"

namespace gatehouse::app {

namespace {

constexpr int kNiceness = 10;  // behind whoever answers requests
constexpr std::size_t kBatchMax = 200;
constexpr std::size_t kRandomLength = 22;
constexpr std::chrono::minutes kQuiet{1};

}  // namespace

bool AuditRepeats::is_first(const auth::AuditEntry& entry, SteadyTime now) {
  const auth::AuditNote& note = entry.note;
  std::string text(to_string(note.event));
  for (const auto* part : {&note.target, &note.detail, &entry.address}) text.append("\n").append(*part);
  const std::size_t key = std::hash<std::string>()(text);
  Slot& slot = slots_[key % slots_.size()];
  if (slot.key == key && now < slot.until) return false;
  slot = {key, now + kQuiet};
  return true;
}

AuditWriter::AuditWriter(Settings settings, storage::Store& store, const Clock& clock, Random& random,
                         WriteLines write_lines)
    : settings_(settings),
      clock_(clock),
      random_(random),
      write_lines_(std::move(write_lines)),
      database_(store.connect(io_.get_executor(), {.connections = 1})),
      batch_(kBatchMax),
      thread_([this] { work(); }) {}

AuditWriter::~AuditWriter() {
  stop();
}

// What comes with each request of somebody may not push out what happens once.
void AuditWriter::note(auth::AuditEntry entry) {
  if (!settings_.rows && !settings_.lines) return;
  const bool repetitive = is_repetitive(entry.note.event);
  {
    const std::lock_guard lock(mutex_);
    if (repetitive && !repeats_.is_first(entry, clock_.steady())) {
      repeated_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (stopping_ || queue_.size() >= (repetitive ? settings_.queue_max / 2 : settings_.queue_max)) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.push_back(std::move(entry));
  }
  changed_.notify_one();
}

AuditCounts AuditWriter::counts() const {
  const std::lock_guard lock(mutex_);
  return {stored_.load(std::memory_order_relaxed),
          dropped_.load(std::memory_order_relaxed),
          unstored_.load(std::memory_order_relaxed),
          repeated_.load(std::memory_order_relaxed),
          queue_.size() + rows_waiting_.load(std::memory_order_relaxed),
          works_.load(std::memory_order_relaxed)};
}

void AuditWriter::work() {
  ::setpriority(PRIO_PROCESS, 0, kNiceness);
  const auto has_news = [this] { return stopping_ || !queue_.empty(); };
  SteadyTime stop_by{};
  std::unique_lock lock(mutex_);
  for (;;) {
    if (rows_.empty()) {
      changed_.wait(lock, has_news);
    } else if (stop_by == SteadyTime{}) {
      changed_.wait_until(lock, retry_at_, has_news);
    }
    const bool ends = stopping_;
    if (ends && stop_by == SteadyTime{}) stop_by = clock_.steady() + settings_.stop_time;
    auto fresh = std::exchange(queue_, {});
    lock.unlock();
    take(std::move(fresh));
    // At the end there is one more try of each batch, and none after one that failed.
    const bool may_try = ends || clock_.steady() >= retry_at_;
    if (!rows_.empty() && may_try) save_some();
    const bool gives_up = clock_.steady() >= stop_by || !works_.load(std::memory_order_relaxed);
    lock.lock();
    if (ends && (rows_.empty() || gives_up)) break;
  }
  unstored_.fetch_add(rows_.size(), std::memory_order_relaxed);
  rows_waiting_.store(0, std::memory_order_relaxed);
}

void AuditWriter::take(std::vector<auth::AuditEntry> fresh) {
  if (fresh.empty()) return;
  if (settings_.lines) {
    std::string lines;
    for (const auto& entry : fresh) append_audit_line(lines, entry);
    write_lines_(std::move(lines), fresh.size());
  }
  if (!settings_.rows) return;
  for (auto& entry : fresh) {
    if (rows_.size() >= settings_.rows_max) {
      unstored_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    rows_.push_back({"", std::move(entry)});
  }
  rows_waiting_.store(rows_.size(), std::memory_order_relaxed);
}

// A batch that may have been written or not is tried again: an entry's key lets it in once.
void AuditWriter::save_some() {
  const std::size_t count = std::min(batch_, rows_.size());
  try {
    run_to_end(io_, insert(count));
    tell_state(true, "");  // first: who sees that rows are stored sees that the store works
    settle(count, stored_);
    batch_ = kBatchMax;
  } catch (const storage::ConstraintError& error) {
    // One entry that the table does not take must not keep all others out: they are tried one by one.
    if (count == 1) {
      log::error("an entry of the audit trail is refused by the database: {}", error.what());
      settle(1, unstored_);
    }
    batch_ = 1;
  } catch (const std::exception& error) {
    retry_at_ = clock_.steady() + settings_.retry;
    tell_state(false, error.what());
  }
}

void AuditWriter::settle(std::size_t count, std::atomic<std::uint64_t>& counter) {
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
  counter.fetch_add(count, std::memory_order_relaxed);
  rows_waiting_.store(rows_.size(), std::memory_order_relaxed);
}

Awaitable<std::size_t> AuditWriter::insert(std::size_t count) {
  auto transaction = co_await database_->begin();
  for (std::size_t i = 0; i < count; ++i) {
    Row& row = rows_[i];
    // In the order in which they were noted, where several are of the same millisecond.
    if (row.key.empty()) row.key = fmt::format("{:010}{}", ++keys_made_, random_.text(kRandomLength));
    auto query = auth::insert_audit_entry(row.key, row.entry);
    co_await auth::run(*transaction, std::move(query));
  }
  co_await transaction->commit();
  co_return count;
}

// Once per change of state.
void AuditWriter::tell_state(bool works, std::string_view why) {
  if (works_.exchange(works, std::memory_order_relaxed) == works) return;
  if (works) {
    log::info("the audit trail is written again");
  } else {
    log::error("the audit trail waits for the database: {}", why);
  }
}

void AuditWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

}  // namespace gatehouse::app
