// The limit of the auth endpoints as clients meet it, and endpoints that are switched off.
#include <doctest/doctest.h>

#include "auth/rate_limit.hpp"
#include "base/random.hpp"
#include "cache/open.hpp"
#include "tests/features/auth_server.hpp"
#include "tests/support/failing_database.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Storage = config::AuthRateLimit::Storage;

namespace {

config::AuthSettings limited(Storage storage) {
  auto settings = AuthServer::default_settings();
  settings.rate_limit.enabled = true;
  settings.rate_limit.storage = storage;
  settings.rate_limit.custom_rules = {{"/ok", config::AuthRateRule{seconds(5), 2}}};
  return settings;
}

std::vector<int> statuses(Browser& browser, const char* path, int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(browser.get(path).status);
  return all;
}

}  // namespace

TEST_CASE("over the limit the answer is 429 and says when to come back, whatever the endpoint would have said") {
  for (const auto storage : {Storage::memory, Storage::database}) {
    CAPTURE(static_cast<int>(storage));
    AuthServer server{limited(storage)};
    Browser browser{server};
    for (int i = 0; i < 3; ++i) CHECK(browser.post("/sign-in/email", {{"email", "x"}}).status == 400);
    const auto refused = browser.post("/sign-in/email", {{"email", "x"}});
    CHECK(refused.status == 429);
    CHECK(refused.body == R"({"message":"Too many requests. Please try again later."})");
    CHECK(refused.header("Content-Type") == "application/json");
    CHECK(refused.header("X-Retry-After") == "10");
    CHECK(refused.header("Retry-After") == "10");
    CHECK(browser.get("/sign-in/email").status == 429);
    CHECK(browser.get("/sign-in/email/").status == 429);
    CHECK(browser.get("/sign-in/email?x=1").status == 429);
    CHECK(browser.post("/sign-up/email", {{"email", "x"}}).status == 400);
    server.clock.advance(milliseconds(7'500));
    CHECK(browser.get("/sign-in/email").header("X-Retry-After") == "3");
    server.clock.advance(milliseconds(2'500));
    CHECK(browser.post("/sign-in/email", {{"email", "x"}}).status == 400);
  }
}

TEST_CASE("counters in the database are rows as Better Auth writes them, one for an address and a path") {
  AuthServer server{limited(Storage::database)};
  Browser browser{server};
  CHECK(statuses(browser, "/ok", 3) == std::vector<int>{200, 200, 429});
  const auto rows = server.query(R"(SELECT "key", "count", "lastRequest", length("id") FROM "rateLimit")").rows;
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].text(0) == "192.0.2.1|/ok");
  CHECK(rows[0].integer(1) == 2);
  CHECK(rows[0].integer(2) == 1'750'000'000'000);
  CHECK(rows[0].integer(3) == 32);
  server.clock.advance(seconds(5));
  CHECK(statuses(browser, "/ok", 1) == std::vector<int>{200});
  CHECK(server.query(R"(SELECT "count" FROM "rateLimit")").rows.at(0).integer(0) == 1);
}

TEST_CASE("made-up paths are counted together, and are 404 until the limit") {
  auto settings = limited(Storage::database);
  settings.rate_limit.max = 4;
  AuthServer server{settings};
  Browser browser{server};
  for (const char* path : {"/a", "/b", "/c/d", "/"}) CHECK(browser.get(path).status == 404);
  CHECK(browser.get("/e").status == 429);
  for (const char* path : {"/sign-in/a", "/sign-in/b", "/sign-inx"}) CHECK(browser.get(path).status == 404);
  CHECK(browser.get("/sign-in/c").status == 429);
  CHECK(browser.get("/get-session").status == 200);
  CHECK(server.query(R"(SELECT 1 FROM "rateLimit")").rows.size() == 3);
}

TEST_CASE("while the store of counters is down, the gateway counts for itself by the same rules") {
  AuthServer server{limited(Storage::database)};
  FailingDatabase database{*server.database};
  auth::RateLimit limit{{server.settings, server.rate_counts, database, nullptr, server.clock, server.random}};
  const auto take = [&] {
    return run_coroutine(server.context, limit.take("192.0.2.1", "/sign-in/email", "/sign-in/email"));
  };
  CHECK_FALSE(take());
  database.down = true;
  for (int i = 0; i < 2; ++i) CHECK_FALSE(take());  // one has passed already
  CHECK(take() == seconds(10));
  CHECK(database.queries == 2);  // one that worked, one that failed; then it is left alone for a second
  CHECK_FALSE(server.rate_counts.store_works());
  // What has passed meanwhile counts when the store is back.
  database.down = false;
  server.clock.advance(seconds(1));
  CHECK(take() == seconds(9));
  CHECK(database.queries == 2);
  server.clock.advance(seconds(9));
  CHECK_FALSE(take());
  CHECK(server.rate_counts.store_works());
}

TEST_CASE("whoever the database has refused costs it nothing until the time that was told") {
  AuthServer server{limited(Storage::database)};
  FailingDatabase database{*server.database};
  auth::RateLimitMemory of_other(server.clock);
  auth::RateLimit one{{server.settings, server.rate_counts, database, nullptr, server.clock, server.random}};
  auth::RateLimit other{{server.settings, of_other, *server.database, nullptr, server.clock, server.random}};
  const auto take = [&](auth::RateLimit& limit) {
    return run_coroutine(server.context, limit.take("192.0.2.1", "/sign-in/email", "/sign-in/email"));
  };
  // By its own count.
  for (int i = 0; i < 3; ++i) CHECK_FALSE(take(one));
  CHECK(database.queries == 3);
  for (int i = 0; i < 5; ++i) CHECK(take(one) == seconds(10));
  CHECK(database.queries == 3);
  // By what the database says of others: refused as long as that, and no longer.
  server.clock.advance(seconds(10));
  for (int i = 0; i < 3; ++i) CHECK_FALSE(take(other));
  server.clock.advance(seconds(4));
  CHECK(take(one) == seconds(6));
  const int asked = database.queries;
  for (int i = 0; i < 5; ++i) CHECK(take(one) == seconds(6));
  server.clock.advance(seconds(5));
  CHECK(take(one) == seconds(1));
  CHECK(database.queries == asked);
  server.clock.advance(seconds(1));
  CHECK_FALSE(take(one));
  CHECK(database.queries == asked + 1);
}

TEST_CASE("counters in the secondary storage have a window that does not slide") {
  AuthServer server{limited(Storage::secondary_storage)};
  const auto shared = cache::open_memory(server.clock);
  const auto cache = shared->connect(server.context.get_executor());
  auth::RateLimit limit{
      {server.settings, server.rate_counts, *server.database, cache.get(), server.clock, server.random}};
  const auto take = [&] { return run_coroutine(server.context, limit.take("192.0.2.1", "/ok", "/ok")); };
  CHECK_FALSE(take());
  server.clock.advance(seconds(4));
  CHECK_FALSE(take());
  CHECK(take() == seconds(5));
  CHECK(run_coroutine(server.context, cache->get("192.0.2.1|/ok")) == "3");
  server.clock.advance(seconds(1));
  CHECK_FALSE(take());
}

TEST_CASE("without an address all share one bucket; who does not track addresses limits nobody") {
  auto settings = limited(Storage::memory);
  settings.ip_address.emplace();
  AuthServer server{settings};
  Browser browser{server};
  CHECK(statuses(browser, "/ok", 3) == std::vector<int>{200, 200, 429});
  CHECK(browser.get("/ok", {{"x-forwarded-for", "198.51.100.1, 198.51.100.2"}}).status == 429);
  CHECK(browser.get("/ok", {{"x-forwarded-for", "198.51.100.1"}}).status == 200);

  settings.ip_address->disable_ip_tracking = true;
  AuthServer blind{settings};
  Browser visitor{blind};
  CHECK(statuses(visitor, "/ok", 4) == std::vector<int>{200, 200, 200, 200});
  CHECK(visitor.sign_up("ann@example.test").status == 200);
  CHECK(blind.query(R"(SELECT "ipAddress" FROM "session")").rows.at(0).text(0) == "");
}

TEST_CASE("a disabled path is 404 with a text, with slashes at its end too, and is not counted") {
  auto settings = limited(Storage::memory);
  settings.disabled_paths = {"/ok", "/sign-up/email"};
  AuthServer server{settings};
  Browser browser{server};
  for (const char* path : {"/ok", "/ok/", "/ok//", "/ok?x=1"}) {
    CAPTURE(path);
    const auto answer = browser.get(path);
    CHECK(answer.status == 404);
    CHECK(answer.body == "Not Found");
    CHECK(answer.header("Content-Type") == "text/plain; charset=utf-8");
  }
  CHECK(browser.sign_up("ann@example.test").status == 404);
  CHECK(browser.get("/ok/x").body.empty());
  CHECK(server.query(R"(SELECT 1 FROM "user")").rows.empty());
}

TEST_CASE("errors of links lead to the configured page, else to the start page, with a code that can do no harm") {
  const auto location = [](std::string error_url, const char* query) {
    auto settings = AuthServer::default_settings();
    settings.error_url = std::move(error_url);
    AuthServer server{settings};
    Browser browser{server};
    const auto answer = browser.get(std::string("/error") + query);
    CHECK(answer.status == 302);
    return answer.header("Location");
  };
  CHECK(location("", "?error=state_mismatch") == "/?error=state_mismatch");
  CHECK(location("/oops", "?error=%3Cscript%3E") == "/oops?error=UNKNOWN");
  CHECK(location("https://app.example.test/error?from=auth", "?error=a&error_description=b%0d%0aX%3A%20c") ==
        "https://app.example.test/error?from=auth&error=a&error_description=b%0D%0AX%3A+c");
}

TEST_CASE("a counter from a clock that was wrong keeps nobody out") {
  AuthServer server{limited(Storage::database)};
  Browser browser{server};
  CHECK(statuses(browser, "/ok", 3) == std::vector<int>{200, 200, 429});
  server.query(R"(UPDATE "rateLimit" SET "lastRequest" = "lastRequest" + 86400000)");
  server.clock.advance(seconds(5));  // what this gateway has counted itself
  CHECK(statuses(browser, "/ok", 3) == std::vector<int>{200, 200, 429});
  // Another gateway's, whose clock is a little ahead.
  server.query(R"(UPDATE "rateLimit" SET "lastRequest" = "lastRequest" + 30000)");
  server.clock.advance(seconds(5));
  CHECK(browser.get("/ok").status == 429);
}
