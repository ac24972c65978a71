// The rate limit of a route as requests meet it: what is the same for all of them is made once for a site.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::pipeline {

struct RouteLimit {
  explicit RouteLimit(const config::Route& route);

  // Told apart by it: the same for the same route and rule on every gateway and after each reload.
  std::string name;
  std::uint64_t scope = 0;  // the same in this process
  // For each key of the rule the lines of RateLimit-Policy and RateLimit, up to the number that is left
  // (draft-ietf-httpapi-ratelimit-headers-10).
  std::vector<std::string> fields;

  std::uint64_t scope_of(config::LimitKey key) const { return scope * config::LimitKey::kCount + key.bits(); }
};

// Of `defaults`, which the reserved routes have together, and then of each route.
std::vector<RouteLimit> make_route_limits(const config::Configuration& configuration);

}  // namespace gatehouse::pipeline
