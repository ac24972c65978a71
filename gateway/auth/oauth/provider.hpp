// One identity provider as it can be used now: what is known of it (provider_facts.hpp or a discovery document) with
// what the configuration says. Immutable; a discovery document that changed makes a new one.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/oauth/id_token.hpp"
#include "auth/oauth/provider_facts.hpp"
#include "auth/oauth/remote_document.hpp"
#include "config/oauth_settings.hpp"
#include "crypto/es256.hpp"
#include "outbound/http_client.hpp"

namespace gatehouse::auth::oauth {

using KeySource = RemoteDocument<KeySet>;

struct Provider {
  const config::ProviderSettings& settings;
  const ProviderFacts* facts = nullptr;  // null: a generic one
  std::string authorization_url = {};
  std::string token_url = {};
  std::string profile_url = {};      // may be empty
  std::string end_session_url = {};  // may be empty
  std::string issuer = {};           // of a discovery document; empty: not known
  bool is_oidc = false;              // the discovery document names algorithms of ID tokens
  std::optional<IdTokenRules> id_token = {};
  std::shared_ptr<KeySource> keys = {};              // with id_token
  std::optional<crypto::Es256Key> signing_key = {};  // makes the client secret

  const std::string& id() const { return settings.id; }
  outbound::Reach reach() const { return {settings.insecure_http, settings.private_network}; }
  // ID tokens of a redirect flow must carry the flow's nonce.
  bool requires_nonce() const;
  bool takes_id_token_of_client() const;
};
using ProviderPtr = std::shared_ptr<const Provider>;

struct AuthorizationRequest {
  std::string state;
  std::string code_verifier;
  std::string nonce;  // empty: none
  std::string redirect_uri;
  std::vector<std::string> scopes;  // asked for by the client
  std::string login_hint;
  std::vector<std::pair<std::string, std::string>> additional_params;
};
// Names that a client's additional parameters may not have: they are the flow's own.
bool is_reserved_parameter(std::string_view name);

// Where the browser is sent to.
std::string make_authorization_url(const Provider& provider, const AuthorizationRequest& request);

// Where a browser that was signed out here is sent to be signed out there; empty: the provider has no such place.
// `return_to` is absolute; empty: nowhere.
std::string make_end_session_url(const Provider& provider, const std::optional<std::string>& id_token,
                                 std::string return_to, std::string_view state);

// `url` with parameters added to its query, before a fragment.
std::string append_query(std::string_view url, const std::vector<std::pair<std::string, std::string>>& params);

}  // namespace gatehouse::auth::oauth
