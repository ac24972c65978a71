#include "storage/migrator.hpp"

#include <doctest/doctest.h>

#include "storage/open.hpp"
#include "storage/schema.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using tests::run_coroutine;

namespace {

struct Fixture {
  std::unique_ptr<Store> store = open_store(Secret("sqlite::memory:")).value();
  asio::io_context context;
  std::unique_ptr<Database> database = store->connect(context.get_executor());
  ManualClock clock;

  ResultSet query(Statement statement) { return run_coroutine(context, database->query(statement, {})); }
  Migrator migrator() { return make_migrator(*database, clock); }
};

}  // namespace

TEST_CASE("the migrator makes a new database and then has nothing to do") {
  Fixture f;
  auto migrator = f.migrator();
  CHECK_FALSE(run_coroutine(f.context, migrator.is_current()));
  CHECK(run_coroutine(f.context, migrator.plan()).at(0).name == "core/0001_core");
  CHECK_FALSE(run_coroutine(f.context, has_table(*f.database, "gatehouse_migration")));
  CHECK(run_coroutine(f.context, migrator.apply()) == std::vector<std::string>{"core/0001_core"});
  CHECK(run_coroutine(f.context, migrator.is_current()));
  CHECK(run_coroutine(f.context, migrator.apply()).empty());
  CHECK(run_coroutine(f.context, has_column(*f.database, "user", "emailVerified")));
  CHECK_FALSE(run_coroutine(f.context, has_column(*f.database, "user", "role")));
  const auto applied = f.query({"SELECT name, applied_at FROM gatehouse_migration"});
  CHECK(applied.rows.at(0).time(1) == f.clock.now());
}

TEST_CASE("the migrator adopts an older Better Auth database, keeps its rows and adds what is missing") {
  Fixture f;
  f.query(
      {R"(CREATE TABLE "user" ("id" text PRIMARY KEY, "name" text, "email" text, "emailVerified" integer, "createdAt" date, "updatedAt" date, "role" text))"});
  f.query({R"(CREATE TABLE "session" ("id" text PRIMARY KEY, "expiresAt" date, "token" text, "userId" text))"});
  f.query(
      {R"(INSERT INTO "user" VALUES ('u1', 'Ann', 'ann@example.test', 1, '2026-01-31T23:59:59.123Z', '2026-01-31T23:59:59.123Z', 'admin'))"});
  f.query({R"(INSERT INTO "session" VALUES ('s1', '2026-01-31T23:59:59.123Z', 't1', 'u1'))"});
  auto migrator = f.migrator();
  CHECK(run_coroutine(f.context, migrator.apply()).size() == 1);
  const auto found = f.query({R"(SELECT "role", "image" FROM "user" WHERE "id" = 'u1')"});
  CHECK(found.rows.at(0).text(0) == "admin");
  CHECK_FALSE(found.rows.at(0).optional_text(1));
  CHECK(f.query({R"(SELECT "ipAddress", "createdAt" FROM "session")"}).rows.size() == 1);
}

TEST_CASE("a table of the same name that is not Better Auth's fails the migration and leaves nothing behind") {
  Fixture f;
  f.query({"CREATE TABLE session (sid text PRIMARY KEY)"});
  auto migrator = f.migrator();
  CHECK_THROWS_AS(run_coroutine(f.context, migrator.apply()), MigrationError);
  CHECK_FALSE(run_coroutine(f.context, has_table(*f.database, "user")));
  CHECK_FALSE(run_coroutine(f.context, has_table(*f.database, "gatehouse_migration")));
  CHECK_FALSE(run_coroutine(f.context, has_column(*f.database, "session", "ipAddress")));
}

TEST_CASE("a migration that was applied in another form stops the migrator") {
  Fixture f;
  auto migrator = f.migrator();
  run_coroutine(f.context, migrator.apply());
  f.query({"UPDATE gatehouse_migration SET checksum = 'x'"});
  CHECK_THROWS_AS(run_coroutine(f.context, migrator.is_current()), MigrationError);
}

TEST_CASE("what a newer binary has applied does not disturb") {
  Fixture f;
  auto migrator = f.migrator();
  run_coroutine(f.context, migrator.apply());
  f.query({"INSERT INTO gatehouse_migration VALUES ('core/9999_later', 'x', 'y')"});
  CHECK(run_coroutine(f.context, migrator.is_current()));
}
