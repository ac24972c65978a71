// What storage/change_feed.hpp promises, for both engines.
#include "storage/change_feed.hpp"

#include <doctest/doctest.h>

#include "storage/migrator.hpp"
#include "tests/contracts/database_backends.hpp"
#include "tests/support/heard_changes.hpp"
#include "tests/support/run_until.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;
using Kind = Change::Kind;

namespace {

template <class Backend>
struct Followed : Opened<Backend> {
  Followed() {
    const SystemClock clock;
    auto migrator = make_migrator(*this->database, clock);
    run_coroutine(this->context, migrator.apply());
    this->query(R"(INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
                   VALUES ('ann', 'Ann', 'ann@example.test', $1, $2, $2))",
                {true, clock.now()});
    for (const char* token : {"one", "two"}) {
      this->query(R"(INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId")
                     VALUES ($1, $2, $1, $2, $2, 'ann'))",
                  {std::string(token), clock.now() + std::chrono::hours(1)});
    }
  }
  void follow() { feed = this->store->follow(this->context.get_executor(), heard, {}); }
  bool catch_up() {
    const auto now = std::chrono::steady_clock::now();
    return run_until(this->context, [&] { return heard.has_caught_up(now); });
  }
  // As another program does it, with a store of its own.
  void elsewhere(const std::string& sql) {
    const auto other = open_store(Secret(this->backend.url())).value();
    asio::io_context io;
    const auto writer = other->connect(io.get_executor());
    run_coroutine(io, writer->query({sql}, {}));
  }

  HeardChanges heard;
  std::unique_ptr<ChangeFeed> feed;
};

}  // namespace

TEST_CASE_TEMPLATE("a feed begins with a change of everything, and then says until when it has seen", Backend,
                   SqliteBackend, PostgresBackend) {
  Followed<Backend> db;
  const auto before = std::chrono::steady_clock::now();
  db.follow();
  CHECK(db.feed->state() == ChangeFeed::State::connecting);
  REQUIRE(db.catch_up());
  CHECK(db.feed->state() == ChangeFeed::State::following);
  CHECK(db.heard.changes == std::vector<Change>{Change{}});
  CHECK(db.heard.seen_until > before);
  REQUIRE(db.catch_up());
  CHECK(db.heard.seen_until <= std::chrono::steady_clock::now());
  CHECK(db.heard.changes.size() == 1);
}

TEST_CASE_TEMPLATE("what another process changes is told before the feed has seen that moment", Backend, SqliteBackend,
                   PostgresBackend) {
  Followed<Backend> db;
  db.follow();
  REQUIRE(db.catch_up());
  for (const char* sql : {R"(DELETE FROM "session" WHERE "token" = 'one')", R"(UPDATE "user" SET "name" = 'Ann B')",
                          R"(DELETE FROM "user")"}) {
    db.heard.changes.clear();
    db.elsewhere(sql);
    REQUIRE(db.catch_up());
    CHECK_FALSE(db.heard.changes.empty());
  }
}

TEST_CASE_TEMPLATE("a feed says less often, and still often enough, where more staleness is allowed", Backend,
                   SqliteBackend, PostgresBackend) {
  Followed<Backend> db;
  db.feed = db.store->follow(db.context.get_executor(), db.heard, {.staleness_max = std::chrono::milliseconds{500}});
  REQUIRE(db.catch_up());
  CHECK(run_until(db.context, [&] { return db.heard.times_seen >= 5; }));
}

TEST_CASE_TEMPLATE("a feed may go at any moment", Backend, SqliteBackend, PostgresBackend) {
  Followed<Backend> db;
  for (int i = 0; i < 20; ++i) {
    db.follow();
    for (int step = 0; step < i; ++step) db.context.run_one_for(std::chrono::milliseconds(20));
    db.feed.reset();
    db.heard.changes.clear();
    run_ready(db.context);
    CHECK(db.heard.changes.empty());
  }
  db.follow();  // and goes with its io_context suspended
  db.context.run_one_for(std::chrono::milliseconds(20));
  db.feed.reset();
}

TEST_CASE("payloads are understood, and what is not is a change of everything") {
  CHECK(parse_change("e token") == Change{Kind::session_ended, "token"});
  CHECK(parse_change("e a b\nc") == Change{Kind::session_ended, "a b\nc"});
  CHECK(parse_change("s ann") == Change{Kind::sessions_ended, "ann"});
  CHECK(parse_change("u ann") == Change{Kind::user_changed, "ann"});
  for (const char* payload : {"a", "", "e", "e ", "x ann", "ea", "E token"}) CHECK(parse_change(payload) == Change{});
}
