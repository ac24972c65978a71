// What storage/purge.hpp promises, for both engines.
#include "storage/purge.hpp"

#include <doctest/doctest.h>

#include "storage/migrator.hpp"
#include "tests/contracts/database_backends.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;
using std::chrono::hours;

namespace {

template <class Backend>
struct Filled : Opened<Backend> {
  Filled() : Opened<Backend>(migration_options()) {
    auto migrator = make_migrator(*this->database, clock, {"rate_limit"});
    run_coroutine(this->context, migrator.apply());
    this->query(
        R"(INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt") VALUES ('u1', 'N', 'n@example.test', $1, $2, $2))",
        {true, clock.now()});
  }
  // Sessions s1 to sN; every third lives.
  void add_sessions(int count) {
    const auto now = clock.now();
    const auto add = [&](const std::string& which, WallTime expires) {
      this->query(R"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < )" +
                      std::to_string(count) +
                      R"() INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId")
              SELECT 's' || i, $1, 't' || i, $2, $2, 'u1' FROM n WHERE i % 3 )" +
                      which,
                  {expires, now});
    };
    add("= 0", now + hours{1});
    add("<> 0", now - hours{1});
  }
  void add_verification(const std::string& id, WallTime expires) {
    this->query(
        R"(INSERT INTO "verification" ("id", "identifier", "value", "expiresAt", "createdAt", "updatedAt") VALUES ($1, 'i', 'v', $2, $2, $2))",
        {id, expires});
  }
  int run_round() {
    int steps = 1;
    while (run_coroutine(this->context, purger.step())) ++steps;
    return steps;
  }

  ManualClock clock;
  Purger purger{*this->database, clock};
};

}  // namespace

TEST_CASE_TEMPLATE("a round deletes what has expired and nothing else, in batches", Backend, SqliteBackend,
                   PostgresBackend) {
  Filled<Backend> db;
  db.add_sessions(2'500);
  db.add_verification("a", db.clock.now() - hours{1});
  db.add_verification("b", db.clock.now() + hours{1});
  CHECK(db.run_round() == 6);  // 1,000, 1,000, 500 sessions and the end, 2 verifications and the end
  CHECK(db.count("\"session\"") == 833);
  CHECK(db.query(R"(SELECT count(*) FROM "session" WHERE "expiresAt" <= $1)", {db.clock.now()}).rows.at(0).integer(0) ==
        0);
  CHECK(db.query(R"(SELECT "id" FROM "verification")").rows.at(0).text(0) == "b");
  CHECK(db.count("\"verification\"") == 1);
  CHECK(db.purger.sessions() == 1'667);
  CHECK(db.purger.verifications() == 1);
  db.clock.advance(hours{2});
  db.run_round();
  CHECK(db.count("\"session\"") == 0);
  CHECK(db.count("\"verification\"") == 0);
}

TEST_CASE_TEMPLATE("counters that nobody asked for during an hour, or the longest window, go as well", Backend,
                   SqliteBackend, PostgresBackend) {
  for (const auto& [window, left] :
       {std::pair(std::chrono::seconds{60}, 1), std::pair(std::chrono::seconds{7'200}, 2)}) {
    Filled<Backend> db;
    const auto add = [&](const std::string& id, std::chrono::minutes age) {
      const auto last = (db.clock.now() - age).time_since_epoch().count();
      db.query(R"(INSERT INTO "rateLimit" ("id", "key", "count", "lastRequest") VALUES ($1, $1, 3, $2))",
               {id, static_cast<std::int64_t>(last)});
    };
    add("a", std::chrono::minutes{59});
    add("b", std::chrono::minutes{61});
    db.run_round();
    CHECK(db.count("\"rateLimit\"") == 2);
    Purger purger{*db.database, db.clock, {}, {.rate_limit_window = window}};
    while (run_coroutine(db.context, purger.step())) {
    }
    CHECK(db.count("\"rateLimit\"") == left);
    CHECK(purger.rate_limits() == static_cast<std::uint64_t>(2 - left));
  }
}

TEST_CASE_TEMPLATE("entries of the audit trail go when their time is over, the oldest first, in batches", Backend,
                   SqliteBackend, PostgresBackend) {
  Filled<Backend> db;
  auto migrator = make_migrator(*db.database, db.clock, {"audit"});
  run_coroutine(db.context, migrator.apply());
  const auto add = [&](const std::string& prefix, int count, WallTime time) {
    db.query(R"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < )" + std::to_string(count) +
                 R"() INSERT INTO "gatehouse_audit" ("entry", "time", "event", "outcome")
              SELECT ')" +
                 prefix + R"(' || i, $1, 'sign_in', 'ok' FROM n)",
             {time});
  };
  add("old", 1'500, db.clock.now() - hours{48});
  add("new", 10, db.clock.now() - hours{23});
  db.run_round();
  CHECK(db.count("\"gatehouse_audit\"") == 1'510);
  Purger purger{*db.database, db.clock, {true, true}, {.audit_retention = hours{24}}};
  int steps = 1;
  while (run_coroutine(db.context, purger.step())) ++steps;
  CHECK(steps == 3);  // 1,000, 500 and the end
  CHECK(db.count("\"gatehouse_audit\"") == 10);
  CHECK(purger.audit_entries() == 1'500);
}

TEST_CASE_TEMPLATE("what has just expired stays for a minute", Backend, SqliteBackend, PostgresBackend) {
  Filled<Backend> db;
  db.add_verification("a", db.clock.now());
  db.run_round();
  CHECK(db.count("\"verification\"") == 1);
  db.clock.advance(std::chrono::minutes{1});
  db.run_round();
  CHECK(db.count("\"verification\"") == 0);
}

TEST_CASE("while another gateway purges there is nothing to do, and rows that are locked are left alone") {
  Filled<PostgresBackend> db;
  db.add_sessions(10);
  {
    auto other = db.begin();
    db.query(*other, "SELECT pg_advisory_xact_lock(7449363237540230514)");
    Opened<PostgresBackend> second;
    const auto store = open_store(Secret(db.backend.url())).value();
    const auto database = store->connect(second.context.get_executor());
    Purger purger(*database, db.clock);
    CHECK_FALSE(run_coroutine(second.context, purger.step()));
    run_coroutine(db.context, other->commit());
  }
  CHECK(db.count("\"session\"") == 10);
  const auto store = open_store(Secret(db.backend.url())).value();
  asio::io_context context;
  const auto database = store->connect(context.get_executor());
  auto reader = db.begin();
  db.query(*reader, R"(SELECT 1 FROM "session" WHERE "id" = 's1' FOR UPDATE)");
  Purger purger(*database, db.clock);
  while (run_coroutine(context, purger.step())) {
  }
  run_coroutine(db.context, reader->commit());
  CHECK(db.count("\"session\"") == 4);
}
