// The limits of a route: each key is counted as soon as all its parts can be trusted, before what costs more.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/answer.hpp"
#include "pipeline/context.hpp"
#include "pipeline/pipeline.hpp"

namespace gatehouse::pipeline {

using config::LimitKey;
using config::LimitPart;

namespace {

std::string_view reason_of(LimitKey key) {
  if (key == LimitPart::ip) return "limited_ip";
  if (key == LimitPart::session) return "limited_session";
  if (key == LimitPart::user) return "limited_user";
  return key == LimitPart::route ? "limited_route" : "limited_together";
}

void refuse(Context& c, const config::RateLimit& rule, LimitKey key, const RateLimiter::Verdict& verdict) {
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::chrono::ceil<std::chrono::seconds>(time).count();
  };
  const auto name = to_string(key);
  // RateLimit fields: draft-ietf-httpapi-ratelimit-headers-10.
  answer_error(c, 429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later.", reason_of(key),
               fmt::format("Retry-After: {}\r\nRateLimit-Policy: \"{}\";q={};w={}\r\nRateLimit: \"{}\";r=0;t={}\r\n",
                           std::max<std::int64_t>(1, seconds(verdict.retry_after)), name, rule.limit,
                           rule.window.count(), name, seconds(verdict.reset)));
}

}  // namespace

bool Pipeline::limit_address(Context& c) {
  return take_limits(c, [](LimitKey key) { return !key.has(LimitPart::session) && !key.has(LimitPart::user); });
}

bool Pipeline::limit_session(Context& c) {
  return take_limits(c, [](LimitKey key) { return key.has(LimitPart::session) && !key.has(LimitPart::user); });
}

bool Pipeline::limit_user(Context& c) {
  return take_limits(c, [](LimitKey key) { return key.has(LimitPart::user); });
}

// True: refused and answered.
bool Pipeline::take_limits(Context& c, bool (*counts_now)(LimitKey)) {
  const auto& rule = c.route().rate_limit;
  if (!rule) return false;
  for (const LimitKey key : rule->by) {
    if (counts_now(key) && !take_limit(c, *rule, key)) return true;
  }
  return false;
}

// False: refused and answered.
bool Pipeline::take_limit(Context& c, const config::RateLimit& rule, LimitKey key) {
  std::string scratch;
  const std::string_view value = key.is_compound() ? (scratch = compound_value(c, key)) : value_of(c, key, scratch);
  // Rules are told apart by route and key; the reserved routes share the rule of `defaults`.
  const std::size_t route = c.match.route ? c.match.route->index + 1 : 0;
  const auto scope = static_cast<std::uint32_t>(route * LimitKey::kCount + key.bits());
  const auto verdict = deps_.limiter.take(rule, scope, value, c.exchange.started);
  if (!verdict.allowed) refuse(c, rule, key, verdict);
  return verdict.allowed;
}

// Who has no session or user counts by the address; whoever has one address of a /64 has them all. A validly signed
// token is a key whether or not its session still lives. `scratch` holds what stands nowhere else.
std::string_view Pipeline::value_of(const Context& c, LimitKey part, std::string& scratch) {
  if (part == LimitPart::route) return {};
  if (part == LimitPart::user && c.identity) return c.identity->user.id;
  if (part == LimitPart::session && c.cookie.signature == auth::SessionCookie::Signature::valid) return c.cookie.token;
  if (c.client.is_v4()) return c.client_text;
  return scratch = c.client.masked(64).to_string();
}

std::string Pipeline::compound_value(const Context& c, LimitKey key) {
  std::string joined;
  for (const LimitPart part : {LimitPart::user, LimitPart::session, LimitPart::ip, LimitPart::route}) {
    if (!key.has(part)) continue;
    std::string scratch;
    const std::string_view value = value_of(c, part, scratch);
    joined.append(std::to_string(value.size())).append(1, ':').append(value);
  }
  return joined;
}

}  // namespace gatehouse::pipeline
