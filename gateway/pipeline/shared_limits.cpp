#include "pipeline/shared_limits.hpp"

#include "base/failure.hpp"
#include "base/log.hpp"

namespace gatehouse::pipeline {

namespace {

constexpr std::chrono::seconds kGoodFor{1};

}  // namespace

bool LimitStoreState::note_answer() {
  if (works() || clock_.steady() - failed_at_.load(std::memory_order_relaxed) < kGoodFor) return false;
  return !works_.exchange(true, std::memory_order_relaxed);
}

bool LimitStoreState::note_failure() {
  failed_at_.store(clock_.steady(), std::memory_order_relaxed);
  return works_.exchange(false, std::memory_order_relaxed);
}

SharedLimits::SharedLimits(cache::Cache& store, LimitStoreState& state, std::string_view secret)
    : store_(store), state_(state), names_(secret, "gatehouse-route-limits") {}

std::string SharedLimits::bucket(const RouteLimit& limit, config::LimitKey key, std::string_view value) {
  std::string text = limit.name;
  text.append(1, '\0').append(1, static_cast<char>(key.bits())).append(value);
  return "gatehouse:limit:" + names_.make_text(text);
}

Awaitable<std::optional<cache::Metered>> SharedLimits::meter(std::vector<std::string> buckets, cache::Rate rate) {
  std::optional<cache::Metered> metered;
  try {
    metered = co_await store_.meter(std::move(buckets), rate);
    if (state_.note_answer()) log::info("requests of routes are counted in redis again, for all gateways");
  } catch (const Failure& failure) {
    if (state_.note_failure())
      log::warn("requests of routes are not counted in redis, rate_limit.on_store_error decides: {}", failure.what());
  }
  co_return metered;
}

}  // namespace gatehouse::pipeline
