// Renewing sessions that were ended meanwhile, where their rows are kept.
#include <doctest/doctest.h>

#include "tests/auth/secondary_world.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

struct Preserving {
  Preserving() { stores.add_user("u1"); }
  static config::SessionSettings settings() {
    config::SessionSettings settings;
    settings.preserve_session_in_database = true;
    return settings;
  }
  IdentityPtr sign_in_a_while_ago() {
    const auto session = gateway.sign_in("u1");
    stores.clock.advance(48h);
    return stores.run(gateway.sessions.read(session.token));
  }
  bool has_ended(const IdentityPtr& identity) {
    const auto now = stores.run(gateway.sessions.read(identity->session.token));
    return now && gateway.sessions.has_expired(now->session);
  }

  SharedStores stores;
  GatewayOfTwo gateway{stores, settings()};
};

}  // namespace

TEST_CASE("a session that was ended is not renewed by a request that has read it before") {
  Preserving world;
  const auto identity = world.sign_in_a_while_ago();
  world.stores.run(world.gateway.sessions.remove(identity->session.token));
  CHECK(world.stores.run(world.gateway.sessions.renew(identity)) == nullptr);
  CHECK(world.has_ended(identity));
}

TEST_CASE("a session that was ended is not renewed by a request that passes by") {
  Preserving world;
  const auto identity = world.sign_in_a_while_ago();
  world.stores.run(world.gateway.sessions.remove_all("u1"));
  REQUIRE(world.gateway.sessions.begin_refresh(identity->session));
  CHECK(world.stores.run(world.gateway.sessions.refresh(identity)) == nullptr);
  CHECK(world.has_ended(identity));
}

TEST_CASE("a session that another gateway has renewed meanwhile is renewed again") {
  Preserving world;
  const auto identity = world.sign_in_a_while_ago();
  world.stores.run(world.gateway.sessions.renew(identity));
  world.stores.clock.advance(1s);
  const auto renewed = world.stores.run(world.gateway.sessions.renew(identity));
  REQUIRE(renewed);
  CHECK(renewed->session.expires_at == world.stores.clock.now() + 168h);
}
