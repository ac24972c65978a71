#include "base/deadline.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace gatehouse;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Guarded {
  explicit Guarded(Deadlines& deadlines) : deadline(deadlines, this, &Guarded::on_expiry) {}
  static void on_expiry(void* self) {
    auto& guarded = *static_cast<Guarded*>(self);
    ++guarded.calls;
    if (guarded.set_again) guarded.deadline.set(seconds(1));
    guarded.dies.reset();
  }

  Deadline deadline;
  int calls = 0;
  bool set_again = false;
  std::unique_ptr<Guarded> dies;
};

}  // namespace

TEST_CASE("a deadline is told once, by the first sweep at or after it") {
  ManualClock clock;
  Deadlines deadlines(clock.steady());
  Guarded guarded(deadlines);
  guarded.deadline.set(seconds(1));
  clock.advance(milliseconds(999));
  deadlines.sweep(clock.steady());
  CHECK(guarded.calls == 0);
  CHECK_FALSE(guarded.deadline.expired());
  clock.advance(milliseconds(1));
  deadlines.sweep(clock.steady());
  CHECK(guarded.calls == 1);
  CHECK(guarded.deadline.expired());
  clock.advance(seconds(10));
  deadlines.sweep(clock.steady());
  CHECK(guarded.calls == 1);
}

TEST_CASE("a deadline that is cleared or set anew does not pass") {
  ManualClock clock;
  Deadlines deadlines(clock.steady());
  Guarded cleared(deadlines), later(deadlines), never(deadlines);
  cleared.deadline.set(seconds(1));
  cleared.deadline.clear();
  later.deadline.set(seconds(1));
  later.deadline.set(seconds(3));
  clock.advance(seconds(2));
  deadlines.sweep(clock.steady());
  CHECK(cleared.calls == 0);
  CHECK(later.calls == 0);
  clock.advance(seconds(1));
  deadlines.sweep(clock.steady());
  CHECK(later.calls == 1);
  CHECK(never.calls == 0);
}

TEST_CASE("setting it anew takes the expiry back") {
  ManualClock clock;
  Deadlines deadlines(clock.steady());
  Guarded guarded(deadlines);
  guarded.set_again = true;
  guarded.deadline.set(seconds(1));
  clock.advance(seconds(1));
  deadlines.sweep(clock.steady());
  CHECK(guarded.calls == 1);
  CHECK_FALSE(guarded.deadline.expired());
  clock.advance(seconds(1));
  deadlines.sweep(clock.steady());
  CHECK(guarded.calls == 2);
}

TEST_CASE("deadlines may go while a sweep runs") {
  ManualClock clock;
  Deadlines deadlines(clock.steady());
  auto next = std::make_unique<Guarded>(deadlines);
  next->deadline.set(seconds(1));
  Guarded first(deadlines), last(deadlines);
  first.deadline.set(seconds(1));
  last.deadline.set(seconds(1));
  first.dies = std::move(next);  // the one that the sweep would look at after it
  clock.advance(seconds(1));
  deadlines.sweep(clock.steady());
  CHECK(first.calls == 1);
  CHECK(last.calls == 1);
}
