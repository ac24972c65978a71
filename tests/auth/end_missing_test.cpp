// Sessions::end_missing: which live sessions are ended after something may have been missed.
#include <doctest/doctest.h>

#include <algorithm>

#include "auth/sessions.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

struct World {
  World() {
    auto migrator = storage::make_migrator(*database, clock);
    run_coroutine(context, migrator.apply());
    for (const char* id : {"ann", "ben"}) {
      query(R"(INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
               VALUES ($1, 'N', $1, $2, $3, $3))",
            {std::string(id), true, clock.now()});
    }
    cache.on_session_ended([this](const std::string& token) { ended.push_back(token); });
  }
  void query(const char* sql, storage::Parameters parameters) {
    run_coroutine(context, database->query({sql}, std::move(parameters)));
  }
  void add(const std::string& token, const std::string& user, std::chrono::seconds life = 1h) {
    query(R"(INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId")
             VALUES ($1, $2, $1, $3, $3, $4))",
          {token, clock.now() + life, clock.now(), user});
  }

  ManualClock clock;
  SystemRandom random;
  std::unique_ptr<storage::Store> store = storage::open_store(Secret("sqlite::memory:")).value();
  asio::io_context context;
  std::unique_ptr<storage::Database> database = store->connect(context.get_executor());
  SessionCache cache{clock};
  Sessions sessions{*database, cache, clock, random, {}, {}};
  std::vector<std::string> ended;
};

}  // namespace

TEST_CASE_FIXTURE(World, "sessions that are gone, expired or somebody's who is gone are ended, others are not") {
  add("kept", "ann");
  add("expired", "ann", -1s);
  query("PRAGMA foreign_keys = OFF", {});
  add("orphan", "nobody");
  const auto alive = run_coroutine(context, sessions.end_missing({"kept", "expired", "orphan", "gone"}));
  REQUIRE(alive.size() == 1);
  CHECK(alive[0].token == "kept");
  CHECK(alive[0].expires_at == clock.now() + 1h);
  std::ranges::sort(ended);
  CHECK(ended == std::vector<std::string>{"expired", "gone", "orphan"});
}

TEST_CASE_FIXTURE(World, "as many as there are") {
  std::vector<std::string> tokens;
  for (int i = 0; i < 250; ++i) {
    tokens.push_back("token-" + std::to_string(i));
    if (i % 2 == 0) add(tokens.back(), "ben");
  }
  CHECK(run_coroutine(context, sessions.end_missing(tokens)).size() == 125);
  CHECK(ended.size() == 125);
  ended.clear();
  CHECK(run_coroutine(context, sessions.end_missing({})).empty());
  CHECK(ended.empty());
}
