// Time as the gateway uses it: wall time for what is stored and shown, steady time for deadlines and windows (a clock
// that is set back must not end or prolong a wait). Injected, so that tests move it.
#pragma once
#include <chrono>

namespace gatehouse {

// Milliseconds since the epoch, UTC: the precision of Better Auth's dates.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

// Stands still until told to move. For tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime{std::chrono::milliseconds{1'750'000'000'000}}) : now_(start) {}
  WallTime now() const override { return now_; }
  SteadyTime steady() const override { return steady_; }
  void advance(std::chrono::milliseconds by) {
    now_ += by;
    steady_ += by;
  }

 private:
  WallTime now_;
  SteadyTime steady_{std::chrono::hours{1}};
};

}  // namespace gatehouse
