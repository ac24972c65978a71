#include <doctest/doctest.h>

#include "auth/accounts.hpp"
#include "tests/features/social_sign_in/mock_provider.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
namespace json = boost::json;

namespace {

std::string account_id_of(Browser& browser, std::size_t index = 0) {
  return std::string(browser.get("/list-accounts").json().at(index).at("id").as_string());
}

}  // namespace

TEST_CASE("accounts are listed without tokens") {
  SocialWorld world;
  Browser browser(world.server);
  world.sign_in(browser, "oidc");
  const auto list = browser.get("/list-accounts").json().as_array();
  REQUIRE(list.size() == 1);
  const auto& account = list[0].as_object();
  CHECK(account.at("providerId").as_string() == "oidc");
  CHECK(account.at("accountId").as_string() == "sub-1");
  CHECK(account.at("scopes") == json::value({"openid", "email"}));
  CHECK(account.size() == 7);
}

TEST_CASE("an access token is given while it lives, and renewed when it ends") {
  SocialWorld world;
  Browser browser(world.server);
  world.sign_in(browser, "oidc");
  const json::object selection{{"accountId", account_id_of(browser)}};
  auto answer = browser.post("/get-access-token", selection).json();
  CHECK(answer.at("accessToken").as_string() == "access-1");
  CHECK(answer.at("scopes") == json::value({"openid", "email"}));
  world.server.clock.advance(std::chrono::seconds(3'596));
  answer = browser.post("/get-access-token", selection).json();
  CHECK(answer.at("accessToken").as_string() == "access-2");
  CHECK(world.server.query("SELECT \"refreshToken\" FROM \"account\"").rows.at(0).text(0) == "refresh-2");
  world.provider.instead["/oauth/token"] = {400, "application/json", R"({"error":"invalid_grant"})"};
  world.server.clock.advance(std::chrono::seconds(3'600));
  CHECK(browser.post("/get-access-token", selection).body ==
        R"({"message":"Failed to get a valid access token","code":"FAILED_TO_GET_ACCESS_TOKEN"})");
}

TEST_CASE("tokens are refreshed on request, and the old refresh token stays where none comes") {
  SocialWorld world;
  Browser browser(world.server);
  world.sign_in(browser, "plain");
  const json::object selection{{"accountId", account_id_of(browser)}};
  world.provider.instead["/oauth/token"] = {200, "application/json", R"({"access_token":"new","expires_in":60})"};
  const auto answer = browser.post("/refresh-token", selection).json();
  CHECK(answer.at("accessToken").as_string() == "new");
  CHECK(answer.at("refreshToken").as_string() == "refresh-1");
  CHECK(answer.at("scope").as_string() == "openid,email");
  CHECK(answer.at("refreshTokenExpiresAt").is_null());
}

TEST_CASE("nobody gets anything of an account that is somebody else's") {
  SocialWorld world;
  Browser owner(world.server), stranger(world.server), nobody(world.server);
  world.sign_in(owner, "oidc");
  stranger.sign_up("eve@example.test");
  const std::string id = account_id_of(owner);
  for (const char* path : {"/get-access-token", "/refresh-token"}) {
    CHECK(stranger.post(path, {{"accountId", id}}).body ==
          R"({"message":"Account not found","code":"ACCOUNT_NOT_FOUND"})");
    const auto refused = nobody.post(path, {{"accountId", id}});
    CHECK(refused.status == 401);
    CHECK(refused.body.empty());
  }
  CHECK(stranger.get("/account-info?accountId=" + id).status == 400);
  CHECK(stranger.post("/unlink-account", {{"accountId", id}}).status == 400);
  CHECK(owner.get("/list-accounts").json().as_array().size() == 1);
}

TEST_CASE("tokens that are stored encrypted come out in clear, and older clear ones too") {
  auto settings = MockProvider::settings();
  settings.account.encrypt_oauth_tokens = true;
  SocialWorld world(settings);
  Browser browser(world.server);
  world.sign_in(browser, "gitlab");
  const auto stored = world.server.query("SELECT \"accessToken\", \"refreshToken\" FROM \"account\"").rows.at(0);
  CHECK(stored.text(0).find("access") == std::string::npos);
  CHECK(stored.text(1).find("refresh") == std::string::npos);
  const json::object selection{{"accountId", account_id_of(browser)}};
  CHECK(browser.post("/get-access-token", selection).json().at("accessToken").as_string() == "access-1");
  world.server.query("UPDATE \"account\" SET \"accessToken\" = 'plain-old-token'");
  CHECK(browser.post("/get-access-token", selection).json().at("accessToken").as_string() == "plain-old-token");
  world.server.query("UPDATE \"account\" SET \"accessToken\" = 'deadbeef'");
  CHECK(browser.post("/get-access-token", selection).status == 400);
}

TEST_CASE("the account cookie names an account of the session's user alone") {
  auto settings = MockProvider::settings();
  settings.account.store_account_cookie = true;
  SocialWorld world(settings);
  Browser browser(world.server), other(world.server);
  world.sign_in(browser, "oidc");
  const json::object selection{{"useAccountCookie", true}};
  CHECK(browser.post("/get-access-token", selection).json().at("accessToken").as_string() == "access-1");
  other.sign_up("eve@example.test");
  for (const auto& [name, value] : browser.cookies)
    if (name.find("account_data") != std::string::npos) other.cookies[name] = value;
  CHECK(other.post("/get-access-token", selection).status == 400);
  world.server.clock.advance(std::chrono::seconds(316));
  CHECK(browser.post("/get-access-token", selection).status == 400);
}

TEST_CASE("who the provider says it is") {
  SocialWorld world;
  Browser browser(world.server);
  world.sign_in(browser, "gitlab");
  const auto info = browser.get("/account-info?accountId=" + account_id_of(browser)).json();
  CHECK(info.at("user").at("name").as_string() == "Ann of the provider");
  CHECK(info.at("data").at("username").as_string() == "ann");
  CHECK(info.at("account").at("accountId").as_string() == "sub-1");
}

TEST_CASE("an account is unlinked unless it is the last") {
  SocialWorld world;
  Browser browser(world.server);
  browser.sign_up("ann@example.test");
  world.sign_in(browser, "gitlab", {}, "/link-social");
  CHECK(browser.post("/unlink-account", {{"accountId", "nope"}}).body ==
        R"({"message":"Account not found","code":"ACCOUNT_NOT_FOUND"})");
  CHECK(browser.post("/unlink-account", {{"accountId", account_id_of(browser, 1)}}).body == R"({"status":true})");
  CHECK(browser.post("/unlink-account", {{"accountId", account_id_of(browser)}}).body ==
        R"({"message":"You can't unlink your last account","code":"FAILED_TO_UNLINK_LAST_ACCOUNT"})");
}

TEST_CASE("of two accounts that are unlinked at once one stays") {
  SocialWorld world;
  Browser browser(world.server);
  browser.sign_up("ann@example.test");
  world.sign_in(browser, "gitlab", {}, "/link-social");
  const std::string user = std::string(browser.get("/get-session").json().at("user").at("id").as_string());
  int ended = 0, removed = 0;
  for (const auto& id : {account_id_of(browser, 0), account_id_of(browser, 1)}) {
    asio::co_spawn(world.server.context.get_executor(), world.server.accounts.remove(user, id, false),
                   [&](std::exception_ptr error, auth::Accounts::Removal removal) {
                     ++ended;
                     removed += !error && removal == auth::Accounts::Removal::removed;
                   });
  }
  world.server.context.restart();
  while (ended < 2) world.server.context.run_one();
  CHECK(removed == 1);
  CHECK(browser.get("/list-accounts").json().as_array().size() == 1);
}

TEST_CASE("a selection is one of two strict forms") {
  SocialWorld world;
  Browser browser(world.server);
  browser.sign_up("ann@example.test");
  const auto message = [&](json::object body) {
    return std::string(browser.post("/get-access-token", body).json().at("message").as_string());
  };
  CHECK(message({}) == "[body] Invalid input");
  CHECK(message({{"providerId", "x"}}) == "[body] Invalid input");
  CHECK(message({{"accountId", "x"}, {"extra", 1}}) == "[body] Unrecognized key: \"extra\"");
  CHECK(message({{"accountId", 7}}) == "[body] Invalid input");
  CHECK(message({{"useAccountCookie", false}}) == "[body] Invalid input");
  CHECK(browser.get("/account-info").json().at("message").as_string() == "[query] Invalid input");
  CHECK(browser.get("/account-info?useAccountCookie=true").json().at("message").as_string() == "[query] Invalid input");
}
