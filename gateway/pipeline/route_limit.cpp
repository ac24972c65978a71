#include "pipeline/route_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace gatehouse::pipeline {

namespace {

// The rule is part of it, so that a rule that was changed holds from its first request: what was counted by another one
// says nothing of it. None may contain a line feed.
std::string name_of(const config::Route& route) {
  std::string name = route.host + "\n" + route.path;
  std::vector<std::string> methods = route.methods;
  std::ranges::sort(methods);
  for (const auto& method : methods) name.append("\n").append(method);
  if (route.rate_limit)
    name.append(fmt::format("\n{} in {}", route.rate_limit->limit, route.rate_limit->window.count()));
  return name;
}

}  // namespace

RouteLimit::RouteLimit(const config::Route& route) : name(name_of(route)), scope(std::hash<std::string_view>()(name)) {
  if (!route.rate_limit) return;
  for (const auto key : route.rate_limit->by) {
    const auto policy = to_string(key);
    fields.push_back(fmt::format("RateLimit-Policy: \"{0}\";q={1};w={2}\r\nRateLimit: \"{0}\";r=", policy,
                                 route.rate_limit->limit, route.rate_limit->window.count()));
  }
}

std::vector<RouteLimit> make_route_limits(const config::Configuration& configuration) {
  std::vector<RouteLimit> limits{RouteLimit(configuration.defaults)};
  for (const auto& route : configuration.routes) limits.emplace_back(route);
  return limits;
}

}  // namespace gatehouse::pipeline
