#include "config/changes.hpp"

#include <doctest/doctest.h>

using namespace gatehouse;
using namespace gatehouse::config;

namespace {

using Changes = std::vector<std::string>;

Changes after(void (*change)(Configuration&)) {
  Configuration before;
  before.gateway.secret = Secret("before");
  Configuration changed = before;
  change(changed);
  return changes_that_need_restart(before, changed);
}

}  // namespace

TEST_CASE("routes, upstreams, defaults and tests change without a restart") {
  CHECK(after([](Configuration&) {}) == Changes{});
  CHECK(after([](Configuration& c) {
          c.routes.emplace_back();
          c.upstreams.emplace_back();
          c.tests.emplace_back();
          c.defaults.body_limit = 1;
        }) == Changes{});
}

TEST_CASE("the settings of the process need a restart, each told by its name") {
  CHECK(after([](Configuration& c) { c.gateway.listen.https = SocketAddress{"0.0.0.0", 1}; }) ==
        Changes{"gateway.listen.https"});
  CHECK(after([](Configuration& c) { c.gateway.database.url = Secret("sqlite:x"); }) ==
        Changes{"gateway.database.url"});
  CHECK(after([](Configuration& c) { c.gateway.secret = Secret("after"); }) == Changes{"gateway.secret"});
  CHECK(after([](Configuration& c) {
          c.gateway.limits.connections = 1;
          c.gateway.tls.push_back({"cert.pem", "key.pem"});
        }) == Changes{"gateway.tls", "gateway.limits.connections"});
  CHECK(after([](Configuration& c) {
          c.gateway.auth.session.fresh_age = std::chrono::seconds{1};
          c.gateway.auth.cookie_prefix = "x";
          c.gateway.auth.ip_address.emplace();
        }) ==
        Changes{"gateway.auth.session.fresh_age", "gateway.auth.ip_address", "gateway.auth.advanced.cookie_prefix"});
}
