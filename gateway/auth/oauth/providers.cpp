#include "auth/oauth/providers.hpp"

#include <stdexcept>

#include "auth/oauth/discovery.hpp"
#include "base/check.hpp"

namespace gatehouse::auth::oauth {

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

std::string written_or(const std::string& written, std::string found) {
  return written.empty() ? std::move(found) : written;
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
  // One provider's document may name another one's keys, but not by the other's ways.
  auto& keys = keys_[{url, reach.insecure_http, reach.private_network}];
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
  if (!settings.private_key.empty()) {
    provider.signing_key = crypto::Es256Key::parse(settings.private_key.reveal());
    if (!provider.signing_key)
      throw std::invalid_argument("auth.social_providers." + settings.id + ".private_key is no private key on P-256");
  }
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
  auto found = parse_discovery(document, settings.insecure_http);
  if (!found) return nullptr;
  Provider provider{.settings = settings};
  provider.authorization_url = written_or(settings.authorization_url, std::move(found->authorization_url));
  provider.token_url = written_or(settings.token_url, std::move(found->token_url));
  provider.profile_url = written_or(settings.user_info_url, std::move(found->profile_url));
  provider.end_session_url = written_or(settings.end_session_url, std::move(found->end_session_url));
  provider.issuer = std::move(found->issuer);
  if (provider.authorization_url.empty() || provider.token_url.empty()) return nullptr;
  provider.is_oidc = !found->algorithms.empty();
  if (!provider.issuer.empty() && !found->keys_url.empty()) {
    provider.id_token = IdTokenRules{
        .issuers = {provider.issuer}, .audiences = {settings.client_id}, .algorithms = std::move(found->algorithms)};
    provider.keys = keys_at(found->keys_url, provider.reach());
  } else if (settings.require_id_token_verification) {
    return nullptr;
  }
  return std::make_shared<const Provider>(std::move(provider));
}

}  // namespace gatehouse::auth::oauth
