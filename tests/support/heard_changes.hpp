// A listener of a change feed that keeps what it hears.
#pragma once
#include <algorithm>
#include <vector>

#include "storage/change_feed.hpp"

namespace gatehouse::tests {

class HeardChanges final : public storage::ChangeFeed::Listener {
 public:
  void on_change(const storage::Change& change) override { changes.push_back(change); }
  void on_seen_until(SteadyTime time) override {
    seen_until = std::max(seen_until, time);
    ++times_seen;
  }

  bool has(storage::Change::Kind kind, const std::string& subject = {}) const {
    return std::ranges::find(changes, storage::Change{kind, subject}) != changes.end();
  }
  // Whether all that was committed before this call was told.
  bool has_caught_up(SteadyTime with) const { return seen_until > with; }

  std::vector<storage::Change> changes;
  SteadyTime seen_until{};
  std::size_t times_seen = 0;
};

}  // namespace gatehouse::tests
