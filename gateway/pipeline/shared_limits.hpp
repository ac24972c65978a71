// Limits of routes where several gateways count together: in Redis, each key a bucket, all keys of a request in one
// step. What is asked and what follows from the answer is Pipeline's (limits_in_store.cpp); here are the names of
// buckets and whether the store answers.
#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/hidden_names.hpp"
#include "base/clock.hpp"
#include "cache/cache.hpp"
#include "config/limit_key.hpp"
#include "pipeline/route_limit.hpp"

namespace gatehouse::pipeline {

// Whether the store of counters answers, as all threads know it. One that fails now and then is told of at most once a
// second.
class LimitStoreState {
 public:
  explicit LimitStoreState(const Clock& clock) : clock_(clock) {}

  // Each is true when it is another thing than before.
  bool note_answer();
  bool note_failure();
  bool works() const { return works_.load(std::memory_order_relaxed); }

 private:
  const Clock& clock_;
  std::atomic<bool> works_{true};
  std::atomic<SteadyTime> failed_at_{SteadyTime()};
};

// One for each thread, as the Cache.
class SharedLimits {
 public:
  // `secret`: the same for all gateways that count together. The others outlive the object.
  SharedLimits(cache::Cache& store, LimitStoreState& state, std::string_view secret);

  // gatehouse:limit:HASH. Tells nobody who reads it what the route or the value is: tokens and addresses are in no key.
  std::string bucket(const RouteLimit& limit, config::LimitKey key, std::string_view value);

  // Absent: the store does not answer.
  Awaitable<std::optional<cache::Metered>> meter(std::vector<std::string> buckets, cache::Rate rate);
  bool store_works() const { return state_.works(); }

 private:
  cache::Cache& store_;
  LimitStoreState& state_;
  auth::HiddenNames names_;
};

}  // namespace gatehouse::pipeline
