// Deadlines without timers: each connection has one Deadline, and one sweep per thread looks at all of them every 250
// ms. A timer per operation would cost more than the operations (docs/decisions). What is late by one sweep is still in
// time.
#pragma once
#include <chrono>

#include "base/clock.hpp"

namespace gatehouse {

class Deadlines;

// Member of what it guards; leaves the list when it is destroyed. Lives on the thread of its Deadlines.
class Deadline {
 public:
  using OnExpiry = void (*)(void* owner);

  // `on_expiry` is called from the sweep, once for each time that was set. It must not destroy other deadlines of this
  // thread directly: close a socket or cancel a wait, and let the coroutine that waits there end.
  Deadline(Deadlines& deadlines, void* owner, OnExpiry on_expiry);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(std::chrono::milliseconds from_now);
  void clear() { at_ = SteadyTime::max(); }
  void set_at(SteadyTime at);
  // When it passes; SteadyTime::max(): it is not set, or has passed.
  SteadyTime at() const { return at_; }
  // Whether it passed since it was last set or cleared.
  bool expired() const { return expired_; }

 private:
  friend class Deadlines;
  Deadlines& deadlines_;
  void* owner_;
  OnExpiry on_expiry_;
  SteadyTime at_ = SteadyTime::max();
  bool expired_ = false;
  Deadline* previous_ = nullptr;
  Deadline* next_ = nullptr;
};

// All deadlines of one thread. Its owner calls sweep() regularly.
class Deadlines {
 public:
  static constexpr std::chrono::milliseconds kPeriod{250};

  explicit Deadlines(SteadyTime now) : now_(now) {}
  // The time of the last sweep: near enough for deadlines, and free.
  SteadyTime now() const { return now_; }
  void sweep(SteadyTime now);

 private:
  friend class Deadline;
  SteadyTime now_;
  Deadline* first_ = nullptr;
  Deadline* cursor_ = nullptr;  // the next one that the running sweep looks at
};

}  // namespace gatehouse
