#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>

#include "auth/oauth/exchange.hpp"
#include "auth/oauth/providers.hpp"
#include "auth/url_query.hpp"
#include "tests/features/auth_server.hpp"
#include "tests/support/jwt_signer.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace gatehouse::auth;
namespace json = boost::json;

namespace {

// One provider with its calls answered by URL, without a gateway around it.
struct ProviderWorld {
  explicit ProviderWorld(std::string id) {
    config::ProviderSettings one;
    one.id = std::move(id);
    one.client_id = "app";
    one.client_secret = Secret("secret");
    one.scope = {"own"};
    one.prompt = "consent";
    settings.social_providers = {one};
    http.answer = [this](const outbound::HttpRequest& request) {
      clock.advance(delay);
      const auto found = answers.find(request.url.substr(0, request.url.find('?')));
      return found == answers.end() ? outbound::HttpResponse{404, "", ""}
                                    : outbound::HttpResponse{200, "application/json", found->second};
    };
  }

  oauth::ProviderPtr provider() { return run_coroutine(context, providers().find(providers().names().at(0).first)); }
  oauth::Providers& providers() {
    if (!providers_) providers_.emplace(settings, http, clock);
    return *providers_;
  }
  std::optional<oauth::Profile> arrive(std::string nonce) {
    const auto found = provider();
    oauth::Exchange exchange(http, clock);
    const auto tokens =
        run_coroutine(context, exchange.tokens_for_code(*found, "code", "verifier", "https://g.example/cb"));
    if (!tokens) return std::nullopt;
    return run_coroutine(context, exchange.profile(*found, *tokens, std::move(nonce), ""));
  }

  config::AuthSettings settings;
  ManualClock clock;
  asio::io_context context;
  ScriptedHttp http;
  std::map<std::string, std::string> answers;
  std::chrono::milliseconds delay{0};

 private:
  std::optional<oauth::Providers> providers_;
};

struct SlackWorld : ProviderWorld {
  SlackWorld() : ProviderWorld("slack") {
    answers["https://slack.com/openid/connect/keys"] = R"({"keys":[)" + signer.jwk() + "]}";
    answers["https://slack.com/api/openid.connect.userInfo"] =
        R"({"ok":true,"sub":"U1","https://slack.com/user_id":"U1","email":"ann@example.test","email_verified":true,"name":"Ann"})";
  }
  void answer_tokens(const json::object& changed) {
    const auto now = clock.now().time_since_epoch().count() / 1000;
    json::object claims{
        {"iss", "https://slack.com"}, {"aud", "app"}, {"sub", "U1"}, {"iat", now}, {"exp", now + 60}, {"nonce", "n"}};
    for (const auto& member : changed) claims[member.key()] = member.value();
    answers["https://slack.com/api/openid.connect.token"] = json::serialize(
        json::object{{"ok", true}, {"access_token", "t"}, {"id_token", signer.sign(json::serialize(claims))}});
  }
  JwtSigner signer{"RS256", "key-1"};
};

constexpr std::string_view kChallenge =
    "&code_challenge_method=S256&code_challenge=3lpveBFuymLX_FzhWdI65riJs2Whc5rSzzb5JaFA0Mw";

}  // namespace

// As Better Auth 1.7.25 sends people, and a nonce wherever the ID token is looked at, and PKCE with Discord.
TEST_CASE("people are sent to each provider with its scopes, and with PKCE or a nonce wherever it knows either") {
  struct Row {
    std::string id, start, end;
    bool pkce = true;
  };
  const std::vector<Row> rows{
      {"apple",
       "https://appleid.apple.com/auth/authorize?response_type=code+id_token&client_id=app&state=S"
       "&scope=email+name+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb&nonce=N&response_mode=form_post",
       ""},
      {"discord",
       "https://discord.com/api/oauth2/authorize?response_type=code&client_id=app&state=S"
       "&scope=identify+email+asked+own&redirect_uri=https%3A%2F%2Fg.example%2Fcb&prompt=consent",
       ""},
      {"facebook",
       "https://www.facebook.com/v24.0/dialog/oauth?response_type=code&client_id=app&state=S"
       "&scope=email+public_profile+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb&login_hint=ann",
       "", false},
      {"github",
       "https://github.com/login/oauth/authorize?response_type=code&client_id=app&state=S"
       "&scope=read%3Auser+user%3Aemail+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb&login_hint=ann"
       "&prompt=consent",
       ""},
      {"gitlab",
       "https://gitlab.com/oauth/authorize?response_type=code&client_id=app&state=S&scope=read_user+own+asked"
       "&redirect_uri=https%3A%2F%2Fg.example%2Fcb&login_hint=ann",
       ""},
      {"google",
       "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=app&state=S"
       "&scope=email+profile+openid+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb&login_hint=ann&nonce=N"
       "&prompt=consent",
       "&include_granted_scopes=true"},
      {"linkedin",
       "https://www.linkedin.com/oauth/v2/authorization?response_type=code&client_id=app&state=S"
       "&scope=profile+email+openid+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb&login_hint=ann",
       "", false},
      {"microsoft",
       "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?response_type=code&client_id=app&state=S"
       "&scope=openid+profile+email+User.Read+offline_access+own+asked"
       "&redirect_uri=https%3A%2F%2Fg.example%2Fcb&login_hint=ann&nonce=N&prompt=consent",
       ""},
      {"slack",
       "https://slack.com/openid/connect/authorize?response_type=code&client_id=app&state=S"
       "&scope=openid+profile+email+asked+own&redirect_uri=https%3A%2F%2Fg.example%2Fcb&nonce=N",
       "", false},
      {"spotify",
       "https://accounts.spotify.com/authorize?response_type=code&client_id=app&state=S"
       "&scope=user-read-email+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb",
       ""},
      {"twitch",
       "https://id.twitch.tv/oauth2/authorize?response_type=code&client_id=app&state=S"
       "&scope=user%3Aread%3Aemail+openid+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb&nonce=N",
       "&claims=%7B%22id_token%22%3A%7B%22email%22%3Anull%2C%22email_verified%22%3Anull%2C"
       "%22preferred_username%22%3Anull%2C%22picture%22%3Anull%7D%7D",
       false},
      {"twitter",
       "https://x.com/i/oauth2/authorize?response_type=code&client_id=app&state=S"
       "&scope=users.read+tweet.read+offline.access+users.email+own+asked&redirect_uri=https%3A%2F%2Fg.example%2Fcb",
       ""},
  };
  CHECK(rows.size() == config::kBuiltInProviders.size());
  for (const auto& row : rows) {
    ProviderWorld world(row.id);
    const auto provider = world.provider();
    oauth::AuthorizationRequest request{.state = "S",
                                        .code_verifier = "V",
                                        .nonce = provider->requires_nonce() ? "N" : "",
                                        .redirect_uri = "https://g.example/cb",
                                        .scopes = {"asked"},
                                        .login_hint = "ann",
                                        .additional_params = {}};
    CHECK(oauth::make_authorization_url(*provider, request) ==
          row.start + std::string(row.pkce ? kChallenge : "") + row.end);
    world.answers[provider->token_url] = R"({"access_token":"t"})";
    world.arrive("N");
    const UrlQuery form(world.http.requests.at(0).body);
    CHECK(form.find("code_verifier").has_value() == row.pkce);
  }
}

TEST_CASE("Slack's ID token binds the code to its flow, and its profile must be of the same person") {
  SlackWorld world;
  world.answer_tokens({});
  const auto profile = world.arrive("n");
  REQUIRE(profile.has_value());
  CHECK(profile->subject == "U1");
  CHECK(profile->user.at("email").as_string() == "ann@example.test");
  CHECK(!world.arrive("of another flow").has_value());
  for (const json::object& changed :
       {json::object{{"sub", "U2"}}, json::object{{"aud", "another"}}, json::object{{"iss", "https://evil.example"}},
        json::object{{"nonce", nullptr}}, json::object{{"exp", 1}}}) {
    CAPTURE(json::serialize(changed));
    world.answer_tokens(changed);
    CHECK(!world.arrive("n").has_value());
  }
  world.answers["https://slack.com/api/openid.connect.token"] = R"({"ok":true,"access_token":"t"})";
  CHECK(!world.arrive("n").has_value());
}

TEST_CASE("Slack's profile is read for a stored account whose ID token has expired") {
  SlackWorld world;
  world.answer_tokens({{"exp", 1}});
  const auto provider = world.provider();
  oauth::Exchange exchange(world.http, world.clock);
  const auto tokens =
      run_coroutine(world.context, exchange.tokens_for_code(*provider, "code", "verifier", "https://g.example/cb"));
  const auto profile = run_coroutine(world.context, exchange.stored_profile(*provider, *tokens));
  REQUIRE(profile.has_value());
  CHECK(profile->subject == "U1");
}

TEST_CASE("a generic provider's profile is read where the configuration says it is") {
  ProviderWorld world("github");
  auto provider = world.settings.social_providers[0];
  world.settings.social_providers.clear();
  provider.id = "company";
  provider.generic = true;
  provider.authorization_url = "https://id.example.test/authorize";
  provider.token_url = "https://id.example.test/token";
  provider.user_info_url = "https://id.example.test/me";
  provider.profile = {.id = "data.user.uid",
                      .email = "data.mail",
                      .email_verified = "data.user.confirmed",
                      .name = "data.user.display",
                      .image = "data.avatar.url"};
  world.settings.generic_oauth = {provider};
  world.answers["https://id.example.test/token"] = R"({"access_token":"t"})";
  const auto read = [&](std::string profile) {
    world.answers["https://id.example.test/me"] = std::move(profile);
    return world.arrive("");
  };
  const auto whole = read(
      R"({"id":"not this","email":"not@example.test","email_verified":true,"data":{"mail":"ann@example.test","user":{"uid":7,"display":"Ann","confirmed":"true"},"avatar":{"url":"https://i.example.test/a"}}})");
  REQUIRE(whole.has_value());
  CHECK(whole->subject == "7");
  CHECK(json::serialize(whole->user) ==
        R"({"email":"ann@example.test","image":"https://i.example.test/a","name":"Ann","emailVerified":true})");
  const auto unverified = read(R"({"email_verified":true,"data":{"mail":"ann@example.test","user":{"uid":"7"}}})");
  REQUIRE(unverified.has_value());
  CHECK(json::serialize(unverified->user) == R"({"email":"ann@example.test","emailVerified":false})");
  CHECK(!read(R"({"id":"1","data":{"user":"7"}})").has_value());
  CHECK(!read(R"({"id":"1","sub":"1","data":[]})").has_value());
}

TEST_CASE("all calls of one exchange together have ten seconds") {
  ProviderWorld world("github");
  world.answers["https://github.com/login/oauth/access_token"] = R"({"access_token":"t"})";
  world.answers["https://api.github.com/user"] = R"({"id":1,"login":"ann","email":"ann@example.test"})";
  world.answers["https://api.github.com/user/emails"] = R"([{"email":"ann@example.test","verified":true}])";
  world.delay = std::chrono::seconds(4);
  const auto profile = world.arrive("");
  REQUIRE(world.http.requests.size() == 3);
  CHECK(world.http.requests[0].timeout == std::chrono::seconds(5));
  CHECK(world.http.requests[1].timeout == std::chrono::seconds(5));
  CHECK(world.http.requests[2].timeout == std::chrono::seconds(2));
  REQUIRE(profile.has_value());
  world.http.requests.clear();
  world.delay = std::chrono::seconds(10);
  CHECK(!world.arrive("").has_value());
  CHECK(world.http.requests.size() == 1);
}

TEST_CASE("Apple's client secret is made of a private key, and good for five minutes") {
  ProviderWorld world("apple");
  const JwtSigner signer("ES256", "KEY1234567");
  auto& apple = world.settings.social_providers[0];
  apple.client_secret = Secret();
  apple.team_id = "TEAM123456";
  apple.key_id = "KEY1234567";
  apple.private_key = Secret(signer.private_key());
  world.answers["https://appleid.apple.com/auth/token"] = R"({"access_token":"t"})";
  world.arrive("n");
  const UrlQuery form(world.http.requests.at(0).body);
  CHECK(form.find("client_id") == "app");
  const auto token = oauth::parse_signed_token(form.find("client_secret").value());
  REQUIRE(token.has_value());
  CHECK(token->algorithm == "ES256");
  CHECK(token->key_id == "KEY1234567");
  CHECK(json::serialize(token->claims) ==
        R"({"iss":"TEAM123456","iat":1750000000,"exp":1750000300,"aud":"https://appleid.apple.com","sub":"app"})");
  const auto keys = oauth::KeySet::parse(R"({"keys":[)" + signer.jwk() + "]}");
  CHECK(keys->verify(*token));
}

TEST_CASE("a private key that is none is told at the start") {
  const JwtSigner rsa("RS256", "k");
  for (const std::string& text : {std::string("nonsense"), rsa.private_key()}) {
    ProviderWorld world("apple");
    world.settings.social_providers[0].private_key = Secret(text);
    CHECK_THROWS_WITH_AS(world.provider(), "auth.social_providers.apple.private_key is no private key on P-256",
                         std::invalid_argument);
  }
}

namespace {

// Answers when it is told to.
class HeldHttp final : public outbound::HttpClient {
 public:
  void start(outbound::HttpRequest, Completion completion) override { held.push_back(std::move(completion)); }
  void answer(outbound::HttpResponse response) {
    auto completion = std::move(held.front());
    held.erase(held.begin());
    completion(nullptr, std::move(response));
  }
  std::vector<Completion> held;
};

}  // namespace

TEST_CASE("a document that is old is used while it is fetched anew, and only who has none waits") {
  HeldHttp http;
  ManualClock clock;
  asio::io_context context;
  using Document = oauth::RemoteDocument<std::string>;
  Document document(http, clock, "https://id.example/keys", {},
                    [](const std::string& body) { return std::make_shared<const std::string>(body); });
  std::vector<std::string> seen;
  const auto ask = [&](Awaitable<Document::Value> call) {
    asio::co_spawn(context.get_executor(), std::move(call),
                   [&](std::exception_ptr, Document::Value value) { seen.push_back(value ? *value : "nothing"); });
    context.restart();
    context.poll();
  };
  ask(document.get());
  ask(document.get());
  CHECK(http.held.size() == 1);
  CHECK(seen.empty());
  http.answer({200, "", "one"});
  context.restart();
  context.poll();
  CHECK(seen == std::vector<std::string>{"one", "one"});

  clock.advance(std::chrono::hours(2));
  ask(document.get());
  CHECK(http.held.size() == 1);
  CHECK(seen.size() == 3);
  CHECK(seen.back() == "one");
  ask(document.get_newer());
  CHECK(seen.size() == 3);
  http.answer({200, "", "two"});
  context.restart();
  context.poll();
  CHECK(seen.back() == "two");

  clock.advance(std::chrono::hours(2));
  ask(document.get());
  http.answer({500, "", ""});
  ask(document.get());
  CHECK(http.held.empty());
  CHECK(seen.back() == "two");
  clock.advance(std::chrono::hours(24));
  ask(document.get());
  http.answer({500, "", ""});
  context.restart();
  context.poll();
  CHECK(seen.back() == "nothing");
}
