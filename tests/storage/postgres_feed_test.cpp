// The change feed on PostgreSQL: what is told, and what outages and missing triggers do.
#include <doctest/doctest.h>

#include <chrono>

#include "storage/change_feed.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"
#include "tests/support/heard_changes.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/run_until.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;
using Kind = Change::Kind;
using State = ChangeFeed::State;

namespace {

struct Following {
  explicit Following(const std::string& url, bool migrated = true) : store(open_store(Secret(url)).value()) {
    if (migrated) migrate();
    feed = store->follow(context.get_executor(), heard, {});
  }
  explicit Following(PostgresServer& server = PostgresServer::shared()) : Following(server.create_database()) {}

  void migrate() {
    const SystemClock clock;
    auto migrator = make_migrator(*database, clock);
    run_coroutine(context, migrator.apply());
    add_session();
  }
  void add_session() {
    query(
        R"(INSERT INTO "user" ("id", "name", "email", "emailVerified") VALUES ('ann', 'Ann', 'ann@example.test', true))");
    query(R"(INSERT INTO "session" ("id", "expiresAt", "token", "updatedAt", "userId")
             VALUES ('s1', now() + interval '1 hour', 't1', now(), 'ann'))");
  }
  ResultSet query(const std::string& sql) { return run_coroutine(context, database->query({sql}, {})); }
  bool catch_up() {
    const auto now = std::chrono::steady_clock::now();
    return run_until(context, [&] { return heard.has_caught_up(now); });
  }
  bool enters(State state) {
    return run_until(context, [&] { return feed->state() == state; });
  }

  std::unique_ptr<Store> store;
  asio::io_context context;
  std::unique_ptr<Database> database = store->connect(context.get_executor());
  HeardChanges heard;
  std::unique_ptr<ChangeFeed> feed;
};

}  // namespace

TEST_CASE("the kinds of changes are told as what they are, in the order of commits") {
  Following db;
  REQUIRE(db.catch_up());
  db.heard.changes.clear();
  db.query(R"(UPDATE "user" SET "name" = 'Ann B')");
  db.query(R"(UPDATE "session" SET "expiresAt" = now() + interval '1 minute')");
  db.query(R"(DELETE FROM "session")");
  db.query(R"(TRUNCATE "session")");
  REQUIRE(db.catch_up());
  CHECK(db.heard.changes == std::vector<Change>{{Kind::user_changed, "ann"},
                                                {Kind::sessions_ended, "ann"},
                                                {Kind::session_ended, "t1"},
                                                {Kind::everything, ""}});
}

TEST_CASE("a connection that is ended from outside comes back, with a change of everything first") {
  Following db;
  REQUIRE(db.catch_up());
  for (const char* name : {"gatehouse feed", "gatehouse"}) {
    db.heard.changes.clear();
    const auto ended = db.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" +
                                std::string(name) + "' AND pid <> pg_backend_pid() AND datname = current_database()");
    CHECK_FALSE(ended.rows.empty());
    REQUIRE(db.catch_up());
    // That of the heartbeats alone loses nothing.
    CHECK(db.heard.has(Kind::everything) == (std::string(name) == "gatehouse feed"));
  }
}

TEST_CASE("a feed follows a server that comes later, crashes, stands still or is slow to start") {
  PostgresServer server;
  const auto url = server.create_database();
  {
    Following db(url);
    REQUIRE(db.catch_up());
  }
  server.kill();
  Following db(url, false);
  db.context.run_for(std::chrono::milliseconds(300));
  CHECK(db.heard.times_seen == 0);
  CHECK(db.feed->state() == State::connecting);
  server.start();
  REQUIRE(db.catch_up());
  server.kill();
  REQUIRE(db.enters(State::connecting));
  const auto seen = db.heard.times_seen;
  db.heard.changes.clear();
  db.context.run_for(std::chrono::milliseconds(500));
  CHECK(db.heard.times_seen == seen);
  server.start();
  REQUIRE(db.catch_up());
  CHECK(db.heard.changes.at(0) == Change{});
}

TEST_CASE("a server that stands still is not heard, and a short pause loses nothing") {
  PostgresServer server;
  Following db(server);
  REQUIRE(db.catch_up());
  db.heard.changes.clear();
  server.freeze();
  db.context.run_for(std::chrono::milliseconds(300));
  const auto frozen = std::chrono::steady_clock::now();
  db.context.run_for(std::chrono::milliseconds(700));
  CHECK_FALSE(db.heard.has_caught_up(frozen));
  server.thaw();
  REQUIRE(db.catch_up());
  CHECK(db.heard.changes.empty());
  server.freeze();
  REQUIRE(db.enters(State::connecting));
  server.thaw();
  REQUIRE(db.catch_up());
  CHECK(db.heard.changes == std::vector<Change>{Change{}});
}

TEST_CASE("without triggers, or with one switched off, nothing counts as seen") {
  Following db(PostgresServer::shared().create_database(), false);
  REQUIRE(db.enters(State::no_triggers));
  CHECK(db.heard.times_seen == 0);
  db.migrate();
  REQUIRE(db.catch_up());
  CHECK(db.feed->state() == State::following);
  db.query(R"(ALTER TABLE "session" DISABLE TRIGGER gatehouse_session_deleted)");
  REQUIRE(db.enters(State::no_triggers));
  db.heard.changes.clear();
  db.query(R"(DELETE FROM "session")");
  db.query(R"(ALTER TABLE "session" ENABLE TRIGGER gatehouse_session_deleted)");
  REQUIRE(db.catch_up());
  CHECK(db.heard.changes == std::vector<Change>{Change{}});
}

TEST_CASE("heartbeats that are sent and not heard, as through a pooler in transaction mode, are told as such") {
  const auto url = PostgresServer::shared().create_database();
  Following direct(url);
  direct.query("CREATE SCHEMA deaf");
  direct.query("CREATE FUNCTION deaf.pg_notify(text, text) RETURNS void LANGUAGE sql AS ''");
  Following db(url + "?options=-c%20search_path%3Ddeaf%2Cpublic%2Cpg_catalog", false);
  REQUIRE(db.enters(State::unheard));
  CHECK(db.heard.times_seen == 0);
  REQUIRE(direct.catch_up());
}

TEST_CASE("a feed follows its own schema alone, and tables that move") {
  const auto url = PostgresServer::shared().create_database();
  Following other(url);
  other.query("CREATE SCHEMA auth");
  Following db(url + "?options=-c%20search_path%3Dauth");
  REQUIRE(db.catch_up());
  REQUIRE(other.catch_up());
  db.heard.changes.clear();
  other.heard.changes.clear();
  other.query(R"(DELETE FROM public."session")");
  REQUIRE(other.catch_up());
  REQUIRE(db.catch_up());
  CHECK(db.heard.changes.empty());
  CHECK(other.heard.has(Kind::session_ended, "t1"));
  other.query(R"(DELETE FROM auth."session")");
  REQUIRE(db.catch_up());
  CHECK(db.heard.has(Kind::session_ended, "t1"));
  other.query(R"(DROP TABLE public."session", public."user" CASCADE)");
  REQUIRE(other.enters(State::no_triggers));
}

TEST_CASE("with several servers only one that takes writes is used") {
  const auto url = PostgresServer::shared().create_database();
  auto first = url;
  const auto host = first.find("127.0.0.1");
  const auto port = first.substr(host + 9, first.find('/', host) - host - 9);
  first.insert(host + 9 + port.size(), ",127.0.0.1" + port);
  const auto read_only = open_store(Secret(first + "?options=-c%20default_transaction_read_only%3Don")).value();
  asio::io_context context;
  const auto database = read_only->connect(context.get_executor());
  CHECK_THROWS(run_coroutine(context, database->query({"SELECT 1"}, {})));
  const auto ordinary = open_store(Secret(first)).value();
  const auto writable = ordinary->connect(context.get_executor());
  CHECK(run_coroutine(context, writable->query({"SELECT 1"}, {})).rows.size() == 1);
}
