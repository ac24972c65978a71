// Sessions::load() with a permit: what goes on before it is decided, and what becomes of those who joined.
#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>

#include "tests/auth/secondary_world.hpp"
#include "tests/support/run_until.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;

namespace {

struct World : SharedStores {
  GatewayOfTwo gateway{*this};
  Session session = [this] {
    add_user("u1");
    return gateway.sign_in("u1");
  }();

  struct Load {
    bool ended = false;
    bool withdrawn = false;
    bool failed = false;
    IdentityPtr identity;
  };
  void begin(Load& load, std::shared_ptr<LoadPermit> permit = nullptr) {
    asio::co_spawn(context.get_executor(), gateway.sessions.load(session.token, std::move(permit)),
                   [&load](const std::exception_ptr& thrown, IdentityPtr identity) {
                     load.ended = true;
                     load.identity = std::move(identity);
                     try {
                       if (thrown) std::rethrow_exception(thrown);
                     } catch (const LoadWithdrawn&) {
                       load.withdrawn = true;
                     } catch (...) {
                       load.failed = true;
                     }
                   });
  }
  std::shared_ptr<LoadPermit> make_permit() { return std::make_shared<LoadPermit>(context.get_executor()); }
  bool ends(const Load& load) {
    return run_until(context, [&] { return load.ended; });
  }
};

}  // namespace

TEST_CASE_FIXTURE(World, "the database is asked for a session when the permit is granted, and not before") {
  gateway.database.queries = 0;
  const auto permit = make_permit();
  Load load;
  begin(load, permit);
  run_ready(context);
  CHECK_FALSE(load.ended);
  CHECK(gateway.database.queries == 0);
  permit->decide(true);
  permit->decide(false);
  CHECK(ends(load));
  REQUIRE(load.identity);
  CHECK(load.identity->session.token == session.token);
  CHECK(gateway.database.queries == 1);
}

TEST_CASE_FIXTURE(World, "a load whose permit is refused asks the database nothing and leaves nothing behind") {
  gateway.database.queries = 0;
  gateway.database.down = true;
  const auto permit = make_permit();
  Load load;
  begin(load, permit);
  run_ready(context);
  permit->decide(false);
  CHECK(ends(load));
  CHECK(load.withdrawn);
  CHECK(gateway.database.queries == 0);
  CHECK(gateway.cache.size() == 0);
}

TEST_CASE_FIXTURE(World, "who joined a load that is withdrawn gets the session all the same") {
  gateway.database.queries = 0;
  const auto permit = make_permit();
  const auto other_permit = make_permit();
  Load refused;
  Load free;
  Load granted;
  begin(refused, permit);
  run_ready(context);
  begin(free);
  begin(granted, other_permit);
  run_ready(context);
  CHECK_FALSE(free.ended);
  CHECK(gateway.database.queries == 0);
  other_permit->decide(true);
  permit->decide(false);
  CHECK(ends(refused));
  CHECK(ends(free));
  CHECK(ends(granted));
  CHECK(refused.withdrawn);
  REQUIRE(free.identity);
  REQUIRE(granted.identity);
  CHECK(gateway.database.queries == 1);
}

TEST_CASE_FIXTURE(World, "a session that Redis has needs no permit") {
  gateway.settle("epoch");
  CHECK(gateway.load(session.token));
  gateway.database.queries = 0;
  gateway.cache.drop_all();
  Load load;
  begin(load, make_permit());
  CHECK(ends(load));
  CHECK(load.identity);
  CHECK(gateway.database.queries == 0);
}
