// Keeps the audit trail of the running gateway: a bounded queue, and one thread that writes each entry as a line of the
// log at once and as a row of the database in batches. Who notes something waits for nothing, and a database that is
// down fails nothing: its entries wait for it, and what does not fit any more is counted.
#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "auth/audit.hpp"
#include "base/random.hpp"
#include "storage/open.hpp"

namespace gatehouse::app {

// Of events that may come with each request the first in a minute is kept, for each client and what it is about. A
// table of fixed size: what does not fit makes more entries, never fewer.
class AuditRepeats {
 public:
  bool is_first(const auth::AuditEntry& entry, SteadyTime now);

 private:
  struct Slot {
    std::size_t key = 0;
    SteadyTime until{};
  };
  std::array<Slot, 1024> slots_{};
};

// Entries since the start; any thread.
struct AuditCounts {
  std::uint64_t stored = 0;    // rows
  std::uint64_t dropped = 0;   // that are neither a row nor a line: the queue was full, or the gateway ended
  std::uint64_t unstored = 0;  // that are no row: the database was away for too long, or does not take them
  std::uint64_t repeated = 0;  // left out, as the same was kept a moment before
  std::size_t waiting = 0;
  bool store_works = true;
};

class AuditWriter final : public auth::AuditTrail {
 public:
  struct Settings {
    bool rows = true;
    bool lines = true;
    std::size_t queue_max = 4'096;  // that wait for the thread
    std::size_t rows_max = 20'000;  // that wait for the database
    std::chrono::milliseconds retry{1'000};
    std::chrono::milliseconds stop_time{3'000};  // in which stop() still writes what waits
  };
  using WriteLines = std::function<void(std::string lines, std::uint64_t count)>;

  // `store` may not be ready yet: entries wait for it.
  AuditWriter(Settings settings, storage::Store& store, const Clock& clock, Random& random, WriteLines write_lines);
  ~AuditWriter() override;

  void note(auth::AuditEntry entry) override;
  AuditCounts counts() const;
  // Writes what waits, for at most stop_time, and ends the thread. What comes later is dropped.
  void stop();

 private:
  struct Row {
    std::string key;  // from the first try on
    auth::AuditEntry entry;
  };

  void work();
  void take(std::vector<auth::AuditEntry> fresh);
  void save_some();
  void settle(std::size_t count, std::atomic<std::uint64_t>& counter);
  Awaitable<std::size_t> insert(std::size_t count);
  void tell_state(bool works, std::string_view why);

  const Settings settings_;
  const Clock& clock_;
  Random& random_;
  const WriteLines write_lines_;
  std::atomic<std::uint64_t> stored_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> unstored_{0};
  std::atomic<std::uint64_t> repeated_{0};
  std::atomic<std::size_t> rows_waiting_{0};
  std::atomic<bool> works_{true};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<auth::AuditEntry> queue_;
  AuditRepeats repeats_;
  bool stopping_ = false;
  // The thread's alone.
  asio::io_context io_{1};
  std::unique_ptr<storage::Database> database_;
  std::deque<Row> rows_;
  std::size_t batch_;
  std::uint64_t keys_made_ = 0;
  SteadyTime retry_at_{};
  std::thread thread_;
};

}  // namespace gatehouse::app
