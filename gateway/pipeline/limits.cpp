// The limits of a route, as this gateway counts them: each key as soon as all its parts can be trusted, before what
// costs more. Where gateways count together, this comes first all the same: whoever is over the limit here costs the
// store nothing.
#include "pipeline/limits.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/answer.hpp"
#include "pipeline/context.hpp"
#include "pipeline/pipeline.hpp"

namespace gatehouse::pipeline {

using config::LimitKey;
using config::LimitPart;

LimitStage stage_of(LimitKey key) {
  if (key.has(LimitPart::user)) return LimitStage::user;
  return key.has(LimitPart::session) ? LimitStage::session : LimitStage::address;
}

namespace {

std::string_view reason_of(LimitKey key) {
  if (key == LimitPart::ip) return "limited_ip";
  if (key == LimitPart::session) return "limited_session";
  if (key == LimitPart::user) return "limited_user";
  return key == LimitPart::route ? "limited_route" : "limited_together";
}

std::uint32_t to_seconds(std::chrono::milliseconds time) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

// Who has no session or user counts by the address; whoever has one address of a /64 has them all. A validly signed
// token is a key whether or not its session still lives. `scratch` holds what stands nowhere else.
std::string_view value_of_part(const Context& c, LimitKey part, std::string& scratch) {
  if (part == LimitPart::route) return {};
  if (part == LimitPart::user && c.identity) return c.identity->user.id;
  if (part == LimitPart::session && c.cookie.signature == auth::SessionCookie::Signature::valid) return c.cookie.token;
  if (c.client.is_v4()) return c.client_text;
  return scratch = c.client.masked(64).to_string();
}

}  // namespace

std::string_view value_of(const Context& c, LimitKey key, std::string& scratch) {
  if (!key.is_compound()) return value_of_part(c, key, scratch);
  std::string joined;
  for (const LimitPart part : {LimitPart::user, LimitPart::session, LimitPart::ip, LimitPart::route}) {
    if (!key.has(part)) continue;
    const std::string_view value = value_of_part(c, part, scratch);
    joined.append(std::to_string(value.size())).append(1, ':').append(value);
  }
  return scratch = std::move(joined);
}

void show_limit(Context& c, std::size_t place, const RateLimiter::Verdict& verdict) {
  if (verdict.allowed && c.limit_place != Context::kNoLimit && c.limit_remaining <= verdict.remaining) return;
  c.limit_place = static_cast<std::uint8_t>(place);
  c.limit_remaining = verdict.remaining;
  c.limit_reset_seconds = to_seconds(verdict.reset);
}

void refuse_limited(Context& c, std::size_t place, const RateLimiter::Verdict& verdict) {
  show_limit(c, place, verdict);
  answer_error(c, 429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later.",
               reason_of(c.route().rate_limit->by[place]),
               fmt::format("Retry-After: {}\r\n", std::max(1u, to_seconds(verdict.retry_after))));
}

bool Pipeline::limit_address(Context& c) {
  return take_limits(c, LimitStage::address);
}

bool Pipeline::limit_session(Context& c) {
  return take_limits(c, LimitStage::session);
}

bool Pipeline::limit_user(Context& c) {
  return take_limits(c, LimitStage::user);
}

// True: refused and answered.
bool Pipeline::take_limits(Context& c, LimitStage stage) {
  const auto& rule = c.route().rate_limit;
  if (!rule) return false;
  for (std::size_t place = 0; place < rule->by.size(); ++place) {
    if (stage_of(rule->by[place]) == stage && !take_limit(c, *rule, place)) return true;
  }
  return false;
}

// False: refused and answered.
bool Pipeline::take_limit(Context& c, const config::RateLimit& rule, std::size_t place) {
  const LimitKey key = rule.by[place];
  std::string scratch;
  const auto verdict =
      deps_.limiter.take(rule, c.site.limit_of(c.match).scope_of(key), value_of(c, key, scratch), c.exchange.started);
  if (!verdict.allowed && is_left_to_store(c, rule)) return true;
  if (verdict.allowed) {
    show_limit(c, place, verdict);
  } else {
    give_back_before(c, rule, place);
    refuse_limited(c, place, verdict);
  }
  return verdict.allowed;
}

// A refused request is not counted by any of its keys.
void Pipeline::give_back_before(const Context& c, const config::RateLimit& rule, std::size_t place) {
  const LimitStage stage = stage_of(rule.by[place]);
  for (std::size_t i = 0; i < rule.by.size(); ++i) {
    const LimitStage taken = stage_of(rule.by[i]);
    if (taken > stage || (taken == stage && i >= place)) continue;
    std::string scratch;
    deps_.limiter.give_back(rule, c.site.limit_of(c.match).scope_of(rule.by[i]), value_of(c, rule.by[i], scratch),
                            c.exchange.started);
  }
}

}  // namespace gatehouse::pipeline
