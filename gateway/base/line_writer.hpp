// Writes lines to a descriptor from a thread of its own, so that whoever logs never waits for the target: when that is
// full or blocked, lines are dropped and counted. Behind the access log and the process log.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace gatehouse {

class LineWriter {
 public:
  // Writes to this descriptor, which stays the caller's. At most so many batches wait to be written.
  LineWriter(int descriptor, std::size_t batches_max);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `count` whole lines. From any thread; never waits.
  void submit(std::string lines, std::uint64_t count);
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  // Writes what was handed over, for at most a second, and ends. What comes later is dropped.
  void stop();

 private:
  struct Batch {
    std::string lines;
    std::uint64_t count;
  };

  void write_batches();
  bool write_all(std::string_view bytes);

  const int descriptor_;
  const std::size_t batches_max_;
  const bool never_blocks_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> hurry_{false};
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Batch> batches_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace gatehouse
