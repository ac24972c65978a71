// Short-lived proofs, wherever they are kept: as rows of each database, and as keys of Redis.
#include "auth/verifications.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "cache/open.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

struct OnSqlite {
  static std::string url(const TemporaryFolder& folder) { return "sqlite:" + (folder.path() / "test.db").string(); }
  static constexpr bool in_rows = true;
};
struct OnPostgres {
  static std::string url(const TemporaryFolder&) { return PostgresServer::shared().create_database(); }
  static constexpr bool in_rows = true;
};
struct InRedisAlone {
  static std::string url(const TemporaryFolder& folder) { return OnSqlite::url(folder); }
  static constexpr bool in_rows = false;
};

// Two gateways on the same stores.
template <class Kept>
struct World {
  explicit World(config::VerificationSettings::Identifier form = config::VerificationSettings::Identifier::plain) {
    settings.store_identifier = form;
    settings.store_in_database = Kept::in_rows;
    auto migrator = storage::make_migrator(*databases[0], clock);
    run_coroutine(context, migrator.apply());
    for (std::size_t i = 0; i < 2; ++i) {
      gateways.push_back(std::make_unique<Verifications>(*databases[i], Kept::in_rows ? nullptr : caches[i].get(),
                                                         clock, random, settings, storage::SchemaFacts{}));
    }
  }

  template <class T>
  T run(Awaitable<T> call) {
    return run_coroutine(context, std::move(call));
  }
  void create(std::string identifier, std::string value, std::chrono::milliseconds life = 1h) {
    run_coroutine(context, gateways[0]->create(std::move(identifier), std::move(value), clock.now() + life));
  }

  TemporaryFolder folder;
  ManualClock clock;
  SystemRandom random;
  asio::io_context context;
  config::VerificationSettings settings;
  std::unique_ptr<storage::Store> store = storage::open_store(Secret(Kept::url(folder))).value();
  std::vector<std::unique_ptr<storage::Database>> databases = connect(*store);
  std::unique_ptr<cache::SharedCache> redis = cache::open_memory(clock);
  std::vector<std::unique_ptr<cache::Cache>> caches = connect(*redis);
  std::vector<std::unique_ptr<Verifications>> gateways;

 private:
  template <class Source>
  auto connect(Source& source) {
    std::vector<decltype(source.connect(context.get_executor()))> made;
    for (int i = 0; i < 2; ++i) made.push_back(source.connect(context.get_executor()));
    return made;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a verification is found until it is consumed", Kept, OnSqlite, OnPostgres, InRedisAlone) {
  World<Kept> world;
  world.create("reset-password:abc", "user 1");
  CHECK(world.run(world.gateways[1]->find("reset-password:abc")) == "user 1");
  CHECK(world.run(world.gateways[1]->find("reset-password:abc")) == "user 1");
  CHECK(!world.run(world.gateways[1]->find("reset-password:ab")));
  CHECK(world.run(world.gateways[1]->consume("reset-password:abc")) == "user 1");
  CHECK(!world.run(world.gateways[0]->find("reset-password:abc")));
  CHECK(!world.run(world.gateways[0]->consume("reset-password:abc")));
}

TEST_CASE_TEMPLATE("a verification that has expired counts for nothing", Kept, OnSqlite, OnPostgres, InRedisAlone) {
  World<Kept> world;
  world.create("a", "1");
  world.clock.advance(1h);
  CHECK(!world.run(world.gateways[0]->find("a")));
  CHECK(!world.run(world.gateways[0]->consume("a")));
}

TEST_CASE_TEMPLATE("the newest verification of an identifier counts, and no older one after it", Kept, OnSqlite,
                   OnPostgres, InRedisAlone) {
  World<Kept> world;
  world.create("a", "old");
  world.clock.advance(1s);
  world.create("a", "new");
  CHECK(world.run(world.gateways[1]->find("a")) == "new");
  CHECK(world.run(world.gateways[1]->consume("a")) == "new");
  CHECK(!world.run(world.gateways[1]->consume("a")));
}

TEST_CASE_TEMPLATE("of twenty that consume a verification at once, one gets it", Kept, OnSqlite, OnPostgres,
                   InRedisAlone) {
  World<Kept> world;
  world.create("a", "1");
  int ended = 0;
  int got = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    asio::co_spawn(world.context.get_executor(), world.gateways[i % 2]->consume("a"),
                   [&](const std::exception_ptr& failed, const std::optional<std::string>& value) {
                     CHECK(!failed);
                     ++ended;
                     got += value == "1";
                   });
  }
  world.context.restart();
  while (ended < 20 && world.context.run_one() > 0) {
  }
  CHECK(got == 1);
}

TEST_CASE_TEMPLATE("a hashed identifier hides what it was made of", Kept, OnSqlite, OnPostgres, InRedisAlone) {
  World<Kept> world(config::VerificationSettings::Identifier::hashed);
  world.create("reset-password:abc", "user 1");
  const config::VerificationSettings plain{.store_in_database = Kept::in_rows};
  Verifications reader(*world.databases[0], Kept::in_rows ? nullptr : world.caches[0].get(), world.clock, world.random,
                       plain, storage::SchemaFacts{});
  CHECK(!world.run(reader.find("reset-password:abc")));
  CHECK(world.run(reader.find("IMUqJ3lXuvod79AbI4EdsWmdAkZeIP5syfKs7-d5fQQ")) == "user 1");
  CHECK(world.run(world.gateways[0]->consume("reset-password:abc")) == "user 1");
  run_coroutine(world.context, reader.create("reset-password:def", "user 2", world.clock.now() + 1h));
  CHECK(world.run(world.gateways[0]->consume("reset-password:def")) == "user 2");
}

TEST_CASE_TEMPLATE("what no store can hold is not found", Kept, OnSqlite, OnPostgres, InRedisAlone) {
  World<Kept> world;
  CHECK(!world.run(world.gateways[0]->find(std::string("a\0b", 3))));
  CHECK(!world.run(world.gateways[0]->consume("\xff")));
}

TEST_CASE_TEMPLATE("a transaction that is rolled back gives a verification back", Kept, OnSqlite, OnPostgres) {
  World<Kept> world;
  world.create("a", "1");
  auto transaction = world.run(world.databases[0]->begin());
  CHECK(world.run(world.gateways[0]->consume(*transaction, "a")) == "1");
  transaction.reset();
  CHECK(world.run(world.gateways[0]->consume("a")) == "1");
}

TEST_CASE("in Redis a verification is what Better Auth keeps there") {
  World<InRedisAlone> world;
  world.create("a", "1", 90s);
  CHECK(
      world.run(world.caches[0]->get("verification:a")) ==
      R"({"value":"1","identifier":"a","expiresAt":"2025-06-15T15:08:10.000Z","createdAt":"2025-06-15T15:06:40.000Z","updatedAt":"2025-06-15T15:06:40.000Z"})");
}
