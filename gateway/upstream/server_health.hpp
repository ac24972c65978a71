// What is known of one server's health: a value that events change, the time of each handed in. Who shares it between
// threads, and what is told of it, is server_states.hpp's.
//
// A server is left out in two ways. Passively: after kRow failures in a row, without an answer between them, for a
// while that doubles each time until it has served calmly. Actively: while its health checks fail. Who was left out
// returns slowly, its share growing over kReturn. The numbers are in the range of what Envoy (outlier detection, slow
// start) and HAProxy (fall, rise, slowstart) do by default.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.hpp"
#include "upstream/balance.hpp"

namespace gatehouse::upstream {

class ServerHealth {
 public:
  // A server that fails now and then is told once: it counts as failing until it serves so long after its last failure.
  static constexpr std::chrono::seconds kCalm{10};
  static constexpr unsigned kRow = 5;
  static constexpr std::chrono::seconds kOutFirst{10};
  static constexpr std::chrono::seconds kOutLongest{300};
  static constexpr std::chrono::seconds kReturn{30};
  static constexpr std::uint32_t kFirstShare = kFullShare / 10;
  // Checks in a row that take a server out, and bring it back. Before the first one passed, one is enough.
  static constexpr unsigned kChecksFall = 3;
  static constexpr unsigned kChecksRise = 2;

  // `serves_from` of a server that was never left out, and of one whose end nobody knows.
  static constexpr SteadyTime kAlways = SteadyTime::min();
  static constexpr SteadyTime kNever = SteadyTime::max();

  enum class Change {
    none,
    begins_to_fail,
    left_out,      // for out_for()
    serves_again,  // calmly, after failures()
    checks_fail,   // it is left out until they pass
    checks_pass,
  };

  // `may_leave_out`: others serve in its place, or it cannot serve at all.
  Change on_failure(SteadyTime now, bool may_leave_out);
  // `is_probe`: it was asked although it is left out.
  Change on_answer(SteadyTime now, bool is_probe);
  Change on_check(SteadyTime now, bool passed);

  SteadyTime serves_from() const { return checks_fail_ ? kNever : out_until_; }
  static std::uint32_t share(SteadyTime serves_from, SteadyTime now);

  bool is_failing() const { return failures_ > 0; }
  bool checks_fail() const { return checks_fail_; }
  std::uint64_t failures() const { return failures_; }  // since it began to fail
  SteadyTime::duration failing_time() const { return last_ - began_; }
  std::chrono::seconds out_for() const { return out_for_; }
  // After serves_again.
  void forget_failures() { failures_ = 0; }

 private:
  std::uint64_t failures_ = 0;
  SteadyTime began_{};
  SteadyTime last_{};
  unsigned row_ = 0;
  SteadyTime out_until_ = kAlways;
  std::chrono::seconds out_for_{0};  // the last time that it was left out; 0: not since it served calmly
  bool checks_fail_ = false;
  bool has_passed_ = false;  // a check
  unsigned checks_passed_ = 0;
  unsigned checks_failed_ = 0;
};

}  // namespace gatehouse::upstream
