#include <doctest/doctest.h>

#include "tests/config/loading.hpp"

using namespace gatehouse::config;

namespace {

std::string with_auth(const std::string& auth) {
  return "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {" + auth + "}}\n";
}

}  // namespace

TEST_CASE("a provider that is built in needs its credentials, written or in the environment") {
  Loading loading;
  loading.environment["AUTH_GITHUB_CLIENT_ID"] = "id";
  loading.environment["AUTH_GITHUB_CLIENT_SECRET"] = "secret";
  const auto written =
      load_text(with_auth("social_providers: {github: {scope: [repo]}}"), loading).gateway.auth.social_providers;
  REQUIRE(written.size() == 1);
  CHECK(written[0].client_id == "id");
  CHECK(written[0].client_secret.reveal() == "secret");
  CHECK(written[0].scope == std::vector<std::string>{"repo"});
  const auto found = load_text(kListen, loading).gateway.auth.social_providers;
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "github");
  loading.environment.erase("AUTH_GITHUB_CLIENT_SECRET");
  const auto loaded = load_text(kListen, loading);
  CHECK(loaded.gateway.auth.social_providers.empty());
  CHECK(loaded.notes == std::vector<std::string>{
                            "AUTH_GITHUB_CLIENT_ID is set, but AUTH_GITHUB_CLIENT_SECRET is not: it has no effect"});
  CHECK(heads_of(with_auth("social_providers: {google: {}}")).find("write it, or set AUTH_GOOGLE_CLIENT_ID") !=
        std::string::npos);
}

TEST_CASE("a provider that is not built in is told where it belongs") {
  CHECK(heads_of(with_auth("social_providers: {githup: {client_id: a}}"))
            .find("is no provider that is built in, did you mean 'github'?; others go below generic_oauth") !=
        std::string::npos);
}

TEST_CASE("a generic provider needs its endpoints, and TLS unless plain http is allowed") {
  CHECK(heads_of(with_auth("generic_oauth: {company: {client_id: a}}"))
            .find("needs discovery_url, or authorization_url and token_url") != std::string::npos);
  CHECK(heads_of(with_auth("generic_oauth: {company: {client_id: a, discovery_url: \"http://id.example.com/\"}}"))
            .find("is http: write https, or insecure_http: true beside it") != std::string::npos);
  const auto loaded = load_text(with_auth(
      "generic_oauth: {company: {client_id: a, discovery_url: \"http://id.example.com/\", insecure_http: true}}"));
  REQUIRE(loaded.gateway.auth.generic_oauth.size() == 1);
  CHECK(loaded.gateway.auth.generic_oauth[0].generic);
  CHECK(loaded.unsafe.back() == "company: insecure_http: its tokens and profiles may travel without TLS");
}

TEST_CASE("Apple's client secret may be made of a key, which is whole or not there, and nobody else's") {
  const auto loaded =
      load_text(with_auth("social_providers: {apple: {client_id: a, team_id: T, key_id: K, private_key: \"-----BEGIN "
                          "PRIVATE KEY-----\"}}"));
  REQUIRE(loaded.gateway.auth.social_providers.size() == 1);
  CHECK(loaded.gateway.auth.social_providers[0].client_secret.empty());
  CHECK(heads_of(with_auth("social_providers: {apple: {client_id: a, key_id: K, private_key: P}}"))
            .find("needs team_id, key_id and private_key together") != std::string::npos);
  CHECK(heads_of(
            with_auth(
                "social_providers: {apple: {client_id: a, client_secret: s, team_id: T, key_id: K, private_key: P}}"))
            .find("has both a client_secret and a private_key to make one of") != std::string::npos);
  CHECK(heads_of(with_auth("social_providers: {google: {client_id: a, client_secret: s, team_id: T}}"))
            .find("has a team_id, key_id or private_key, which only apple has") != std::string::npos);
}

TEST_CASE("no two providers have one name") {
  CHECK(
      heads_of(
          with_auth("social_providers: {github: {client_id: a, client_secret: b}}, generic_oauth: {github: {client_id: "
                    "a, discovery_url: \"https://id.example.com/\"}}"))
          .find("is the name of one of social_providers as well") != std::string::npos);
}
