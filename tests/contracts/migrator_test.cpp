// What storage/migrator.hpp promises, for both engines.
#include "storage/migrator.hpp"

#include <doctest/doctest.h>
#include <future>

#include "base/iso_time.hpp"
#include "storage/schema.hpp"
#include "tests/contracts/database_backends.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;

namespace {

using Names = std::vector<std::string>;

// SQLite needs no triggers: its one writer is the gateway, and it sees by itself when another process writes.
Names all_migrations(Engine engine) {
  if (engine == Engine::sqlite) return {"core/0001_core", "core/0003_account_issuer"};
  return {"core/0001_core", "core/0002_change_feed", "core/0003_account_issuer"};
}

template <class Backend>
struct Migrated : Opened<Backend> {
  explicit Migrated() : Opened<Backend>(migration_options()) {}
  bool is_current() { return run_coroutine(this->context, migrator.pending()).empty(); }
  Names apply() {
    Names names;
    for (const auto& migration : run_coroutine(this->context, migrator.apply())) names.push_back(migration.name);
    return names;
  }
  bool table(const char* name) { return run_coroutine(this->context, has_table(*this->database, name)); }
  bool column(const char* table, const char* name) {
    return run_coroutine(this->context, has_column(*this->database, table, name));
  }

  // As Better Auth 1.7's own migration makes it, or with the types and columns of an older one.
  void make_user(const std::string& time, const std::string& more) {
    this->query(
        R"(CREATE TABLE "user" ("id" text NOT NULL PRIMARY KEY, "name" text NOT NULL, "email" text NOT NULL UNIQUE, "emailVerified" )" +
        std::string(Backend::kBoolean) + R"( NOT NULL, "createdAt" )" + time + R"( NOT NULL, "updatedAt" )" + time +
        " NOT NULL" + more + ")");
    this->query(
        R"(INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt") VALUES ('u1', 'Ann', 'ann@example.test', $1, $2, $2))",
        {true, clock.now()});
  }

  ManualClock clock;
  Migrator migrator = make_migrator(*this->database, clock);
};

}  // namespace

TEST_CASE_TEMPLATE("the migrator makes a new database and then has nothing to do", Backend, SqliteBackend,
                   PostgresBackend) {
  Migrated<Backend> db;
  CHECK_FALSE(db.is_current());
  const auto plan = run_coroutine(db.context, db.migrator.plan());
  CHECK(plan.at(0).name == "core/0001_core");
  CHECK(plan.at(0).statements.at(0).starts_with("CREATE TABLE IF NOT EXISTS \"user\""));
  CHECK_FALSE(db.table("gatehouse_migration"));
  CHECK(db.apply() == all_migrations(db.database->engine()));
  CHECK(db.is_current());
  CHECK(db.apply().empty());
  CHECK(db.column("user", "emailVerified"));
  CHECK_FALSE(db.column("user", "role"));
  CHECK_FALSE(db.column("nowhere", "role"));
  CHECK(db.query("SELECT applied_at FROM gatehouse_migration").rows.at(0).time(0) == db.clock.now());
}

TEST_CASE_TEMPLATE("the new database does what Better Auth expects of its own", Backend, SqliteBackend,
                   PostgresBackend) {
  Migrated<Backend> db;
  db.apply();
  const std::string user =
      R"(INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt") VALUES ($1, 'N', $2, $3, $4, $4))";
  const std::string session =
      R"(INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId") VALUES ($1, $2, $1, $2, $2, 'u1'))";
  const auto now = db.clock.now();
  db.query(user, {std::string("u1"), std::string("ann@example.test"), false, now});
  CHECK_THROWS_AS(db.query(user, {std::string("u2"), std::string("ann@example.test"), false, now}), ConstraintError);
  db.query(session, {std::string("s1"), now});
  CHECK_THROWS_AS(db.query(session, {std::string("s1"), now}), ConstraintError);
  db.query(R"(DELETE FROM "user" WHERE "id" = 'u1')");
  CHECK(db.count("session") == 0);
  CHECK_THROWS_AS(db.query(session, {std::string("s2"), now}), ConstraintError);
}

TEST_CASE_TEMPLATE("the migrator adopts an older Better Auth database: rows stay, what is missing is added", Backend,
                   SqliteBackend, PostgresBackend) {
  Migrated<Backend> db;
  const std::string time = Backend::kLocalTime;
  db.make_user(time, R"(, "role" text DEFAULT 'admin')");
  db.query(R"(CREATE TABLE "session" ("id" text PRIMARY KEY, "expiresAt" )" + time +
           R"(, "token" text UNIQUE, "userId" text))");
  db.query(R"(INSERT INTO "session" VALUES ('s1', $1, 't1', 'u1'))", {db.clock.now()});
  CHECK(db.apply() == all_migrations(db.database->engine()));
  const auto user =
      db.query(R"(SELECT "role", "image", "createdAt", "emailVerified" FROM "user" WHERE "id" = 'u1')").rows.at(0);
  CHECK(user.text(0) == "admin");
  CHECK_FALSE(user.optional_text(1));
  CHECK(user.time(2) == db.clock.now());
  CHECK(user.boolean(3));
  const auto session = db.query(R"(SELECT "expiresAt", "ipAddress", "createdAt" FROM "session")").rows.at(0);
  CHECK(session.time(0) == db.clock.now());
  CHECK_FALSE(session.optional_text(1));
  CHECK(session.optional_time(2));
  CHECK(db.column("user", "role"));
  CHECK(db.table("verification"));
}

TEST_CASE_TEMPLATE("a table of the same name that is not Better Auth's fails the migration and leaves nothing behind",
                   Backend, SqliteBackend, PostgresBackend) {
  Migrated<Backend> db;
  db.query("CREATE TABLE session (sid text PRIMARY KEY)");
  try {
    db.apply();
    FAIL("no MigrationError");
  } catch (const MigrationError& error) {
    CHECK(std::string(error.what()) ==
          "the database cannot be served as it is: the table \"session\" has no column \"id\": it is not Better "
          "Auth's, or "
          "has its columns under other names, which are not served");
  }
  CHECK_FALSE(db.table("user"));
  CHECK_FALSE(db.table("gatehouse_migration"));
  CHECK_FALSE(db.column("session", "ipAddress"));
  CHECK(db.query("INSERT INTO session VALUES ('kept')").affected == 1);
}

TEST_CASE_TEMPLATE("a migration that was applied in another form stops the migrator", Backend, SqliteBackend,
                   PostgresBackend) {
  Migrated<Backend> db;
  db.apply();
  db.query("UPDATE gatehouse_migration SET checksum = 'x'");
  CHECK_THROWS_AS(db.is_current(), MigrationError);
  CHECK_THROWS_AS(db.apply(), MigrationError);
}

TEST_CASE_TEMPLATE("what a newer binary has applied does not disturb", Backend, SqliteBackend, PostgresBackend) {
  Migrated<Backend> db;
  db.apply();
  db.query("INSERT INTO gatehouse_migration VALUES ('core/9999_later', 'x', 'y')");
  CHECK(db.is_current());
}

TEST_CASE_TEMPLATE("processes that migrate at the same time apply each migration once", Backend, SqliteBackend,
                   PostgresBackend) {
  const Backend backend;
  std::atomic<std::size_t> applied = 0, wanted = 0;
  std::vector<std::future<void>> processes;
  for (int i = 0; i < 4; ++i) {
    processes.push_back(std::async(std::launch::async, [&] {
      const auto store = open_store(Secret(backend.url()), migration_options()).value();
      asio::io_context context;
      const auto database = store->connect(context.get_executor());
      const SystemClock clock;
      auto migrator = make_migrator(*database, clock);
      applied += run_coroutine(context, migrator.apply()).size();
      wanted = all_migrations(store->engine()).size();
    }));
  }
  for (auto& process : processes) CHECK_NOTHROW(process.get());
  CHECK(applied == wanted);
}

TEST_CASE("tables are found, and made, in the schema of search_path") {
  const auto url = PostgresServer::shared().create_database();
  const auto store = open_store(Secret(url + "?options=-c search_path=auth")).value();
  asio::io_context context;
  const auto database = store->connect(context.get_executor());
  run_coroutine(context, database->query({"CREATE SCHEMA auth"}, {}));
  run_coroutine(context, database->query({R"(CREATE TABLE public."user" (sid text))"}, {}));
  const SystemClock clock;
  CHECK_FALSE(run_coroutine(context, has_column(*database, "user", "sid")));
  auto migrator = make_migrator(*database, clock);
  CHECK(run_coroutine(context, migrator.apply()).size() == all_migrations(Engine::postgres).size());
  CHECK(run_coroutine(context, has_column(*database, "user", "email")));
  CHECK(run_coroutine(context, database->query({R"(SELECT 1 FROM auth."user")"}, {})).rows.empty());
}
