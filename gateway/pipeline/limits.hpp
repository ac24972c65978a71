// What the two files of Pipeline's limits share: when a key can be counted, by what, and how its verdict is told.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "config/limit_key.hpp"
#include "pipeline/rate_limiter.hpp"

namespace gatehouse::pipeline {

struct Context;

// In the order in which they can be trusted.
enum class LimitStage : std::uint8_t { address, session, user };
LimitStage stage_of(config::LimitKey key);

// What requests that share a bucket agree in. A view into `c` or `scratch`.
std::string_view value_of(const Context& c, config::LimitKey key, std::string& scratch);

// `place`: of the key in `by` of the route's rule.
void show_limit(Context& c, std::size_t place, const RateLimiter::Verdict& verdict);
// 429, with what a client needs to come back.
void refuse_limited(Context& c, std::size_t place, const RateLimiter::Verdict& verdict);

}  // namespace gatehouse::pipeline
