// What the gateway counts, in the Prometheus text format (version 0.0.4). Each thread counts for itself without locks;
// whoever asks adds up.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::pipeline {

// Written by one thread, read by any.
class Counter {
 public:
  void add(std::uint64_t by = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

enum class Destination : std::uint8_t { none, proxy, auth, page, jwks };
inline constexpr std::size_t kDestinations = 5;
std::string_view to_string(Destination destination);

class ThreadMetrics {
 public:
  void count_exchange(Destination destination, int status, std::chrono::microseconds duration);
  // Refusals and failures, by the reason of the access log. `reason` has static storage or is one of few.
  void count_reason(std::string_view reason);

 private:
  friend class Metrics;
  static constexpr std::array<int, 11> kBucketsMs{1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10'000};

  std::array<std::array<Counter, 6>, kDestinations>
      exchanges_;  // by destination and hundreds of the status; 0: no answer
  std::array<std::array<Counter, kBucketsMs.size() + 1>, kDestinations> durations_;
  std::array<Counter, kDestinations> duration_sums_us_;
  std::mutex mutex_;  // guards reasons_: rarely written, rarely read
  std::map<std::string, std::uint64_t, std::less<>> reasons_;
};

// All threads' counters, and values that are read when they are asked for.
class Metrics {
 public:
  // Lives as long as this object. Call before the threads start.
  ThreadMetrics& add_thread();
  // A value of the process: "gatehouse_connections_open", a help text, "gauge" or "counter", and where it is read.
  void add_value(std::string name, std::string help, std::string type, std::function<double()> read);
  // Several of one name, told apart by their labels: `kind="a"`.
  struct Labelled {
    std::string labels;
    std::function<double()> read;
  };
  void add_family(std::string name, std::string help, std::string type, std::vector<Labelled> members);
  // Likewise, where which there are changes with the configuration.
  struct Sample {
    std::string labels;
    double value;
  };
  void add_samples(std::string name, std::string help, std::string type, std::function<std::vector<Sample>()> read);

  std::string to_text() const;

 private:
  struct Value {
    std::string name, help, type;
    std::vector<Labelled> members;
    std::function<std::vector<Sample>()> samples;  // in place of members
  };
  std::vector<std::unique_ptr<ThreadMetrics>> threads_;
  std::vector<Value> values_;
};

}  // namespace gatehouse::pipeline
