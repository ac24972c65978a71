#include "tests/features/social_sign_in/mock_provider.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "auth/url_query.hpp"
#include "tests/support/jwt_signer.hpp"

namespace gatehouse::tests {

struct MockProvider::Keys {
  JwtSigner now{"RS256", "key-1"};
  JwtSigner next{"RS256", "key-2"};
};

MockProvider::MockProvider(AuthServer& server)
    : server_(server), keys_(std::make_unique<Keys>()), published_key_(keys_->now.jwk()) {
  server.http.answer = [this](const outbound::HttpRequest& request) { return answer(request); };
}

MockProvider::~MockProvider() = default;

config::AuthSettings MockProvider::settings() {
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

std::string MockProvider::approve(std::string_view authorization_url) {
  const auth::UrlQuery query(authorization_url.substr(authorization_url.find('?') + 1));
  nonce_ = query.find("nonce").value_or("");
  challenge_ = query.find("code_challenge").value_or("");
  const std::string redirect(query.find("redirect_uri").value());
  const auto path = redirect.substr(redirect.find("/callback/"));
  return path + "?code=the-code&state=" + auth::encode_form_value(query.find("state").value());
}

std::string MockProvider::sign(const boost::json::object& claims) const {
  return keys_->now.sign(boost::json::serialize(claims));
}

boost::json::object MockProvider::claims(std::string nonce) const {
  const auto now = server_.clock.now().time_since_epoch().count() / 1000;
  boost::json::object all{{"iss", "https://id.example.test"}, {"aud", "app"}, {"iat", now}, {"exp", now + 3600}};
  for (const auto& member : user) all[member.key()] = member.value();
  if (!nonce.empty()) all["nonce"] = nonce;
  for (const auto& member : wrong_claims) all[member.key()] = member.value();
  return all;
}

void MockProvider::rotate_keys() {
  published_key_ = keys_->next.jwk();
}

std::string MockProvider::sign_with_next(const boost::json::object& claims) const {
  return keys_->next.sign(boost::json::serialize(claims));
}

outbound::HttpResponse MockProvider::answer(const outbound::HttpRequest& request) {
  std::string path = request.url.substr(std::string("https://id.example.test").size());
  path = path.substr(0, path.find('?'));
  ++calls[path];
  if (const auto other = instead.find(path); other != instead.end()) return other->second;
  return {200, "application/json", boost::json::serialize(document(path, request))};
}

boost::json::value MockProvider::document(const std::string& path, const outbound::HttpRequest& request) {
  if (path == "/.well-known/openid-configuration")
    return {{"issuer", "https://id.example.test"},
            {"authorization_endpoint", "https://id.example.test/oauth/authorize"},
            {"token_endpoint", "https://id.example.test/oauth/token"},
            {"userinfo_endpoint", "https://id.example.test/userinfo"},
            {"jwks_uri", "https://id.example.test/jwks"},
            {"end_session_endpoint", "https://id.example.test/logout"},
            {"id_token_signing_alg_values_supported", {"RS256"}}};
  if (path == "/jwks") return {{"keys", boost::json::array{boost::json::parse(published_key_)}}};
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

boost::json::value MockProvider::tokens(const outbound::HttpRequest& request) {
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

SocialWorld::SocialWorld(config::AuthSettings settings) : server(std::move(settings)), provider(server) {}

std::string SocialWorld::start(Browser& browser, std::string_view provider_id, boost::json::object more,
                               std::string path) {
  boost::json::object body{{"provider", provider_id}, {"callbackURL", "/done"}, {"errorCallbackURL", "/oops"}};
  for (const auto& member : more) body[member.key()] = member.value();
  return std::string(browser.post(path, body).json().at("url").as_string());
}

std::string SocialWorld::sign_in(Browser& browser, std::string_view provider_id, boost::json::object more,
                                 std::string path) {
  return browser.get(provider.approve(start(browser, provider_id, std::move(more), std::move(path))))
      .header("Location");
}

}  // namespace gatehouse::tests
