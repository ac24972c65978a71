#include "auth/rate_limit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/row_id.hpp"
#include "base/log.hpp"

namespace gatehouse::auth {

namespace {

using Storage = config::AuthRateLimit::Storage;
using std::chrono::seconds;

constexpr seconds kPauseAfterFailure{1};

// Clocks of gateways differ a little.
constexpr seconds kClockDifference{60};

// The decision and the count are one statement. No row: refused. $1: the key, $2: now, $3: where the window began that
// would still count, $4: the most, $5: what no clock can have said yet, unless it was wrong, $6: the id, where the
// gateway makes it.
std::string take_text(bool with_id) {
  return fmt::format(R"(INSERT INTO "rateLimit" ({}"key", "count", "lastRequest") VALUES ({}$1, 1, $2)
       ON CONFLICT ("key") DO UPDATE SET
         "count" = CASE WHEN "rateLimit"."lastRequest" <= $3 OR "rateLimit"."lastRequest" > $5 THEN 1
                   ELSE "rateLimit"."count" + 1 END,
         "lastRequest" = $2
         WHERE "rateLimit"."lastRequest" <= $3 OR "rateLimit"."lastRequest" > $5 OR "rateLimit"."count" < $4
       RETURNING "count")",
                     with_id ? R"("id", )" : "", with_id ? "$6, " : "");
}

const std::string kTake = take_text(true);
const std::string kTakeWithSerialId = take_text(false);
const storage::Statement kLast{R"(SELECT "lastRequest" FROM "rateLimit" WHERE "key" = $1)"};

}  // namespace

Awaitable<RateRefusal> RateLimit::take(std::string address, std::string path, std::string endpoint) {
  const auto& settings = deps_.settings.rate_limit;
  if (!settings.enabled.value_or(false)) co_return std::nullopt;
  if (deps_.settings.ip_address && deps_.settings.ip_address->disable_ip_tracking) co_return std::nullopt;
  const auto bucket = choose_bucket(settings, normalize_rate_path(path));
  if (!bucket) co_return std::nullopt;
  std::string key = address.empty() ? std::string("no-trusted-ip") : std::move(address);
  key.append("|").append(endpoint.empty() ? bucket->name : std::string_view(endpoint));
  // Also where the store decides: when it goes away in the middle of a burst, what has passed must count.
  const RateRefusal own = deps_.memory.take(key, bucket->rule);
  // The database counts by the same rule, and all that passed here: whoever is refused here costs it nothing. A window
  // in Redis is another one, whose end is not known.
  const bool is_decided = !asks_store() || (own && !is_in_cache());
  if (!is_decided && deps_.clock.steady() >= store_asked_from_) {
    try {
      auto refusal = co_await ask_store(key, bucket->rule);
      if (deps_.memory.note_store(true)) log::info("requests of the auth endpoints are counted in the store again");
      if (refusal && !is_in_cache()) deps_.memory.close(key, bucket->rule, *refusal);
      co_return refusal;
    } catch (const std::exception& error) {
      note_failure(error.what());
    }
  }
  co_return own;
}

// Never fewer limits because of that: who could take the store away would have as many attempts as he likes.
void RateLimit::note_failure(const char* what) {
  store_asked_from_ = deps_.clock.steady() + kPauseAfterFailure;
  if (deps_.memory.note_store(false))
    log::warn("requests of the auth endpoints are counted by each gateway for itself: {}", what);
}

bool RateLimit::asks_store() const {
  return deps_.settings.rate_limit.storage.value_or(Storage::memory) != Storage::memory;
}

bool RateLimit::is_in_cache() const {
  return deps_.settings.rate_limit.storage == Storage::secondary_storage && deps_.cache != nullptr;
}

Awaitable<RateRefusal> RateLimit::ask_store(std::string key, config::AuthRateRule rule) {
  return is_in_cache() ? ask_cache(std::move(key), rule) : ask_database(std::move(key), rule);
}

Awaitable<RateRefusal> RateLimit::ask_database(std::string key, config::AuthRateRule rule) {
  const auto milliseconds = [](auto time) { return static_cast<std::int64_t>(time.count()); };
  const auto now = deps_.clock.now();
  const std::chrono::milliseconds window = rule.window;
  storage::Parameters values{key, milliseconds(now.time_since_epoch()), milliseconds((now - window).time_since_epoch()),
                             static_cast<std::int64_t>(rule.max),
                             milliseconds((now + window + kClockDifference).time_since_epoch())};
  const bool serial = ids_ == storage::IdKind::serial;
  if (!serial) values.emplace_back(make_row_id(ids_, deps_.random));
  const auto counted = co_await deps_.database.query({serial ? kTakeWithSerialId : kTake}, std::move(values));
  if (!counted.rows.empty()) co_return std::nullopt;
  storage::Parameters of_key{std::move(key)};
  const auto found = co_await deps_.database.query(kLast, std::move(of_key));
  if (found.rows.empty()) co_return seconds(1);
  const WallTime last{std::chrono::milliseconds(found.rows.front().integer(0))};
  co_return std::clamp(std::chrono::ceil<seconds>(last + window - now), seconds(1), rule.window);
}

// As Better Auth's counters there: a window that does not slide, and whose end is not known.
Awaitable<RateRefusal> RateLimit::ask_cache(std::string key, config::AuthRateRule rule) {
  const auto count = co_await deps_.cache->increment(std::move(key), rule.window);
  if (count <= static_cast<std::int64_t>(rule.max)) co_return std::nullopt;
  co_return rule.window;
}

}  // namespace gatehouse::auth
