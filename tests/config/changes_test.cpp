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

TEST_CASE("routes, upstreams, limits and certificates change without a restart") {
  CHECK(after([](Configuration&) {}) == Changes{});
  CHECK(after([](Configuration& c) {
          c.routes.emplace_back();
          c.upstreams.emplace_back();
          c.gateway.limits.connections = 1;
          c.gateway.tls.push_back({"cert.pem", "key.pem"});
          c.gateway.trusted_origins.push_back("https://example.com");
        }) == Changes{});
}

TEST_CASE("listening addresses, the database, the secret and the options of auth need a restart") {
  CHECK(after([](Configuration& c) { c.gateway.listen.https = SocketAddress{"0.0.0.0", 1}; }) ==
        Changes{"gateway.listen.https"});
  CHECK(after([](Configuration& c) { c.gateway.database.url = Secret("sqlite:x"); }) ==
        Changes{"gateway.database.url"});
  CHECK(after([](Configuration& c) { c.gateway.secret = Secret("after"); }) == Changes{"gateway.secret"});
  CHECK(after([](Configuration& c) {
          c.gateway.auth.session.fresh_age = std::chrono::seconds{1};
          c.gateway.auth.cookie_prefix = "x";
          c.gateway.auth.ip_address.emplace();
        }) ==
        Changes{"gateway.auth.session.fresh_age", "gateway.auth.ip_address", "gateway.auth.advanced.cookie_prefix"});
}
