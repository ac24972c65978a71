#include <doctest/doctest.h>

#include "tests/config/loading.hpp"

using namespace gatehouse;
using namespace gatehouse::config;

namespace {

const std::string kUpstream = "upstreams: {web: {servers: ['http://127.0.0.1:1']}}\n";

std::string with(const std::string& turnstile, const std::string& more = "") {
  return "gateway: {listen: {insecure_http: '127.0.0.1:0'}, turnstile: {" + turnstile + "}" + more + "}\n" + kUpstream;
}

}  // namespace

TEST_CASE("the keys of Turnstile are read, from the environment too, and guard what Better Auth guards") {
  Loading loading;
  loading.environment["TURNSTILE_SECRET_KEY"] = "secret-1";
  loading.environment["TURNSTILE_SITE_KEY"] = "site-1";
  const auto turnstile =
      load_text("gateway: {listen: {insecure_http: '127.0.0.1:0'}}\n" + kUpstream, loading).gateway.turnstile;
  CHECK(turnstile.is_configured());
  CHECK(turnstile.secret_key.reveal() == "secret-1");
  CHECK(turnstile.site_key == "site-1");
  CHECK(turnstile.mode == TurnstileMode::always);
  CHECK(turnstile.endpoints == std::vector<std::string>{"/sign-up/email", "/sign-in/email", "/request-password-reset"});

  const auto written =
      load_text(
          with("secret_key: a, site_key: b, mode: on_risk, endpoints: ['/sign-in/*'], hostnames: [WWW.example.org], "
               "action: login"))
          .gateway.turnstile;
  CHECK(written.mode == TurnstileMode::on_risk);
  CHECK(written.endpoints == std::vector<std::string>{"/sign-in/*"});
  CHECK(written.hostnames == std::vector<std::string>{"www.example.org"});
  CHECK(written.action == "login");
}

TEST_CASE("without keys there is no Turnstile") {
  CHECK_FALSE(
      load_text("gateway: {listen: {insecure_http: '127.0.0.1:0'}}\n" + kUpstream).gateway.turnstile.is_configured());
}

TEST_CASE("half of Turnstile's keys is an error, which would refuse everybody or nobody") {
  CHECK(heads_of(with("site_key: b")).find("gateway.turnstile.secret_key: is missing") != std::string::npos);
  CHECK(heads_of(with("secret_key: a")).find("gateway.turnstile.site_key: is missing") != std::string::npos);
  CHECK(heads_of(with("secret_key: a", ", pages: {enabled: false}")) == "");
  CHECK(heads_of(with("secret_key: a, mode: off")) == "");
  CHECK(heads_of(with("secret_key: a, site_key: b, insecure_siteverify_url: /x")).find("is no http(s) URL") !=
        std::string::npos);
}

TEST_CASE("a siteverify of one's own is told as insecure") {
  const auto configuration =
      load_text(with("secret_key: a, site_key: b, insecure_siteverify_url: 'http://127.0.0.1:9/v'"));
  REQUIRE(configuration.unsafe.size() == 2);
  CHECK(configuration.unsafe[1] == "turnstile.insecure_siteverify_url: whoever answers there decides who is a person");
}

TEST_CASE("a route that asks for a token needs the secret key") {
  const auto routes = [](const std::string& turnstile) {
    return "routes: [{path: /a, upstream: web, auth: public, turnstile: " + turnstile + "}]\n";
  };
  const std::string without = "gateway: {listen: {insecure_http: '127.0.0.1:0'}}\n" + kUpstream;
  CHECK(heads_of(without + routes("off")) == "");
  for (const char* word : {"always", "on_risk"}) {
    CAPTURE(word);
    CHECK(heads_of(without + routes(word)).find("routes[0].turnstile: needs gateway.turnstile.secret_key") !=
          std::string::npos);
    CHECK(heads_of(with("secret_key: a, site_key: b") + routes(word)) == "");
  }
  CHECK(heads_of(without + routes("sometimes")).find("'sometimes' is none of off, on_risk, always") !=
        std::string::npos);
  CHECK(heads_of(without + "defaults: {turnstile: always}\nroutes: [{path: /a, upstream: web}]\n")
            .find("defaults.turnstile: needs gateway.turnstile.secret_key") != std::string::npos);
  const auto configuration = load_text(with("secret_key: a, site_key: b") +
                                       "defaults: {turnstile: on_risk}\nroutes: [{path: /a, upstream: web}, {path: /b, "
                                       "upstream: web, turnstile: off}]\n");
  CHECK(configuration.routes[0].turnstile == TurnstileMode::on_risk);
  CHECK(configuration.routes[1].turnstile == TurnstileMode::off);
}

TEST_CASE("routes of which one asks for a token are told apart by more than spelling") {
  Route plain, asking;
  asking.turnstile = TurnstileMode::always;
  CHECK(plain.has_rule_of(plain));
  CHECK_FALSE(plain.has_rule_of(asking));
}
