// The limits of a route, as all gateways count them together: asked once this gateway's own limiter has let the request
// through, for all keys that can be trusted by then in one step, and before anything costs a query.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "base/failure.hpp"
#include "pipeline/context.hpp"
#include "pipeline/limits.hpp"
#include "pipeline/pipeline.hpp"

namespace gatehouse::pipeline {

using config::LimitKey;
using config::LimitStoreError;

namespace {

// The part of a session's look-up that goes on beside the limits. Shared, as neither may wait for the other: a request
// that is refused is answered while its look-up still ends, without a query.
struct Load {
  explicit Load(const Executor& executor) : permit(std::make_shared<auth::LoadPermit>(executor)), done(executor) {}
  const std::shared_ptr<auth::LoadPermit> permit;
  Event done;
  auth::IdentityPtr identity;
  std::exception_ptr failed;
};

struct RefuseAtEnd {
  auth::LoadPermit& permit;
  ~RefuseAtEnd() { permit.decide(false); }
};

}  // namespace

// Nobody's attempts to sign in are without a limit because a store is away.
bool Pipeline::is_left_to_store(const Context& c, const config::RateLimit& rule) const {
  return deps_.shared_limits != nullptr && !deps_.shared_limits->store_works() &&
         rule.on_store_error == LimitStoreError::allow && c.destination != Destination::auth;
}

bool Pipeline::counts_with_others(const Context& c) const {
  return deps_.shared_limits != nullptr && c.route().rate_limit.has_value();
}

// Where the session is in memory, all keys are counted in one step. True: refused and answered.
Awaitable<bool> Pipeline::limit_with_others(Context& c) {
  LimitStage first = LimitStage::address;
  if (needs_session(c) && !find_cached_session(c)) {
    const bool refused = co_await load_within_limits(c);
    if (refused) co_return true;
    first = LimitStage::user;
  }
  check_binding(c);
  if (limit_user(c)) co_return true;
  const bool refused = co_await take_in_store(c, first, LimitStage::user);
  co_return refused;
}

// Counts the keys of these stages. True: refused and answered.
Awaitable<bool> Pipeline::take_in_store(Context& c, LimitStage first, LimitStage last) {
  const auto& rule = *c.route().rate_limit;
  const RouteLimit& limit = c.site.limit_of(c.match);
  std::vector<std::size_t> places;
  std::vector<std::string> buckets;
  for (std::size_t place = 0; place < rule.by.size(); ++place) {
    const LimitKey key = rule.by[place];
    if (stage_of(key) < first || stage_of(key) > last) continue;
    std::string scratch;
    places.push_back(place);
    buckets.push_back(deps_.shared_limits->bucket(limit, key, value_of(c, key, scratch)));
  }
  if (places.empty()) co_return false;
  const SteadyTime asked = deps_.clock.steady();
  const cache::Rate rate{.limit = rule.limit, .window = rule.window};
  const auto metered = co_await deps_.shared_limits->meter(std::move(buckets), rate);
  if (metered) co_return judge_metered(c, places, *metered, rate, asked);
  if (rule.on_store_error == LimitStoreError::deny)
    throw Failure(503, "limit_store_unavailable", "the requests of this route cannot be counted");
  co_return false;
}

// What the store knows of others becomes known here too, so that whoever is over the limit is refused here next time.
// The answer is as old as the question: so it never says more than is the case.
bool Pipeline::judge_metered(Context& c, const std::vector<std::size_t>& places, const cache::Metered& metered,
                             cache::Rate rate, SteadyTime asked) {
  const auto& rule = *c.route().rate_limit;
  const RouteLimit& limit = c.site.limit_of(c.match);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const LimitKey key = rule.by[places[i]];
    std::string scratch;
    const auto value = value_of(c, key, scratch);
    if (!metered.passed) deps_.limiter.give_back(rule, limit.scope_of(key), value, c.exchange.started);
    const auto own = metered.passed ? rate.interval() : std::chrono::microseconds(0);
    deps_.limiter.raise(limit.scope_of(key), value, asked, metered.held[i] + own);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto verdict = RateLimiter::judge(rate.limit, rate.interval(), metered.held[i]);
    if (metered.passed) {
      show_limit(c, places[i], verdict);
    } else if (!verdict.allowed) {
      refuse_limited(c, places[i], verdict);
      break;
    }
  }
  return !metered.passed;
}

// The session is looked up while the limits that need no user are counted. True: refused and answered.
Awaitable<bool> Pipeline::load_within_limits(Context& c) {
  const Executor executor = deps_.io.get_executor();
  const auto load = std::make_shared<Load>(executor);
  const RefuseAtEnd refuse_at_end{*load->permit};
  asio::co_spawn(executor, deps_.sessions.load(std::string(c.cookie.token), load->permit),
                 [load](std::exception_ptr failed, auth::IdentityPtr identity) {
                   load->failed = std::move(failed);
                   load->identity = std::move(identity);
                   load->done.set();
                 });
  const bool refused = co_await take_in_store(c, LimitStage::address, LimitStage::session);
  if (refused) co_return true;
  load->permit->decide(true);
  co_await load->done.wait();
  if (load->failed) std::rethrow_exception(load->failed);
  c.identity = std::move(load->identity);
  co_return false;
}

}  // namespace gatehouse::pipeline
