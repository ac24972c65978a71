#include "auth/oauth/providers.hpp"

#include <boost/json/parse.hpp>

#include "base/check.hpp"

namespace gatehouse::auth::oauth {

namespace json = boost::json;

namespace {

std::string fill_in(std::string_view pattern, const config::ProviderSettings& settings, const ProviderFacts& facts) {
  std::string issuer = settings.issuer.empty() ? std::string(facts.default_issuer) : settings.issuer;
  while (issuer.ends_with('/')) issuer.pop_back();
  const std::string tenant = settings.tenant_id.empty() ? "common" : settings.tenant_id;
  std::string out(pattern);
  for (const auto& [word, value] : {std::pair{"{issuer}", issuer}, std::pair{"{tenant}", tenant}}) {
    if (const auto at = out.find(word); at != std::string::npos) out.replace(at, std::string_view(word).size(), value);
  }
  return out;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string written_or(const std::string& written, std::string found) {
  return written.empty() ? std::move(found) : written;
}

bool is_web_url(std::string_view url, bool insecure_http) {
  return url.starts_with("https://") || (insecure_http && url.starts_with("http://"));
}

}  // namespace

Providers::Providers(const config::AuthSettings& settings, outbound::HttpClient& http, const Clock& clock)
    : http_(http), clock_(clock) {
  for (const auto& one : settings.social_providers) {
    entries_[one.id].ready = make_built_in(one);
    names_.emplace_back(one.id, std::string(find_provider_facts(one.id)->name));
  }
  for (const auto& one : settings.generic_oauth) {
    names_.emplace_back(one.id, one.id);
    if (one.discovery_url.empty()) {
      entries_[one.id].ready = make_explicit(one);
      continue;
    }
    const outbound::Reach reach{one.insecure_http, one.private_network};
    entries_[one.id].discovered = std::make_unique<RemoteDocument<Provider>>(
        http_, clock_, one.discovery_url, reach,
        [this, &one](const std::string& document) { return make_discovered(one, document); });
  }
}

Awaitable<ProviderPtr> Providers::find(std::string id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) co_return nullptr;
  if (found->second.ready) co_return found->second.ready;
  auto provider = co_await found->second.discovered->get();
  co_return provider;
}

std::shared_ptr<KeySource> Providers::keys_at(const std::string& url, outbound::Reach reach) {
  const std::lock_guard lock(mutex_);
  auto& keys = keys_[url];
  if (!keys) {
    keys = std::make_shared<KeySource>(http_, clock_, url, reach, [](const std::string& document) -> KeySource::Value {
      auto set = KeySet::parse(document);
      return set ? std::make_shared<const KeySet>(std::move(*set)) : nullptr;
    });
  }
  return keys;
}

ProviderPtr Providers::make_built_in(const config::ProviderSettings& settings) {
  const ProviderFacts* facts = find_provider_facts(settings.id);
  GATEHOUSE_CHECK(facts != nullptr);
  Provider provider{.settings = settings, .facts = facts};
  provider.authorization_url = fill_in(facts->authorization_url, settings, *facts);
  provider.token_url = fill_in(facts->token_url, settings, *facts);
  provider.profile_url = fill_in(facts->profile_url, settings, *facts);
  if (facts->id_token) {
    const auto& known = *facts->id_token;
    IdTokenRules rules;
    rules.issuers.assign(known.issuers.begin(), known.issuers.end());
    rules.audiences = settings.audience;
    rules.audiences.push_back(settings.client_id);
    rules.algorithms.assign(known.algorithms.begin(), known.algorithms.end());
    rules.age_max = known.age_max;
    rules.nonce_may_be_hashed = known.nonce_may_be_hashed;
    provider.id_token = std::move(rules);
    provider.keys = keys_at(fill_in(known.keys_url, settings, *facts), provider.reach());
  }
  return std::make_shared<const Provider>(std::move(provider));
}

ProviderPtr Providers::make_explicit(const config::ProviderSettings& settings) {
  Provider provider{.settings = settings};
  provider.authorization_url = settings.authorization_url;
  provider.token_url = settings.token_url;
  provider.profile_url = settings.user_info_url;
  provider.end_session_url = settings.end_session_url;
  return std::make_shared<const Provider>(std::move(provider));
}

// Runs on the thread of the HttpClient.
ProviderPtr Providers::make_discovered(const config::ProviderSettings& settings, const std::string& document) {
  boost::system::error_code error;
  const auto parsed = json::parse(document, error);
  if (error || !parsed.is_object()) return nullptr;
  const auto& found = parsed.get_object();
  Provider provider{.settings = settings};
  provider.authorization_url = written_or(settings.authorization_url, text_of(found, "authorization_endpoint"));
  provider.token_url = written_or(settings.token_url, text_of(found, "token_endpoint"));
  provider.profile_url = written_or(settings.user_info_url, text_of(found, "userinfo_endpoint"));
  provider.end_session_url = written_or(settings.end_session_url, text_of(found, "end_session_endpoint"));
  provider.issuer = text_of(found, "issuer");
  // The browser is sent there, and codes and secrets: nothing but the web will do.
  for (const auto& url : {provider.authorization_url, provider.token_url})
    if (!is_web_url(url, settings.insecure_http)) return nullptr;
  if (!is_web_url(provider.end_session_url, settings.insecure_http)) provider.end_session_url.clear();
  IdTokenRules rules;
  rules.issuers = {provider.issuer};
  rules.audiences = {settings.client_id};
  const json::value* algorithms = found.if_contains("id_token_signing_alg_values_supported");
  if (algorithms != nullptr && algorithms->is_array()) {
    provider.is_oidc = !algorithms->get_array().empty();
    for (const auto& one : algorithms->get_array())
      if (one.is_string()) rules.algorithms.emplace_back(one.get_string());
  }
  const std::string keys_url = text_of(found, "jwks_uri");
  if (!provider.issuer.empty() && is_web_url(keys_url, settings.insecure_http)) {
    provider.id_token = std::move(rules);
    provider.keys = keys_at(keys_url, provider.reach());
  } else if (settings.require_id_token_verification) {
    return nullptr;
  }
  return std::make_shared<const Provider>(std::move(provider));
}

}  // namespace gatehouse::auth::oauth
