#include "app/commands/describe_route.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/keys.hpp"
#include "config/values.hpp"

namespace gatehouse::app {

std::string describe_auth(const config::Route& route) {
  using config::AuthMode;
  std::string text = route.auth == AuthMode::open       ? "public"
                     : route.auth == AuthMode::optional ? "optional"
                                                        : "required";
  if (!route.require.role.empty()) text += fmt::format(", role {}", fmt::join(route.require.role, "|"));
  if (route.require.fresh) text += ", fresh " + config::print_duration(*route.require.fresh);
  return text;
}

std::string describe_methods(const config::Route& route) {
  return route.methods.empty() ? "*" : fmt::format("{}", fmt::join(route.methods, ","));
}

std::string describe_turnstile(const config::Route& route) {
  return config::WordValue<config::TurnstileWords>::print(route.turnstile);
}

std::string describe_rate_limit(const config::Route& route) {
  if (!route.rate_limit) return "none";
  std::string by;
  for (const auto key : route.rate_limit->by) by += (by.empty() ? "" : ", ") + to_string(key);
  return fmt::format("{} per {} by {}", route.rate_limit->limit, config::print_duration(route.rate_limit->window), by);
}

}  // namespace gatehouse::app
