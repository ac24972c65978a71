#include "pipeline/authorize.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace gatehouse::pipeline {

bool has_role(std::string_view roles, const std::vector<std::string>& wanted) {
  bool found = false;
  for_each_in_list(roles, [&](std::string_view role) {
    found = found || std::find(wanted.begin(), wanted.end(), role) != wanted.end();
  });
  return found;
}

Decision authorize(const config::Route& route, const Caller* caller, WallTime now) {
  using enum Decision::Outcome;
  if (route.auth == config::AuthMode::open) return {};
  if (!caller) {
    if (route.auth == config::AuthMode::optional && route.require.empty()) return {};
    return {unauthenticated, "no_session", "UNAUTHORIZED", "Unauthorized"};
  }
  if (!route.require.role.empty() && !has_role(caller->role, route.require.role))
    return {forbidden, "role_missing", "FORBIDDEN", "You are not allowed to do this"};
  if (route.require.fresh && now - caller->session_created_at >= *route.require.fresh)
    return {forbidden, "session_not_fresh", "SESSION_NOT_FRESH", "Session is not fresh"};
  return {};
}

}  // namespace gatehouse::pipeline
