// The time that a configuration promises for one thing, shared by all tries at it: a try that another one may follow
// gets half of what is left, the last one all of it. So one that does not answer leaves time for one that does, and
// all of them together take no longer than one alone might.
//
// What is late is seen by a sweep. A time that is shorter than two of them is spread over two, so that a second try
// comes about there, too.
#pragma once
#include <algorithm>
#include <chrono>

#include "base/deadline.hpp"

namespace gatehouse::upstream {

class SharedTime {
 public:
  // `deadlines` outlives this and what is made of it.
  SharedTime(const Deadlines& deadlines, std::chrono::milliseconds at_most)
      : SharedTime(deadlines, at_most, deadlines.now() + std::max(at_most, 2 * Deadlines::kPeriod)) {}

  // Of the next try. `another_may_follow`: when it fails.
  SharedTime share(bool another_may_follow) const {
    const auto all = until_ - deadlines_->now();
    const auto part =
        another_may_follow ? std::min(all, std::max(all / 2, SteadyTime::duration(Deadlines::kPeriod))) : all;
    return {*deadlines_, at_most_, deadlines_->now() + part};
  }

  // Of one try: never more than what was promised.
  std::chrono::milliseconds left() const {
    return std::min(at_most_, std::chrono::duration_cast<std::chrono::milliseconds>(until_ - deadlines_->now()));
  }
  bool is_over() const { return deadlines_->now() >= until_; }

 private:
  SharedTime(const Deadlines& deadlines, std::chrono::milliseconds at_most, SteadyTime until)
      : deadlines_(&deadlines), at_most_(at_most), until_(until) {}

  const Deadlines* deadlines_;
  std::chrono::milliseconds at_most_;
  SteadyTime until_;
};

}  // namespace gatehouse::upstream
