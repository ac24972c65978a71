#include "outbound/turnstile.hpp"

#include <doctest/doctest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/failure.hpp"
#include "tests/outbound/scripted_siteverify.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace gatehouse;
using namespace gatehouse::outbound;
using tests::run_coroutine;
using tests::ScriptedSiteverify;
using Verdict = Turnstile::Verdict;

namespace {

config::Gateway settings() {
  config::Gateway gateway;
  gateway.base_url = {"https", "www.example.com", 443};
  gateway.turnstile.secret_key = Secret("secret-1");
  return gateway;
}

struct World {
  explicit World(config::Gateway gateway = settings()) : turnstile(gateway, siteverify, random) {}

  asio::io_context io;
  SystemRandom random;
  ScriptedSiteverify siteverify;
  Turnstile turnstile;

  Verdict verify(std::string token = "token-1", std::string address = "192.0.2.7") {
    return run_coroutine(io, turnstile.verify(std::move(token), std::move(address)));
  }
  std::string failure() {
    try {
      verify();
      return "";
    } catch (const Failure& failure) {
      CHECK(failure.status() == 503);
      return failure.reason();
    }
  }
  boost::json::object question(std::size_t i = 0) {
    return boost::json::parse(siteverify.requests.at(i).body).as_object();
  }
};

constexpr auto* kYes = R"({"success":true,"hostname":"www.example.com","action":"login","error-codes":[]})";

}  // namespace

TEST_CASE_FIXTURE(World, "siteverify is asked with secret, token, address and a key of its own for each verification") {
  siteverify.say(kYes);
  CHECK(verify() == Verdict::passed);
  const auto& request = siteverify.requests.at(0);
  CHECK(request.method == "POST");
  CHECK(request.url == "https://challenges.cloudflare.com/turnstile/v0/siteverify");
  CHECK(request.reach == Reach{});
  CHECK(request.timeout <= std::chrono::milliseconds(2'800));
  const auto first = question();
  CHECK(first.at("secret") == "secret-1");
  CHECK(first.at("response") == "token-1");
  CHECK(first.at("remoteip") == "192.0.2.7");
  const std::string key(first.at("idempotency_key").as_string());
  CHECK(key.size() == 36);
  CHECK(key[14] == '4');
  verify("token-1", "");
  CHECK_FALSE(question(1).contains("remoteip"));
  CHECK(question(1).at("idempotency_key") != first.at("idempotency_key"));
}

TEST_CASE_FIXTURE(World, "a token that cannot be one is refused without a call") {
  siteverify.say(kYes);
  CHECK(verify(std::string(2048, 'a')) == Verdict::passed);
  CHECK(siteverify.requests.size() == 1);
  for (const std::string& token :
       {std::string(2049, 'a'), std::string(), std::string("a b"), std::string("\xC3\xA4")}) {
    CHECK(verify(token) == Verdict::refused);
  }
  CHECK(siteverify.requests.size() == 1);
}

TEST_CASE_FIXTURE(World, "only a clear yes lets somebody through") {
  for (const auto* body :
       {R"({"success":false,"error-codes":["invalid-input-response"]})",
        R"({"success":false,"error-codes":["timeout-or-duplicate"]})",
        R"({"success":"true","hostname":"www.example.com"})", R"({"success":1,"hostname":"www.example.com"})",
        R"({"hostname":"www.example.com"})", "[]", "true", "{\"success\": tr", "<html>not now</html>"}) {
    CAPTURE(body);
    siteverify.say(body);
    CHECK(verify() == Verdict::refused);
  }
}

TEST_CASE_FIXTURE(World, "a token of another host is refused") {
  for (const auto* body : {R"({"success":true,"hostname":"evil.example.org"})", R"({"success":true})",
                           R"({"success":true,"hostname":["www.example.com"]})"}) {
    CAPTURE(body);
    siteverify.say(body);
    CHECK(verify() == Verdict::wrong_hostname);
  }
  siteverify.say(R"({"success":true,"hostname":"WWW.Example.com"})");
  CHECK(verify() == Verdict::passed);
}

TEST_CASE("a token that was made for another action is refused, where one is named") {
  auto gateway = settings();
  gateway.turnstile.action = "login";
  World world(gateway);
  world.siteverify.say(kYes);
  CHECK(world.verify() == Verdict::passed);
  for (const auto* body : {R"({"success":true,"hostname":"www.example.com","action":"signup"})",
                           R"({"success":true,"hostname":"www.example.com"})"}) {
    CAPTURE(body);
    world.siteverify.say(body);
    CHECK(world.verify() == Verdict::wrong_action);
  }
}

TEST_CASE_FIXTURE(World, "who cannot be asked lets nobody through") {
  siteverify.say(R"({"success":true,"hostname":"www.example.com"})", 500);
  CHECK(failure() == "turnstile_unavailable");
  siteverify.say("");
  CHECK(failure() == "turnstile_unavailable");
  siteverify.say(R"({"success":false,"error-codes":["internal-error"]})");
  CHECK(failure() == "turnstile_unavailable");
  siteverify.say(R"({"success":false,"error-codes":["invalid-input-secret"]})");
  CHECK(failure() == "turnstile_misconfigured");
}

TEST_CASE_FIXTURE(World, "a call that broke off is repeated once, with the same key") {
  siteverify.failures = {"outbound_unreachable"};
  siteverify.say(kYes);
  CHECK(verify() == Verdict::passed);
  REQUIRE(siteverify.requests.size() == 2);
  CHECK(question(0).at("idempotency_key") == question(1).at("idempotency_key"));
}

TEST_CASE_FIXTURE(World, "a call is repeated once at most, and not when time is what was missing") {
  siteverify.failures = {"outbound_unreachable", "outbound_unreachable", "outbound_timeout"};
  siteverify.say(kYes);
  CHECK(failure() == "turnstile_unavailable");
  CHECK(siteverify.requests.size() == 2);
  CHECK(failure() == "turnstile_unavailable");
  CHECK(siteverify.requests.size() == 3);
}

TEST_CASE("a siteverify of one's own may be anywhere") {
  auto gateway = settings();
  gateway.turnstile.insecure_siteverify_url = "http://127.0.0.1:9/siteverify";
  World world(gateway);
  world.siteverify.say(kYes);
  CHECK(world.verify() == Verdict::passed);
  CHECK(world.siteverify.requests.at(0).url == "http://127.0.0.1:9/siteverify");
  CHECK(world.siteverify.requests.at(0).reach == Reach{.insecure_http = true, .private_network = true});
}

TEST_CASE("tokens may come from the gateway's own hosts and its trusted front-ends, unless hostnames are named") {
  auto gateway = settings();
  gateway.hosts = {"www.example.org"};
  gateway.trusted_origins = {"https://app.example.com:8443", "https://*.example.net", "myapp://", "http://[::1]:3000"};
  CHECK(list_turnstile_hostnames(gateway) ==
        std::vector<std::string>{"www.example.org", "www.example.com", "app.example.com", "[::1]"});
  gateway.turnstile.hostnames = {"only.example.com"};
  CHECK(list_turnstile_hostnames(gateway) == std::vector<std::string>{"only.example.com"});
}
