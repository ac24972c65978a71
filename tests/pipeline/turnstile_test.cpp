#include <doctest/doctest.h>

#include "auth/challenges.hpp"
#include "auth/secret_attempt.hpp"
#include "tests/outbound/scripted_siteverify.hpp"
#include "tests/pipeline/pipeline_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr auto* kRoutes =
    "- {path: /guarded, upstream: demo, auth: public, turnstile: always}\n"
    "- {path: /risky, upstream: demo, auth: optional, turnstile: on_risk}\n"
    "- {path: /free, upstream: demo, auth: public}\n"
    "- {path: /mine, upstream: demo, turnstile: always, body_limit: 10B}\n"
    "- {path: /staff, upstream: demo, require: {role: staff}, turnstile: always}\n";
const std::string kKeys =
    ", auth: {abuse_ladder: {challenge_after: 3}}, turnstile: {secret_key: secret-1, site_key: site-1, endpoints: "
    "[/ok, /read, /mail]";
constexpr auto* kYes = R"({"success":true,"hostname":"www.example.com"})";
constexpr auto* kMissing = R"({"code":"MISSING_RESPONSE","message":"Missing CAPTCHA response"})";
constexpr auto* kFailed = R"({"code":"VERIFICATION_FAILED","message":"Captcha verification failed"})";

Awaitable<Result<auth::Reply>> ask_for_mail(auth::EndpointCall& call) {
  auto begun = co_await auth::begin_attempt(call, auth::of_mailbox(call, "ann@example.com"));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  co_return auth::reply_json(nullptr);
}

// As the request for a reset.
auth::Feature mail_feature() {
  auth::Feature feature;
  feature.name = "mail";
  auth::Endpoint endpoint;
  endpoint.method = "POST";
  endpoint.path = "/mail";
  endpoint.handler = ask_for_mail;
  endpoint.climbs = true;
  feature.endpoints.push_back(std::move(endpoint));
  return feature;
}

struct TurnstileWorld : PipelineWorld {
  explicit TurnstileWorld(const std::string& more = "") : PipelineWorld(kRoutes, kKeys + more + "}") {
    siteverify.say(kYes);
  }
  // As the world's own: what still waits goes while the pipeline is there.
  ~TurnstileWorld() {
    cache.stop();
    io.shutdown();
  }

  Client ask(MemoryRequest request) {
    auto client = make_client(std::move(request));
    run_coroutine(io, guarded.handle(client->exchange()));
    return client;
  }
  Client ask(const std::string& target, Fields fields = {}) {
    return ask({.target = target, .fields = std::move(fields)});
  }

  auth::Services with_ladder() {
    auth::Services with = services;
    with.attempts = &attempts;
    with.challenges = &challenges;
    return with;
  }
  // Wrong attempts on an account from elsewhere, or of a network on accounts that nobody asks about.
  void fail_at(const std::string& email) { fail({auth::account_of_email(email), ""}); }
  void fail_from(const IpAddress& address) { fail({"", auth::network_of(address)}); }
  void fail(const auth::AttemptSubject& subject) {
    const auto rules = auth::make_rules(settings.abuse_ladder, false);
    run_coroutine(io, attempts.begin(attempts.make_keys(subject), rules, false));
  }

  auto lines() {
    guarded.tick();
    return log_lines();
  }

  ScriptedSiteverify siteverify;
  outbound::Turnstile turnstile{configuration.gateway, siteverify, random};
  auth::AttemptCounts attempt_counts;
  auth::Attempts attempts{{settings.abuse_ladder, attempt_counts, nullptr, clock, "a secret"}};
  const auth::Challenges challenges{configuration.gateway.turnstile, &turnstile};
  auth::Dispatcher asking{with_ladder(), {test_feature(), mail_feature()}};
  pipeline::Pipeline guarded{
      {io, deadlines, clock, random, sessions, cookies, asking, origins, signer, limiter, live, access_log, audit,
       metrics, [](std::string_view, std::string_view) { return true; }, &turnstile, &attempts},
      std::make_shared<const pipeline::Site>(configuration)};
};

}  // namespace

TEST_CASE_FIXTURE(TurnstileWorld, "a route that always asks lets a verified token through, in either field") {
  for (const char* field : {"X-Captcha-Response", "CF-Turnstile-Response"}) {
    CAPTURE(field);
    CHECK(ask("/guarded", {{field, "token-1"}})->status() == 200);
  }
  CHECK(siteverify.requests.size() == 2);
  CHECK(ask("/free")->status() == 200);
  CHECK(siteverify.requests.size() == 2);
}

TEST_CASE_FIXTURE(TurnstileWorld, "without a token, or with an empty one, nobody is asked and nothing forwarded") {
  for (const auto& fields : {Fields{}, Fields{{"X-Captcha-Response", ""}}, Fields{{"CF-Turnstile-Response", ""}}}) {
    const auto client = ask("/guarded", fields);
    CHECK(client->status() == 400);
    CHECK(client->body() == kMissing);
  }
  CHECK(siteverify.requests.empty());
  CHECK_FALSE(upstream_was_reached());
  CHECK(lines().at(0).at("reason") == "turnstile_missing");
}

TEST_CASE_FIXTURE(TurnstileWorld, "a token that siteverify refuses is refused") {
  siteverify.say(R"({"success":false,"error-codes":["timeout-or-duplicate"]})");
  const auto client = ask("/guarded", {{"CF-Turnstile-Response", "token-1"}});
  CHECK(client->status() == 403);
  CHECK(client->body() == kFailed);
  CHECK_FALSE(upstream_was_reached());
  CHECK(lines().at(0).at("reason") == "turnstile_refused");
}

TEST_CASE_FIXTURE(TurnstileWorld, "where siteverify does not answer, the route is closed") {
  siteverify.failures = {"outbound_timeout"};
  const auto client = ask("/guarded", {{"CF-Turnstile-Response", "token-1"}});
  CHECK(client->status() == 503);
  CHECK_FALSE(upstream_was_reached());
  CHECK(lines().at(0).at("reason") == "turnstile_unavailable");
}

TEST_CASE_FIXTURE(TurnstileWorld, "a route that asks is closed where the gateway was started without a key") {
  CHECK(get("/guarded", {{"CF-Turnstile-Response", "token-1"}})->status() == 503);
  CHECK(get("/guarded")->status() == 400);
  CHECK_FALSE(upstream_was_reached());
}

TEST_CASE_FIXTURE(TurnstileWorld, "whoever may not pass anyway costs no call and loses no token") {
  const Fields token{{"CF-Turnstile-Response", "token-1"}};
  const auto with = [&](Fields fields) {
    fields.insert(fields.end(), token.begin(), token.end());
    return fields;
  };
  CHECK(ask("/mine", token)->status() == 401);
  CHECK(ask("/mine", with({{"Accept", "text/html"}}))->status() == 302);
  const std::string cookie = cookie_of(sign_in("u1"));
  CHECK(ask("/staff", with({{"Cookie", cookie}}))->status() == 403);
  const auto post = [&](const char* origin, std::string body) {
    return ask({.method = "POST",
                .target = "/mine",
                .fields = with({{"Cookie", cookie}, {"Origin", origin}}),
                .body = std::move(body)})
        ->status();
  };
  CHECK(post("https://evil.example", "x") == 403);
  CHECK(post("https://www.example.com", std::string(11, 'x')) == 413);
  CHECK(siteverify.requests.empty());
  CHECK(ask("/mine", {{"Cookie", cookie}})->status() == 400);
  CHECK(ask("/mine", with({{"Cookie", cookie}}))->status() == 200);
  CHECK(siteverify.requests.size() == 1);
}

TEST_CASE_FIXTURE(TurnstileWorld, "a token of a guarded endpoint may stand in its body, which is a form or JSON") {
  const auto post = [&](const char* type, std::string body) {
    return ask(
        {.method = "POST", .target = "/api/auth/read", .fields = {{"Content-Type", type}}, .body = std::move(body)});
  };
  CHECK(post("application/json", R"({"cf-turnstile-response":"token-1"})")->status() == 200);
  CHECK(siteverify.requests.size() == 1);
  CHECK(siteverify.requests.at(0).body.find(R"("response":"token-1")") != std::string::npos);
  // The endpoint reads JSON alone, which is found after the token.
  CHECK(post("application/x-www-form-urlencoded", "x=1&cf-turnstile-response=token-2")->status() == 415);
  CHECK(siteverify.requests.size() == 2);
  for (const char* body : {R"({"cf-turnstile-response":""})", R"({"cf-turnstile-response":["token"]})", "[1]", "null",
                           R"({"x-captcha-response":"token"})", "{broken", ""}) {
    CAPTURE(body);
    CHECK(post("application/json", body)->body() == kMissing);
  }
  CHECK(post("text/plain", "cf-turnstile-response=token")->body() == kMissing);
  CHECK(siteverify.requests.size() == 2);
}

TEST_CASE_FIXTURE(TurnstileWorld, "a route on_risk asks an address, or an account, that has failed too often") {
  CHECK(ask("/risky")->status() == 200);
  const auto session = sign_in("u1");
  CHECK(ask("/risky", {{"Cookie", cookie_of(session)}})->status() == 200);
  for (int i = 0; i < 3; ++i) fail_at("u1@example.com");
  CHECK(ask("/risky")->status() == 200);
  CHECK(ask("/risky", {{"Cookie", cookie_of(session)}})->status() == 400);
  CHECK(ask("/risky", {{"Cookie", cookie_of(session)}, {"CF-Turnstile-Response", "t"}})->status() == 200);
  CHECK(siteverify.requests.size() == 1);
  for (int i = 0; i < 3; ++i) fail_from(ask("/free")->exchange().peer);
  CHECK(ask("/risky")->status() == 400);
}

TEST_CASE_FIXTURE(TurnstileWorld, "a guarded endpoint asks before it reads the body, in Better Auth's words") {
  const auto missing = ask({.method = "POST", .target = "/api/auth/read", .body = "{broken"});
  CHECK(missing->status() == 400);
  CHECK(missing->body() == kMissing);
  siteverify.say(R"({"success":false})");
  const auto refused = ask("/api/auth/ok", {{"x-captcha-response", "token-1"}});
  CHECK(refused->status() == 403);
  CHECK(refused->body() == kFailed);
  siteverify.failures = {"", "outbound_timeout"};
  const auto away = ask("/api/auth/ok", {{"x-captcha-response", "token-1"}});
  CHECK(away->status() == 503);
  CHECK(away->body() == R"({"code":"UNKNOWN_ERROR","message":"Something went wrong"})");
  siteverify.say(kYes);
  CHECK(ask("/api/auth/ok", {{"x-captcha-response", "token-1"}})->status() == 200);
  CHECK(ask("/api/auth/ok/", {})->status() == 400);
  CHECK(ask("/api/auth/elsewhere", {})->status() == 404);
}

TEST_CASE("an endpoint on_risk asks when attempts of the network have piled up, and those with a token do not count") {
  TurnstileWorld world(", mode: on_risk");
  const auto post = [&](Fields fields = {}) {
    fields.emplace_back("Content-Type", "application/json");
    return world.ask({.method = "POST", .target = "/api/auth/read", .fields = fields, .body = "{}"})->status();
  };
  for (int i = 0; i < 3; ++i) CHECK(post() == 200);
  CHECK(post() == 400);
  for (int i = 0; i < 20; ++i) CHECK(post({{"x-captcha-response", "token-1"}}) == 200);
  CHECK(world.siteverify.requests.size() == 20);
  world.clock.advance(std::chrono::minutes{3});
  CHECK(post() == 200);
  CHECK(post() == 400);
  world.siteverify.failures.resize(22);
  world.siteverify.failures.at(20) = world.siteverify.failures.at(21) = "outbound_timeout";
  CHECK(post({{"x-captcha-response", "token-1"}}) == 503);
}

TEST_CASE("who wants mails sent climbs to the lock with a token for each, too") {
  for (const char* mode : {"on_risk", "always"}) {
    CAPTURE(mode);
    TurnstileWorld world(std::string(", mode: ") + mode);
    const auto ask = [&](Fields fields) {
      world.clock.advance(std::chrono::seconds{40});
      return world.ask({.method = "POST", .target = "/api/auth/mail", .fields = std::move(fields)})->status();
    };
    for (int i = 0; i < 10; ++i) CHECK(ask({{"x-captcha-response", "token-1"}}) == 200);
    CHECK(ask({{"x-captcha-response", "token-1"}}) == 429);
  }
}

TEST_CASE("a token in the body counts on_risk, too") {
  TurnstileWorld world(", mode: on_risk");
  for (int i = 0; i < 3; ++i) world.fail_from(world.ask("/free")->exchange().peer);
  const auto post = [&](std::string body) {
    return world
        .ask({.method = "POST",
              .target = "/api/auth/read",
              .fields = {{"Content-Type", "application/json"}},
              .body = std::move(body)})
        ->status();
  };
  CHECK(post("{}") == 400);
  CHECK(post(R"({"cf-turnstile-response":"token-1"})") == 200);
  CHECK(world.siteverify.requests.size() == 1);
}

TEST_CASE("an endpoint that always asks does so before the body, one on_risk after what is wrong with it") {
  TurnstileWorld always;
  CHECK(always.ask({.method = "POST", .target = "/api/auth/read", .body = "{broken"})->body() == kMissing);
  TurnstileWorld on_risk(", mode: on_risk");
  for (int i = 0; i < 3; ++i) on_risk.fail_from(on_risk.ask("/free")->exchange().peer);
  const auto broken = on_risk.ask({.method = "POST",
                                   .target = "/api/auth/read",
                                   .fields = {{"Content-Type", "application/json"}},
                                   .body = "{broken"});
  CHECK(broken->status() == 400);
  CHECK(broken->body() != kMissing);
}
