#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <set>

#include "auth/dispatcher.hpp"
#include "tests/features/social_sign_in/mock_provider.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;

namespace {

using Arrival = std::pair<std::string, std::string>;  // callback and Cookie header

// Where the browsers end that come back at the same moment; empty: the gateway failed.
std::vector<std::string> arrive_at_once(SocialWorld& world, const std::vector<Arrival>& arrivals) {
  std::vector<std::string> locations(arrivals.size());
  std::size_t ended = 0;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const auto& [callback, cookies] = arrivals[i];
    auth::AuthRequest request;
    request.method = "GET";
    request.path = callback.substr(0, callback.find('?'));
    request.query = callback.substr(callback.find('?') + 1);
    request.headers = {{"cookie", cookies}};
    asio::co_spawn(world.server.context.get_executor(), world.server.dispatcher->dispatch(request),
                   [&, i](std::exception_ptr error, auth::AuthResponse response) {
                     ++ended;
                     if (!error) locations[i] = Answer{302, "", std::move(response.headers)}.header("Location");
                   });
  }
  world.server.context.restart();
  while (ended < arrivals.size()) world.server.context.run_one();
  return locations;
}

std::string session_user_of(Browser& browser) {
  const auto session = browser.get("/get-session").json();
  return session.is_null() ? "" : std::string(session.at("user").at("email").as_string());
}

void verify_address(SocialWorld& world, const std::string& email) {
  world.server.query("UPDATE \"user\" SET \"emailVerified\" = 1 WHERE \"email\" = '" + email + "'");
}

}  // namespace

TEST_CASE("of twenty callbacks at once one signs in") {
  using StateStore = config::AccountSettings::StateStore;
  for (const auto kept : {StateStore::database, StateStore::cookie}) {
    CAPTURE(kept == StateStore::cookie);
    auto settings = MockProvider::settings();
    settings.account.store_state_strategy = kept;
    SocialWorld world(settings);
    Browser browser(world.server);
    const auto callback = world.provider.approve(world.start(browser, "gitlab"));
    const auto answers = arrive_at_once(world, std::vector(20, Arrival(callback, browser.cookie_header())));
    CHECK(std::ranges::count(answers, std::string("/done")) == 1);
    CHECK(std::ranges::count(answers, std::string("/done")) +
              std::ranges::count_if(answers,
                                    [](const std::string& url) { return url.ends_with("error=state_mismatch"); }) ==
          20);
    CHECK(world.provider.calls["/oauth/token"] == 1);
    CHECK(world.server.query("SELECT \"id\" FROM \"session\"").rows.size() == 1);
  }
}

TEST_CASE("a state in a cookie is good once, and not consumed by another browser") {
  auto settings = MockProvider::settings();
  settings.account.store_state_strategy = config::AccountSettings::StateStore::cookie;
  SocialWorld world(settings);
  Browser browser(world.server), other(world.server);
  const auto callback = world.provider.approve(world.start(browser, "gitlab"));
  const auto cookies = browser.cookies;
  CHECK(other.get(callback).header("Location") == "http://auth.example.test/api/auth/error?error=state_mismatch");
  CHECK(browser.get(callback).header("Location") == "/done");
  browser.cookies = cookies;
  CHECK(browser.get(callback).header("Location") == "/oops?error=state_mismatch");
  CHECK(world.provider.calls["/oauth/token"] == 1);
  CHECK(world.server.query("SELECT \"id\" FROM \"verification\"").rows.empty());
}

TEST_CASE("twenty flows of one new person that end at once make one user with one account, and all sign in") {
  SocialWorld world;
  std::vector<Arrival> arrivals;
  for (int i = 0; i < 20; ++i) {
    Browser browser(world.server);
    auto callback = world.provider.approve(world.start(browser, "gitlab"));
    arrivals.emplace_back(std::move(callback), browser.cookie_header());
  }
  const auto answers = arrive_at_once(world, std::move(arrivals));
  CHECK(std::ranges::count(answers, std::string("/done")) == 20);
  CHECK(world.server.query("SELECT \"id\" FROM \"user\"").rows.size() == 1);
  CHECK(world.server.query("SELECT \"id\" FROM \"account\"").rows.size() == 1);
  CHECK(world.server.query("SELECT \"id\" FROM \"session\"").rows.size() == 20);
}

TEST_CASE("flows of a user that end at once link one account") {
  SocialWorld world;
  Browser local(world.server);
  local.sign_up("ann@example.test");
  verify_address(world, "ann@example.test");
  std::vector<Arrival> arrivals;
  for (int i = 0; i < 20; ++i) {
    Browser browser(world.server);
    auto callback = world.provider.approve(world.start(browser, "gitlab"));
    arrivals.emplace_back(std::move(callback), browser.cookie_header());
  }
  const auto answers = arrive_at_once(world, std::move(arrivals));
  CHECK(std::ranges::count(answers, std::string("/done")) == 20);
  CHECK(world.server.query("SELECT \"id\" FROM \"account\" WHERE \"providerId\" = 'gitlab'").rows.size() == 1);
}

TEST_CASE("of users who link one account at once one gets it, and the others are told") {
  auto settings = MockProvider::settings();
  settings.account.account_linking.allow_different_emails = true;
  SocialWorld world(settings);
  std::vector<Arrival> arrivals;
  for (int i = 0; i < 5; ++i) {
    Browser browser(world.server);
    browser.sign_up("user" + std::to_string(i) + "@example.test");
    auto callback = world.provider.approve(world.start(browser, "gitlab", {}, "/link-social"));
    arrivals.emplace_back(std::move(callback), browser.cookie_header());
  }
  const auto answers = arrive_at_once(world, std::move(arrivals));
  CHECK(std::ranges::count(answers, std::string("/done")) == 1);
  CHECK(std::ranges::count(answers, std::string("/oops?error=account_already_linked_to_different_user")) == 4);
  CHECK(world.server.query("SELECT \"id\" FROM \"account\" WHERE \"providerId\" = 'gitlab'").rows.size() == 1);
}

TEST_CASE("an account that another server gave to two users signs nobody in") {
  SocialWorld world;
  Browser ann(world.server), bob(world.server), browser(world.server);
  world.sign_in(ann, "gitlab");
  bob.sign_up("bob@example.test");
  world.server.query(
      "INSERT INTO \"account\" (\"id\", \"accountId\", \"providerId\", \"userId\", \"createdAt\", \"updatedAt\") "
      "SELECT 'twice', 'sub-1', 'gitlab', \"id\", \"createdAt\", \"updatedAt\" FROM \"user\" "
      "WHERE \"email\" = 'bob@example.test'");
  CHECK(world.sign_in(browser, "gitlab") == "/oops?error=internal_server_error");
  CHECK(world.sign_in(bob, "gitlab", {}, "/link-social") == "/oops?error=email_does_not_match");
  CHECK(world.sign_in(ann, "gitlab", {}, "/link-social") == "/oops?error=internal_server_error");
  CHECK(session_user_of(browser).empty());
}

TEST_CASE("a user who is deleted at any moment of a sign-in or a link ends without a session, and without a failure") {
  bool links = false;
  SUBCASE("sign-in") {}
  SUBCASE("link") {
    links = true;
  }
  std::set<std::string> ends;
  for (int statement = 0; statement < 12; ++statement) {
    CAPTURE(statement);
    SocialWorld world;
    Browser browser(world.server);
    browser.sign_up("ann@example.test");
    verify_address(world, "ann@example.test");
    const auto callback =
        world.provider.approve(world.start(browser, "gitlab", {}, links ? "/link-social" : "/sign-in/social"));
    world.server.database->interrupt_after(statement, R"(DELETE FROM "user")");
    ends.insert(arrive_at_once(world, {{callback, browser.cookie_header()}}).at(0));
    const auto sessions =
        world.server.query("SELECT \"id\" FROM \"session\" WHERE \"userId\" NOT IN (SELECT \"id\" FROM \"user\")");
    CHECK(sessions.rows.empty());
  }
  for (const auto& end : ends) CHECK((end == "/done" || end.starts_with("/oops?error=")));
  CHECK(ends.contains("/done"));
  CHECK(ends.contains(links ? "/oops?error=unable_to_link_account" : "/oops?error=unable_to_create_session"));
}
