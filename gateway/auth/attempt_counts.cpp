#include "auth/attempt_counts.hpp"

#include <algorithm>
#include <bit>
#include <tuple>

namespace gatehouse::auth {

struct AttemptCounts::Entry {
  AttemptKey key{};  // zeros: free
  LadderCount count;
};

struct AttemptCounts::Shard {
  mutable std::mutex mutex;
  std::vector<Entry> entries;
};

// The counts of one attempt, whose shards are locked while it lives. In the order account, network, pair.
class AttemptCounts::Places {
 public:
  Places(const AttemptCounts& counts, const AttemptKeys& keys)
      : counts_(counts), keys_{keys.account, keys.network, keys.pair} {
    // In one order for everybody, so that no two wait for each other; each once.
    std::array<std::size_t, 3> order{};
    std::size_t size = 0;
    for (const auto& key : keys_) {
      if (key) order[size++] = (*key)[0] % kShards;
    }
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(size);
    std::sort(order.begin(), end);
    const auto last = std::unique(order.begin(), end);
    for (auto shard = order.begin(); shard != last; ++shard) {
      locks_[static_cast<std::size_t>(shard - order.begin())] = std::unique_lock((*counts.shards_)[*shard].mutex);
    }
  }

  LadderCounts load() const { return {load(0), load(1), load(2)}; }

  void store(const LadderCounts& counts, const LadderRules& rules) {
    store(0, counts.account, rules);
    store(1, counts.network, rules);
    store(2, counts.pair, rules);
  }

 private:
  Entry* first_of_set(const AttemptKey& key) const {
    Shard& shard = (*counts_.shards_)[key[0] % kShards];
    return shard.entries.data() + key[0] / kShards % counts_.sets_per_shard_ * kWays;
  }

  LadderCount load(std::size_t which) const {
    if (!keys_[which]) return {};
    const Entry* const first = first_of_set(*keys_[which]);
    const Entry* const found =
        std::find_if(first, first + kWays, [&](const Entry& e) { return e.key == keys_[which]; });
    return found == first + kWays ? LadderCount{} : found->count;
  }

  void store(std::size_t which, const LadderCount& count, const LadderRules& rules) {
    if (!keys_[which]) return;
    Entry* const first = first_of_set(*keys_[which]);
    Entry* entry = std::find_if(first, first + kWays, [&](const Entry& e) { return e.key == keys_[which]; });
    if (entry == first + kWays) {
      if (count.wrong == 0 && count.right_at == WallTime{}) return;
      // Wrong attempts are kept before the memory of who was right; both as long as they still say something.
      entry = std::min_element(first, first + kWays, [&](const Entry& a, const Entry& b) {
        return std::tuple(forgotten_at(a.count, rules), a.count.right_at) <
               std::tuple(forgotten_at(b.count, rules), b.count.right_at);
      });
    }
    *entry = {*keys_[which], count};
  }

  const AttemptCounts& counts_;
  const std::array<std::optional<AttemptKey>, 3> keys_;
  std::array<std::unique_lock<std::mutex>, 3> locks_;
};

AttemptCounts::AttemptCounts(std::size_t entries)
    : sets_per_shard_(std::bit_ceil(std::max<std::size_t>(1, entries / kShards / kWays))),
      shards_(std::make_unique<std::array<Shard, kShards>>()) {
  for (Shard& shard : *shards_) shard.entries.resize(sets_per_shard_ * kWays);
}

AttemptCounts::~AttemptCounts() = default;

AttemptStart AttemptCounts::begin(const AttemptKeys& keys, const LadderRules& rules, bool challenged, WallTime now) {
  Places places(*this, keys);
  LadderCounts counts = places.load();
  const AttemptStart start = begin_attempt(counts, rules, challenged, now);
  if (start.verdict.step == Step::pass) places.store(counts, rules);
  return start;
}

void AttemptCounts::end(const AttemptKeys& keys, const LadderRules& rules, AttemptEnd end, WallTime now) {
  if (end == AttemptEnd::wrong) return;
  Places places(*this, keys);
  LadderCounts counts = places.load();
  end_attempt(counts, rules, end, now);
  places.store(counts, rules);
}

bool AttemptCounts::is_risky(const AttemptKeys& keys, const LadderRules& rules, WallTime now) const {
  const Places places(*this, keys);
  const LadderCounts counts = places.load();
  return forgiven(counts.account, rules, now).wrong >= rules.challenge_after ||
         forgiven(counts.network, for_network(rules), now).wrong >= rules.challenge_after;
}

}  // namespace gatehouse::auth
