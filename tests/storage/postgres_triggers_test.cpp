// What the triggers of migrations/core/0002_change_feed tell, whoever writes.
#include <doctest/doctest.h>

#include <algorithm>

#include "storage/migrator.hpp"
#include "storage/open.hpp"
#include "tests/support/postgres_notifications.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;

namespace {

using Payloads = std::vector<std::string>;

struct Told {
  explicit Told(std::string database_url = PostgresServer::shared().create_database(), const char* before = nullptr)
      : url(std::move(database_url)) {
    if (before != nullptr) query(before);
    const SystemClock clock;
    auto migrator = make_migrator(*database, clock);
    run_coroutine(context, migrator.apply());
    notifications = std::make_unique<PostgresNotifications>(url, channel());
  }

  ResultSet query(const std::string& sql) { return run_coroutine(context, database->query({sql}, {})); }
  std::string channel() {
    return "gatehouse_" +
           query(R"(SELECT relnamespace FROM pg_class WHERE oid = '"session"'::regclass)").rows.at(0).text(0);
  }
  void add_user(const std::string& id) {
    query("INSERT INTO \"user\" (\"id\", \"name\", \"email\", \"emailVerified\") VALUES ('" + id + "', 'N', '" + id +
          "@example.test', true)");
  }
  void add_session(const std::string& token, const std::string& user, const std::string& ends = "interval '1 hour'") {
    query("INSERT INTO \"session\" (\"id\", \"expiresAt\", \"token\", \"updatedAt\", \"userId\") VALUES ('id-" + token +
          "', now() + " + ends + ", '" + token + "', now(), '" + user + "')");
  }
  // What a statement tells, sorted.
  Payloads told(const std::string& sql) {
    query(sql);
    auto payloads = notifications->take();
    std::ranges::sort(payloads);
    return payloads;
  }

  std::string url;
  std::unique_ptr<Store> store = open_store(Secret(url)).value();
  asio::io_context context;
  std::unique_ptr<Database> database = store->connect(context.get_executor());
  std::unique_ptr<PostgresNotifications> notifications;
};

struct WithUsers : Told {
  WithUsers() {
    add_user("ann");
    add_user("ben");
    add_session("a1", "ann");
    add_session("a2", "ann");
    add_session("b1", "ben");
    add_session("old", "ben", "interval '-1 hour'");
  }
};

}  // namespace

TEST_CASE_FIXTURE(WithUsers, "new users and sessions tell nothing") {
  CHECK(notifications->take().empty());
}

TEST_CASE_FIXTURE(WithUsers, "a deleted session tells its token, one that had expired nothing") {
  CHECK(told(R"(DELETE FROM "session" WHERE "token" = 'a1')") == Payloads{"e a1"});
  CHECK(told(R"(DELETE FROM "session" WHERE "token" = 'old')").empty());
  CHECK(told(R"(DELETE FROM "session" WHERE "token" = 'unknown')").empty());
  CHECK(told(R"(DELETE FROM "session")") == Payloads{"e a2", "e b1"});
}

TEST_CASE_FIXTURE(WithUsers, "a renewed session tells its user, never its token") {
  CHECK(told(R"(UPDATE "session" SET "expiresAt" = "expiresAt" + interval '1 day' WHERE "token" = 'a1')") ==
        Payloads{"u ann"});
  CHECK(told(R"(UPDATE "session" SET "userAgent" = 'x')") == Payloads{"e old", "u ann", "u ben"});
}

TEST_CASE_FIXTURE(WithUsers, "a session that is ended or shortened by its time is told as such") {
  CHECK(told(R"(UPDATE "session" SET "expiresAt" = now() WHERE "token" = 'a1')") == Payloads{"e a1"});
  CHECK(told(R"(UPDATE "session" SET "expiresAt" = now() + interval '1 minute' WHERE "token" = 'a2')") ==
        Payloads{"s ann"});
  CHECK(told(R"(UPDATE "session" SET "token" = 'b2' WHERE "token" = 'b1')") == Payloads{"e b1"});
  CHECK(told(R"(UPDATE "session" SET "userId" = 'ann' WHERE "token" = 'b2')") == Payloads{"s ben"});
}

TEST_CASE_FIXTURE(WithUsers, "a changed user is told once, a deleted one with all sessions") {
  CHECK(told(R"(UPDATE "user" SET "name" = 'Ann' WHERE "id" = 'ann')") == Payloads{"u ann"});
  CHECK(told(R"(DELETE FROM "user" WHERE "id" = 'ann')") == Payloads{"e a1", "e a2", "s ann"});
  CHECK(told(R"(TRUNCATE "user" CASCADE)") == Payloads{"a"});
}

TEST_CASE_FIXTURE(WithUsers, "what is rolled back tells nothing") {
  query(R"(DO $$ BEGIN DELETE FROM "session"; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END $$)");
  CHECK(notifications->take().empty());
}

TEST_CASE_FIXTURE(WithUsers, "a purge tells nothing, and many rows at once are told as one change of everything") {
  query(R"(INSERT INTO "session" ("id", "expiresAt", "token", "updatedAt", "userId")
           SELECT 'p' || n, now() - interval '1 day', 'p' || n, now(), 'ann' FROM generate_series(1, 3000) n)");
  CHECK(told(R"(DELETE FROM "session" WHERE "expiresAt" < now())").empty());
  query(R"(INSERT INTO "session" ("id", "expiresAt", "token", "updatedAt", "userId")
           SELECT 'q' || n, now() + interval '1 day', 'q' || n, now(), 'ann' FROM generate_series(1, 3000) n)");
  CHECK(told(R"(DELETE FROM "session" WHERE "id" LIKE 'q%')") == Payloads{"a"});
}

TEST_CASE_FIXTURE(WithUsers, "a token that is too long for a notification does not fail the writer") {
  query(R"(ALTER TABLE "session" DROP CONSTRAINT "session_token_key")");
  query(R"(UPDATE "session" SET "token" = repeat('t', 9000) WHERE "token" = 'a1')");
  notifications->take();
  CHECK(told(R"(DELETE FROM "session" WHERE "id" = 'id-a1')") == Payloads{"a"});
}

TEST_CASE_FIXTURE(WithUsers, "a column whose type cannot be compared does not fail the writer") {
  query(R"(ALTER TABLE "user" ADD COLUMN "settings" json DEFAULT '{}')");
  query(R"(ALTER TABLE "session" ADD COLUMN "device" json DEFAULT '{}')");
  CHECK(told(R"(UPDATE "user" SET "settings" = '{"a": 1}' WHERE "id" = 'ann')") == Payloads{"u ann"});
  CHECK(told(R"(UPDATE "session" SET "device" = '{"a": 1}' WHERE "token" = 'a1')") == Payloads{"u ann"});
}

TEST_CASE_FIXTURE(WithUsers, "a writer with another search_path tells the same") {
  const std::string other = url + "?options=-c%20search_path%3Dpg_temp";
  const auto elsewhere = open_store(Secret(other)).value();
  asio::io_context own;
  const auto writer = elsewhere->connect(own.get_executor());
  run_coroutine(own, writer->query({R"(DELETE FROM public."session" WHERE "token" = 'a1')"}, {}));
  CHECK(notifications->take() == Payloads{"e a1"});
}

TEST_CASE_FIXTURE(WithUsers, "a user who may not make triggers is told who must migrate") {
  query("DROP FUNCTION gatehouse_tell_changes CASCADE");
  query("DELETE FROM gatehouse_migration WHERE name = 'core/0002_change_feed'");
  query("CREATE ROLE stranger LOGIN PASSWORD 'stranger'");
  query("GRANT ALL ON SCHEMA public TO stranger");
  query(R"(GRANT SELECT, INSERT, UPDATE, DELETE ON "user", "session", gatehouse_migration TO stranger)");
  const auto strange = open_store(Secret(url + "?user=stranger&password=stranger")).value();
  asio::io_context own;
  const auto limited = strange->connect(own.get_executor());
  const SystemClock clock;
  auto migrator = make_migrator(*limited, clock);
  try {
    run_coroutine(own, migrator.apply());
    FAIL("no MigrationError");
  } catch (const MigrationError& error) {
    CHECK(std::string(error.what())
              .starts_with("migration core/0002_change_feed failed and was rolled back: its user must own"));
  }
}

TEST_CASE("the triggers are found in the schema of search_path, and schemas do not disturb each other") {
  const auto url = PostgresServer::shared().create_database();
  Told first(url + "?options=-c%20search_path%3Done", "CREATE SCHEMA one");
  Told second(url + "?options=-c%20search_path%3Dtwo", "CREATE SCHEMA two");
  CHECK(first.channel() != second.channel());
  for (Told* told : {&first, &second}) {
    told->add_user("ann");
    told->add_session("a1", "ann");
  }
  CHECK(first.told(R"(DELETE FROM "session")") == Payloads{"e a1"});
  CHECK(second.notifications->take().empty());
  CHECK(second.told(R"(UPDATE "user" SET "name" = 'x')") == Payloads{"u ann"});
  CHECK(first.notifications->take().empty());
}

TEST_CASE("times without a zone are those of UTC, whatever the writer's zone is") {
  Told db(
      PostgresServer::shared().create_database(),
      R"(CREATE TABLE "session" ("id" text PRIMARY KEY, "expiresAt" timestamp, "token" text UNIQUE, "userId" text))");
  db.query(
      R"(INSERT INTO "session" ("id", "expiresAt", "token") VALUES ('1', (now() AT TIME ZONE 'UTC') + interval '1 hour', 'live'),
              ('2', (now() AT TIME ZONE 'UTC') - interval '1 hour', 'old'))");
  const auto zoned = open_store(Secret(db.url + "?options=-c%20TimeZone%3DPacific/Auckland")).value();
  asio::io_context own;
  const auto writer = zoned->connect(own.get_executor());
  run_coroutine(own, writer->query({R"(SET TIME ZONE 'Pacific/Auckland')"}, {}));
  run_coroutine(own, writer->query({R"(DELETE FROM "session")"}, {}));
  CHECK(db.notifications->take() == Payloads{"e live"});
}
