// An identity provider in process: answers the gateway's calls, and plays the user at its sign-in page. Three ways lead
// to it, as in an installation: gitlab (built in), oidc (discovery) and plain (explicit endpoints).
#pragma once
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <string>

#include "auth/url_query.hpp"
#include "tests/features/auth_server.hpp"
#include "tests/support/jwt_signer.hpp"

namespace gatehouse::tests {

class MockProvider {
 public:
  explicit MockProvider(AuthServer& server) : server_(server) {
    server.http.answer = [this](const outbound::HttpRequest& request) { return answer(request); };
  }

  static config::AuthSettings settings() {
    auto settings = AuthServer::default_settings();
    config::ProviderSettings base;
    base.client_id = "app";
    base.client_secret = Secret("app-secret");
    auto gitlab = base;
    gitlab.id = "gitlab";
    gitlab.issuer = "https://id.example.test";
    auto oidc = base;
    oidc.id = "oidc";
    oidc.generic = true;
    oidc.discovery_url = "https://id.example.test/.well-known/openid-configuration";
    oidc.scope = {"openid", "email"};
    auto plain = base;
    plain.id = "plain";
    plain.generic = true;
    plain.authorization_url = "https://id.example.test/oauth/authorize";
    plain.token_url = "https://id.example.test/oauth/token";
    plain.user_info_url = "https://id.example.test/userinfo";
    settings.social_providers = {gitlab};
    settings.generic_oauth = {oidc, plain};
    return settings;
  }

  // Who signs in next.
  boost::json::object user{{"sub", "sub-1"},
                           {"email", "ann@example.test"},
                           {"email_verified", true},
                           {"name", "Ann of the provider"},
                           {"picture", "https://img.example.test/ann.png"}};
  // What an ID token says instead of the truth.
  boost::json::object wrong_claims;
  bool wrong_signature = false;
  // Instead of the answer of a path.
  std::map<std::string, outbound::HttpResponse> instead;
  std::map<std::string, int> calls;  // by path
  std::string last_form;             // of the token endpoint

  // The way of the browser: the provider approves, and sends it back with a code.
  std::string approve(std::string_view authorization_url) {
    const auth::UrlQuery query(authorization_url.substr(authorization_url.find('?') + 1));
    nonce_ = query.find("nonce").value_or("");
    challenge_ = query.find("code_challenge").value_or("");
    const std::string redirect(query.find("redirect_uri").value());
    const auto path = redirect.substr(redirect.find("/callback/"));
    return path + "?code=the-code&state=" + auth::encode_form_value(query.find("state").value());
  }

  std::string sign(const boost::json::object& claims) const { return signer_.sign(boost::json::serialize(claims)); }
  boost::json::object claims(std::string nonce) const {
    const auto now = server_.clock.now().time_since_epoch().count() / 1000;
    boost::json::object all{{"iss", "https://id.example.test"}, {"aud", "app"}, {"iat", now}, {"exp", now + 3600}};
    for (const auto& member : user) all[member.key()] = member.value();
    if (!nonce.empty()) all["nonce"] = nonce;
    for (const auto& member : wrong_claims) all[member.key()] = member.value();
    return all;
  }
  // Of the code challenge that was sent, whether the verifier fits.
  const std::string& challenge() const { return challenge_; }

  void rotate_keys() { signer_keys_ = next_signer_.jwk(); }
  std::string sign_with_next(const boost::json::object& claims_of_token) const {
    return next_signer_.sign(boost::json::serialize(claims_of_token));
  }

 private:
  outbound::HttpResponse answer(const outbound::HttpRequest& request) {
    std::string path = request.url.substr(std::string("https://id.example.test").size());
    path = path.substr(0, path.find('?'));
    ++calls[path];
    if (const auto other = instead.find(path); other != instead.end()) return other->second;
    return {200, "application/json", boost::json::serialize(document(path, request))};
  }

  boost::json::value document(const std::string& path, const outbound::HttpRequest& request) {
    if (path == "/.well-known/openid-configuration")
      return {{"issuer", "https://id.example.test"},
              {"authorization_endpoint", "https://id.example.test/oauth/authorize"},
              {"token_endpoint", "https://id.example.test/oauth/token"},
              {"userinfo_endpoint", "https://id.example.test/userinfo"},
              {"jwks_uri", "https://id.example.test/jwks"},
              {"end_session_endpoint", "https://id.example.test/logout"},
              {"id_token_signing_alg_values_supported", {"RS256"}}};
    if (path == "/jwks") return {{"keys", boost::json::array{boost::json::parse(signer_keys_)}}};
    if (path == "/oauth/token") return tokens(request);
    boost::json::object profile = user;
    profile["id"] = user.at("sub");
    if (path == "/api/v4/user") {
      profile["username"] = "ann";
      profile["state"] = "active";
      profile["locked"] = false;
      profile["avatar_url"] = user.if_contains("picture") ? user.at("picture") : boost::json::value(nullptr);
    }
    return profile;
  }

  boost::json::value tokens(const outbound::HttpRequest& request) {
    last_form = request.body;
    std::string id_token = sign(claims(nonce_));
    if (wrong_signature) id_token.replace(id_token.size() - 8, 8, "AAAAAAAA");
    const auto number = std::to_string(++tokens_);
    return {{"access_token", "access-" + number},
            {"refresh_token", "refresh-" + number},
            {"expires_in", 3600},
            {"scope", "openid email"},
            {"id_token", id_token},
            {"token_type", "Bearer"}};
  }

  AuthServer& server_;
  JwtSigner signer_{"RS256", "key-1"};
  JwtSigner next_signer_{"RS256", "key-2"};
  std::string signer_keys_ = signer_.jwk();
  std::string nonce_, challenge_;
  int tokens_ = 0;
};

struct SocialWorld {
  explicit SocialWorld(config::AuthSettings settings = MockProvider::settings())
      : server(std::move(settings)), provider(server) {}

  // Starts a flow; the provider's address.
  std::string start(Browser& browser, std::string_view provider_id, boost::json::object more = {},
                    std::string path = "/sign-in/social") {
    boost::json::object body{{"provider", provider_id}, {"callbackURL", "/done"}, {"errorCallbackURL", "/oops"}};
    for (const auto& member : more) body[member.key()] = member.value();
    return std::string(browser.post(path, body).json().at("url").as_string());
  }
  // The whole way; where the browser ends.
  std::string sign_in(Browser& browser, std::string_view provider_id, boost::json::object more = {},
                      std::string path = "/sign-in/social") {
    return browser.get(provider.approve(start(browser, provider_id, std::move(more), std::move(path))))
        .header("Location");
  }

  AuthServer server;
  MockProvider provider;
};

}  // namespace gatehouse::tests
