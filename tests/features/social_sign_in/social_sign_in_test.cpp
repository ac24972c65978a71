#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "auth/url_query.hpp"
#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "tests/features/social_sign_in/mock_provider.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
namespace json = boost::json;

namespace {

std::string session_user_of(Browser& browser) {
  const auto session = browser.get("/get-session").json();
  return session.is_null() ? "" : std::string(session.at("user").at("email").as_string());
}

void verify_address(SocialWorld& world, const std::string& email) {
  world.server.query("UPDATE \"user\" SET \"emailVerified\" = 1 WHERE \"email\" = '" + email + "'");
}

}  // namespace

TEST_CASE("each kind of provider signs a new user in, and the same user the second time") {
  for (const char* provider : {"gitlab", "oidc", "plain"}) {
    CAPTURE(provider);
    SocialWorld world;
    Browser first(world.server), second(world.server);
    CHECK(world.sign_in(first, provider, {{"newUserCallbackURL", "/welcome"}}) == "/welcome");
    CHECK(session_user_of(first) == "ann@example.test");
    world.provider.user["name"] = "Another name";
    CHECK(world.sign_in(second, provider, {{"newUserCallbackURL", "/welcome"}}) == "/done");
    const auto session = second.get("/get-session").json();
    CHECK(session.at("user").at("name").as_string() == "Ann of the provider");
    CHECK(session.at("user").at("emailVerified").as_bool());
    CHECK(world.server.query("SELECT \"id\" FROM \"account\"").rows.size() == 1);
    CHECK(world.server.query("SELECT \"id\" FROM \"verification\"").rows.empty());
  }
}

TEST_CASE("the code is bound to the flow by PKCE, the ID token by a nonce") {
  SocialWorld world;
  Browser browser(world.server);
  const std::string url = world.start(browser, "oidc");
  const auth::UrlQuery query(url.substr(url.find('?') + 1));
  CHECK(query.find("code_challenge_method") == "S256");
  CHECK(query.find("response_type") == "code");
  CHECK(query.find("scope") == "openid email");
  CHECK(query.find("redirect_uri") == "http://auth.example.test/api/auth/callback/oidc");
  CHECK(query.find("nonce").value().size() == 32);
  CHECK(query.find("state").value().size() == 32);
  browser.get(world.provider.approve(url));
  const auth::UrlQuery form(world.provider.last_form);
  const auto digest = crypto::sha256(form.find("code_verifier").value());
  CHECK(base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}) ==
        query.find("code_challenge"));
  CHECK(form.find("client_secret") == "app-secret");
}

TEST_CASE("a state is good once") {
  SocialWorld world;
  Browser browser(world.server);
  const auto callback = world.provider.approve(world.start(browser, "gitlab"));
  const auto cookies = browser.cookies;
  CHECK(browser.get(callback).header("Location") == "/done");
  browser.cookies = cookies;
  CHECK(browser.get(callback).header("Location") == "http://auth.example.test/api/auth/error?error=state_mismatch");
  CHECK(world.provider.calls["/oauth/token"] == 1);
}

TEST_CASE("a state without its cookie, of another browser, too late or of another provider opens no session") {
  SocialWorld world;
  Browser browser(world.server), other(world.server);
  const auto callback = world.provider.approve(world.start(browser, "gitlab"));
  CHECK(other.get(callback).header("Location") == "/oops?error=state_mismatch");
  world.start(other, "gitlab");
  CHECK(other.get(callback).header("Location") == "/oops?error=state_mismatch");
  // The flow is still its own browser's.
  CHECK(browser.get(callback).header("Location") == "/done");

  Browser late(world.server);
  const auto late_callback = world.provider.approve(world.start(late, "gitlab"));
  world.server.clock.advance(std::chrono::seconds(601));
  CHECK(late.get(late_callback).header("Location") == "http://auth.example.test/api/auth/error?error=state_mismatch");

  Browser mixed(world.server);
  auto mixed_callback = world.provider.approve(world.start(mixed, "gitlab"));
  mixed_callback.replace(mixed_callback.find("gitlab"), 6, "plain");
  CHECK(mixed.get(mixed_callback).header("Location") == "/oops?error=state_mismatch");
  CHECK(session_user_of(mixed).empty());
}

TEST_CASE("an ID token that is not to be believed opens no session") {
  const std::vector<json::object> wrong{{{"nonce", "another"}},
                                        {{"aud", "another"}},
                                        {{"iss", "https://evil.example.test"}},
                                        {{"exp", 1'000}},
                                        {{"sub", ""}}};
  for (const auto& claims : wrong) {
    CAPTURE(json::serialize(claims));
    SocialWorld world;
    world.provider.wrong_claims = claims;
    Browser browser(world.server);
    CHECK(world.sign_in(browser, "oidc") == "/oops?error=unable_to_get_user_info");
    CHECK(session_user_of(browser).empty());
  }
  SocialWorld world;
  world.provider.wrong_signature = true;
  Browser browser(world.server);
  CHECK(world.sign_in(browser, "oidc") == "/oops?error=unable_to_get_user_info");
}

TEST_CASE("the issuer that a callback names must be the provider's") {
  SocialWorld world;
  Browser browser(world.server);
  const auto callback = world.provider.approve(world.start(browser, "oidc"));
  CHECK(browser.get(callback + "&iss=https%3A%2F%2Fevil.example.test").header("Location") ==
        "/oops?error=issuer_mismatch");
}

TEST_CASE("a provider that fails, says nonsense or names nobody ends on the error page") {
  struct Row {
    std::string path;
    outbound::HttpResponse answer;
    std::string error;
  };
  const std::vector<Row> rows{
      {"/oauth/token", {500, "text/html", "<h1>"}, "invalid_code"},
      {"/oauth/token", {200, "application/json", "{"}, "invalid_code"},
      {"/oauth/token", {200, "application/json", R"({"error":"bad_verification_code"})"}, "invalid_code"},
      {"/oauth/token", {302, "", ""}, "invalid_code"},
      {"/userinfo", {500, "", ""}, "unable_to_get_user_info"},
      {"/userinfo", {200, "application/json", "[]"}, "unable_to_get_user_info"},
      {"/userinfo", {200, "application/json", R"({"email":"a@example.test"})"}, "unable_to_get_user_info"},
      {"/userinfo", {200, "application/json", R"({"id":"","email":"a@example.test"})"}, "unable_to_get_user_info"},
      {"/userinfo", {200, "application/json", R"({"id":"null","email":"a@example.test"})"}, "unable_to_get_user_info"},
      {"/userinfo", {200, "application/json", R"({"id":7})"}, "email_not_found"}};
  for (const auto& row : rows) {
    CAPTURE(row.path + " " + row.answer.body);
    SocialWorld world;
    world.provider.instead[row.path] = row.answer;
    Browser browser(world.server);
    CHECK(world.sign_in(browser, "plain") == "/oops?error=" + row.error);
    CHECK(session_user_of(browser).empty());
  }
}

TEST_CASE("an address of a local user is linked only if both sides have verified it") {
  SocialWorld world;
  Browser local(world.server);
  local.sign_up("ann@example.test");
  Browser browser(world.server);
  CHECK(world.sign_in(browser, "gitlab") == "/oops?error=account_not_linked");
  verify_address(world, "ann@example.test");
  world.provider.user["email_verified"] = false;
  CHECK(world.sign_in(browser, "gitlab") == "/oops?error=account_not_linked");
  world.provider.user["email_verified"] = true;
  CHECK(world.sign_in(browser, "gitlab") == "/done");
  CHECK(browser.get("/list-accounts").json().as_array().size() == 2);
}

TEST_CASE("the options of account linking") {
  auto settings = MockProvider::settings();
  auto& linking = settings.account.account_linking;
  SUBCASE("off") {
    linking.enabled = false;
  }
  SUBCASE("not implicitly") {
    linking.disable_implicit_linking = true;
  }
  SocialWorld world(settings);
  Browser local(world.server), browser(world.server);
  local.sign_up("ann@example.test");
  verify_address(world, "ann@example.test");
  CHECK(world.sign_in(browser, "gitlab") == "/oops?error=account_not_linked");
}

TEST_CASE("a trusted provider's word counts, and its profile is taken over where that is asked for") {
  auto settings = MockProvider::settings();
  settings.account.account_linking.trusted_providers = {"gitlab"};
  settings.account.account_linking.require_local_email_verified = false;
  settings.account.account_linking.update_user_info_on_link = true;
  SocialWorld world(settings);
  world.provider.user["email_verified"] = false;
  Browser local(world.server), browser(world.server);
  local.sign_up("ann@example.test");
  CHECK(world.sign_in(browser, "gitlab") == "/done");
  const auto user = browser.get("/get-session").json().at("user").as_object();
  CHECK(user.at("name").as_string() == "Ann of the provider");
  CHECK(user.at("image").as_string() == "https://img.example.test/ann.png");
  CHECK(!user.at("emailVerified").as_bool());
  Browser other(world.server);
  CHECK(world.sign_in(other, "plain") == "/oops?error=account_not_linked");
}

TEST_CASE("sign-up can be closed, or wait for being asked for") {
  auto settings = MockProvider::settings();
  settings.generic_oauth[1].disable_sign_up = true;
  settings.social_providers[0].disable_implicit_sign_up = true;
  SocialWorld world(settings);
  Browser browser(world.server);
  CHECK(world.sign_in(browser, "plain", {{"requestSignUp", true}}) == "/oops?error=signup_disabled");
  CHECK(world.sign_in(browser, "gitlab") == "/oops?error=signup_disabled");
  CHECK(world.sign_in(browser, "gitlab", {{"requestSignUp", true}}) == "/done");
}

TEST_CASE("an account is linked by who is signed in, and only while that session lives") {
  SocialWorld world;
  Browser browser(world.server), stranger(world.server);
  browser.sign_up("ann@example.test");
  CHECK(world.sign_in(browser, "gitlab", {}, "/link-social") == "/done");
  CHECK(browser.get("/list-accounts").json().as_array().size() == 2);
  CHECK(world.sign_in(browser, "gitlab", {}, "/link-social") == "/done");
  CHECK(browser.get("/list-accounts").json().as_array().size() == 2);

  stranger.sign_up("eve@example.test");
  CHECK(world.sign_in(stranger, "plain", {}, "/link-social") == "/oops?error=email_does_not_match");
  world.provider.user["email"] = "eve@example.test";
  CHECK(world.sign_in(stranger, "gitlab", {}, "/link-social") ==
        "/oops?error=account_already_linked_to_different_user");
  world.provider.user["email_verified"] = false;
  CHECK(world.sign_in(stranger, "plain", {}, "/link-social") == "/oops?error=unable_to_link_account");
  world.provider.user["email_verified"] = true;
  const auto callback = world.provider.approve(world.start(stranger, "plain", {}, "/link-social"));
  const auto state = stranger.cookies.at("better-auth.state");
  stranger.post("/sign-out", json::object());
  stranger.cookies["better-auth.state"] = state;
  CHECK(stranger.get(callback).header("Location") == "/oops?error=unable_to_link_account");
}

TEST_CASE("an ID token that an app has signs in only where everything about it is right") {
  SocialWorld world;
  const auto post = [&](std::string token, json::object more = {}) {
    more["token"] = std::move(token);
    Browser browser(world.server);
    return browser.post("/sign-in/social", {{"provider", "oidc"}, {"idToken", more}});
  };
  const auto good = world.provider.claims("n");
  const auto answer = post(world.provider.sign(good), {{"nonce", "n"}});
  CHECK(answer.status == 200);
  CHECK(answer.json().at("user").at("email").as_string() == "ann@example.test");
  CHECK(!answer.json().at("token").as_string().empty());
  CHECK(post(world.provider.sign(good), {{"nonce", "m"}}).status == 401);
  CHECK(post("x").body == R"({"message":"Invalid token","code":"INVALID_TOKEN"})");
  auto foreign = good;
  foreign["aud"] = "another-app";
  CHECK(post(world.provider.sign(foreign)).status == 401);
  CHECK(post(world.provider.sign_with_next(good)).status == 401);
}

TEST_CASE("a key that is new at the provider is asked for, but not more than once a minute") {
  SocialWorld world;
  const auto post = [&](const std::string& token) {
    Browser browser(world.server);
    return browser.post("/sign-in/social", {{"provider", "oidc"}, {"idToken", {{"token", token}}}}).status;
  };
  CHECK(post(world.provider.sign(world.provider.claims(""))) == 200);
  CHECK(world.provider.calls["/jwks"] == 1);
  for (int i = 0; i < 5; ++i) CHECK(post(world.provider.sign_with_next(world.provider.claims(""))) == 401);
  CHECK(world.provider.calls["/jwks"] == 1);
  world.provider.rotate_keys();
  world.server.clock.advance(std::chrono::seconds(61));
  CHECK(post(world.provider.sign_with_next(world.provider.claims(""))) == 200);
  CHECK(world.provider.calls["/jwks"] == 2);
}

TEST_CASE("a provider whose discovery document cannot be had is not there, and is not asked all the time") {
  SocialWorld world;
  world.provider.instead["/.well-known/openid-configuration"] = {500, "", ""};
  Browser browser(world.server);
  for (int i = 0; i < 5; ++i) {
    CHECK(browser.post("/sign-in/social", {{"provider", "oidc"}}).body ==
          R"({"message":"Provider not found","code":"PROVIDER_NOT_FOUND"})");
  }
  CHECK(world.provider.calls["/.well-known/openid-configuration"] == 1);
  world.provider.instead.clear();
  world.server.clock.advance(std::chrono::seconds(11));
  CHECK(browser.post("/sign-in/social", {{"provider", "oidc"}}).status == 200);
}

TEST_CASE("a discovery document may not lead to plain http") {
  SocialWorld world;
  world.provider.instead["/.well-known/openid-configuration"] = {
      200, "application/json",
      R"({"issuer":"https://id.example.test","authorization_endpoint":"https://id.example.test/a","token_endpoint":"http://169.254.169.254/"})"};
  Browser browser(world.server);
  CHECK(browser.post("/sign-in/social", {{"provider", "oidc"}}).status == 404);
}

TEST_CASE("no token or secret of a flow is stored in clear in the state cookie, and a changed one is refused") {
  auto settings = MockProvider::settings();
  settings.account.store_state_strategy = config::AccountSettings::StateStore::cookie;
  SocialWorld world(settings);
  Browser browser(world.server);
  const auto callback = world.provider.approve(world.start(browser, "gitlab"));
  CHECK(world.server.query("SELECT \"value\" FROM \"verification\"").rows.at(0).text(0) == "cookie");
  const auto sealed = browser.cookies.at("better-auth.oauth_state");
  auto changed = sealed;
  changed[60] = changed[60] == 'a' ? 'b' : 'a';
  browser.cookies["better-auth.oauth_state"] = changed;
  CHECK(browser.get(callback).header("Location") == "http://auth.example.test/api/auth/error?error=state_invalid");
  browser.cookies["better-auth.oauth_state"] = sealed;
  CHECK(browser.get(callback).header("Location") == "/done");
  CHECK(!browser.cookies.contains("better-auth.oauth_state"));
}

TEST_CASE("the provider's form is sent once more as a link") {
  SocialWorld world;
  Browser browser(world.server);
  auth::Headers form{{"content-type", "application/x-www-form-urlencoded"}, {"origin", "https://id.example.test"}};
  const auto answer = browser.send("POST", "/callback/gitlab?state=q", "code=a&state=b&other=c", form);
  CHECK(answer.status == 302);
  CHECK(answer.header("Location") == "http://auth.example.test/api/auth/callback/gitlab?code=a&state=q");
}

TEST_CASE("what starts a flow is judged before anything is stored") {
  SocialWorld world;
  Browser browser(world.server);
  const auto message = [&](json::object body) {
    return std::string(browser.post("/sign-in/social", body).json().at("message").as_string());
  };
  CHECK(message({}) == "[body.provider] Invalid input");
  CHECK(message({{"provider", "gitlab"}, {"scopes", "a b"}}) ==
        "[body.scopes] Invalid input: expected array, received string");
  CHECK(message({{"provider", "gitlab"}, {"additionalParams", {{"a", 1}}}}) ==
        "[body.additionalParams.a] Invalid input: expected string, received number");
  CHECK(message({{"provider", "gitlab"}, {"additionalParams", {{"state", "x"}}}}) ==
        "[body.additionalParams] additionalParams cannot include reserved OAuth parameters: state, client_id, "
        "redirect_uri, "
        "response_type, code_challenge, code_challenge_method, nonce, scope");
  CHECK(message({{"provider", "gitlab"}, {"idToken", {{"nonce", 1}}}}) ==
        "[body.idToken.token] Invalid input: expected string, received undefined; [body.idToken.nonce] Invalid input: "
        "expected string, received number");
  CHECK(message({{"provider", "gitlab"}, {"additionalData", {{"a", std::string(17'000, 'x')}}}}) ==
        "[body.additionalData] Too big");
  CHECK(message({{"provider", "nope"}}) == "Provider not found");
  CHECK(message({{"provider", "gitlab"}, {"callbackURL", "https://evil.example.test/"}}) == "Invalid callbackURL");
  CHECK(world.server.query("SELECT \"id\" FROM \"verification\"").rows.empty());
}

TEST_CASE("a flow that says too much is not begun, nor one that its cookie cannot carry") {
  for (const bool in_cookie : {false, true}) {
    auto settings = MockProvider::settings();
    if (in_cookie) settings.account.store_state_strategy = config::AccountSettings::StateStore::cookie;
    SocialWorld world(settings);
    Browser browser(world.server);
    const auto begin = [&](std::size_t bytes) {
      return browser.post("/sign-in/social", {{"provider", "gitlab"}, {"callbackURL", "/" + std::string(bytes, 'a')}});
    };
    CHECK(begin(in_cookie ? 3'000 : 30'000).status == 200);
    CHECK(begin(in_cookie ? 5'000 : 40'000).body == R"({"message":"[body] Too big","code":"VALIDATION_ERROR"})");
    CHECK(world.server.query("SELECT \"id\" FROM \"verification\"").rows.size() == 1);
  }
  auto settings = MockProvider::settings();
  settings.account.store_state_strategy = config::AccountSettings::StateStore::cookie;
  SocialWorld world(settings);
  Browser browser(world.server);
  const std::string destination = "/" + std::string(3'000, 'a');
  const auto callback = world.provider.approve(world.start(browser, "gitlab", {{"callbackURL", destination}}));
  CHECK(browser.get(callback).header("Location") == destination);
  CHECK(browser.cookies.size() == 1);
}

TEST_CASE("a client's own data rides along and cannot pose as the flow's") {
  SocialWorld world;
  Browser browser(world.server);
  world.start(
      browser, "gitlab",
      {{"additionalData", {{"plan", "pro"}, {"link", {{"userId", "u"}, {"email", "e"}}}, {"codeVerifier", "x"}}}});
  const auto row = world.server.query("SELECT \"value\" FROM \"verification\"").rows.at(0).text(0);
  const auto value = json::parse(row).as_object();
  CHECK(value.at("plan").as_string() == "pro");
  CHECK(!value.contains("link"));
  CHECK(value.at("codeVerifier").as_string().size() == 128);
}

TEST_CASE("sign-out leads to the provider's own, where it has one") {
  SocialWorld world;
  Browser browser(world.server);
  world.sign_in(browser, "oidc");
  const auto answer = browser.post("/sign-out", {{"callbackURL", "/bye"}, {"state", "s"}});
  const std::string url(answer.json().at("url").as_string());
  CHECK(url.starts_with("https://id.example.test/logout?id_token_hint="));
  CHECK(url.ends_with("&post_logout_redirect_uri=http%3A%2F%2Fauth.example.test%2Fbye&client_id=app&state=s"));
  CHECK(answer.header("Location") == url);
  Browser plain(world.server);
  world.provider.user = {{"sub", "2"}, {"email", "bob@example.test"}, {"email_verified", true}, {"name", "Bob"}};
  world.sign_in(plain, "plain");
  CHECK(plain.post("/sign-out", json::object()).body == R"({"success":true})");
}
