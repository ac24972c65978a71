#include "pipeline/authorize.hpp"

#include <doctest/doctest.h>

using namespace gatehouse;
using config::AuthMode;
using config::Route;
using pipeline::authorize;
using pipeline::Caller;
using Outcome = pipeline::Decision::Outcome;

namespace {

const WallTime kNow{std::chrono::milliseconds{1'750'000'000'000}};

Route route_with(AuthMode auth, config::Require require = {}) {
  Route route;
  route.auth = auth;
  route.require = std::move(require);
  return route;
}

}  // namespace

TEST_CASE("authorize asks for a session on a required route") {
  const auto route = route_with(AuthMode::required);
  const Caller caller{"", kNow};
  CHECK(authorize(route, nullptr, kNow).outcome == Outcome::unauthenticated);
  CHECK(authorize(route, nullptr, kNow).code == "UNAUTHORIZED");
  CHECK(authorize(route, &caller, kNow).outcome == Outcome::allow);
}

TEST_CASE("authorize lets everybody through an optional or public route") {
  const Caller caller{"", kNow};
  CHECK(authorize(route_with(AuthMode::optional), nullptr, kNow).outcome == Outcome::allow);
  CHECK(authorize(route_with(AuthMode::optional), &caller, kNow).outcome == Outcome::allow);
  CHECK(authorize(route_with(AuthMode::open), nullptr, kNow).outcome == Outcome::allow);
}

TEST_CASE("authorize holds require on an optional route") {
  const auto route = route_with(AuthMode::optional, {{"admin"}, {}});
  const Caller caller{"user", kNow};
  CHECK(authorize(route, nullptr, kNow).outcome == Outcome::unauthenticated);
  CHECK(authorize(route, &caller, kNow).outcome == Outcome::forbidden);
}

TEST_CASE("authorize takes one of the listed roles out of a comma-separated column") {
  const auto route = route_with(AuthMode::required, {{"staff", "admin"}, {}});
  const auto outcome_of = [&](std::string_view role) {
    const Caller caller{role, kNow};
    return authorize(route, &caller, kNow).outcome;
  };
  CHECK(outcome_of("admin") == Outcome::allow);
  CHECK(outcome_of("user, staff") == Outcome::allow);
  CHECK(outcome_of("") == Outcome::forbidden);
  CHECK(outcome_of("Admin") == Outcome::forbidden);
  CHECK(outcome_of("administrator") == Outcome::forbidden);
  CHECK(outcome_of("staff admin") == Outcome::forbidden);
}

TEST_CASE("authorize refuses a session that is as old as fresh says") {
  const auto route = route_with(AuthMode::required, {{}, std::chrono::minutes{15}});
  const Caller young{"", kNow - std::chrono::minutes{15} + std::chrono::milliseconds{1}};
  const Caller old{"", kNow - std::chrono::minutes{15}};
  CHECK(authorize(route, &young, kNow).outcome == Outcome::allow);
  CHECK(authorize(route, &old, kNow).outcome == Outcome::forbidden);
  CHECK(authorize(route, &old, kNow).reason == "session_not_fresh");
  CHECK(authorize(route, &old, kNow).code == "SESSION_NOT_FRESH");
}

TEST_CASE("authorize needs every requirement at once") {
  const auto route = route_with(AuthMode::required, {{"admin"}, std::chrono::minutes{15}});
  const Caller stale_admin{"admin", kNow - std::chrono::hours{1}};
  const Caller fresh_user{"user", kNow};
  const Caller fresh_admin{"admin", kNow};
  CHECK(authorize(route, &stale_admin, kNow).outcome == Outcome::forbidden);
  CHECK(authorize(route, &fresh_user, kNow).reason == "role_missing");
  CHECK(authorize(route, &fresh_admin, kNow).outcome == Outcome::allow);
}
