#include "auth/oauth/provider.hpp"

#include <algorithm>
#include <array>

#include "auth/url_query.hpp"
#include "base/encoding.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth::oauth {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

void set(Pairs& params, std::string_view name, std::string value) {
  const auto found = std::ranges::find(params, name, &Pairs::value_type::first);
  if (found != params.end()) {
    found->second = std::move(value);
  } else {
    params.emplace_back(name, std::move(value));
  }
}

void set_if(Pairs& params, std::string_view name, const std::string& value) {
  if (!value.empty()) set(params, name, value);
}

// RFC 7636 section 4.2.
std::string challenge_of(std::string_view verifier) {
  const auto digest = crypto::sha256(verifier);
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string join_scopes_of(const Provider& provider, const AuthorizationRequest& request) {
  const auto& settings = provider.settings;
  const ProviderFacts* facts = provider.facts;
  std::vector<std::string> scopes;
  const auto add = [&](const auto& more) { scopes.insert(scopes.end(), more.begin(), more.end()); };
  if (facts != nullptr && !settings.disable_default_scope) add(facts->scopes);
  const bool requested_first = facts == nullptr || facts->requested_scopes_first;
  if (requested_first) add(request.scopes);
  add(settings.scope);
  if (!requested_first) add(request.scopes);
  if (facts == nullptr && provider.is_oidc && std::ranges::find(scopes, "openid") == scopes.end())
    scopes.insert(scopes.begin(), "openid");
  std::string text;
  for (const auto& scope : scopes) text += (text.empty() ? "" : " ") + scope;
  return text;
}

// What the provider's own address brings along is replaced by what is set here.
std::string without_params(std::string_view url, const Pairs& params) {
  const auto question = url.find('?');
  if (question == std::string_view::npos) return std::string(url);
  const auto hash = std::min(url.find('#', question), url.size());
  std::string out(url.substr(0, question));
  std::string_view query = url.substr(question + 1, hash - question - 1);
  char separator = '?';
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto piece = query.substr(0, end);
    const UrlQuery parsed(piece);
    const auto is_set = [&](std::string_view name) {
      return std::ranges::find(params, name, &Pairs::value_type::first) != params.end();
    };
    const bool replaced = parsed.pairs().empty() || is_set(parsed.pairs()[0].first);
    if (!replaced) {
      out.push_back(separator);
      out.append(piece);
      separator = '&';
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return out.append(url.substr(hash));
}

}  // namespace

bool Provider::requires_nonce() const {
  if (!id_token || settings.disable_id_token_nonce_binding) return false;
  if (facts == nullptr) return true;
  // Of built-in providers only where the ID token says who it is, or is all that binds a code to its flow.
  return facts->profile_url.empty() || (facts->id_token->binds_flow && !settings.disable_default_scope);
}

bool Provider::takes_id_token_of_client() const {
  if (!id_token || settings.disable_id_token_sign_in) return false;
  return facts == nullptr || facts->id_token->client_may_bring_it;
}

bool is_reserved_parameter(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kReserved{"state",         "client_id",      "redirect_uri",
                                                             "response_type", "code_challenge", "code_challenge_method",
                                                             "nonce",         "scope"};
  return std::ranges::find(kReserved, name) != kReserved.end();
}

std::string append_query(std::string_view url, const Pairs& params) {
  const auto hash = std::min(url.find('#'), url.size());
  std::string out(url.substr(0, hash));
  for (const auto& [name, value] : params) {
    if (out.find('?') == std::string::npos) {
      out.push_back('?');
    } else if (!out.ends_with('?') && !out.ends_with('&')) {
      out.push_back('&');
    }
    out += encode_form_value(name) + "=" + encode_form_value(value);
  }
  return out.append(url.substr(hash));
}

std::string make_authorization_url(const Provider& provider, const AuthorizationRequest& request) {
  const auto& settings = provider.settings;
  const ProviderFacts* facts = provider.facts;
  Pairs params;
  set(params, "response_type", facts == nullptr ? "code" : std::string(facts->response_type));
  set(params, "client_id", settings.client_id);
  set(params, "state", request.state);
  set_if(params, "scope", join_scopes_of(provider, request));
  set(params, "redirect_uri", settings.redirect_uri.empty() ? request.redirect_uri : settings.redirect_uri);
  if (facts == nullptr || facts->sends_login_hint) set_if(params, "login_hint", request.login_hint);
  set_if(params, "nonce", request.nonce);
  const std::string default_prompt = facts == nullptr ? std::string() : std::string(facts->default_prompt);
  if (facts == nullptr || facts->sends_prompt)
    set_if(params, "prompt", settings.prompt.empty() ? default_prompt : settings.prompt);
  if (facts == nullptr || facts->id == "google") {
    set_if(params, "hd", settings.hosted_domain);
    set_if(params, "access_type", settings.access_type);
  }
  set_if(params, "response_mode", facts == nullptr ? settings.response_mode : std::string(facts->response_mode));
  if (facts == nullptr ? settings.pkce : facts->pkce) {
    set(params, "code_challenge_method", "S256");
    set(params, "code_challenge", challenge_of(request.code_verifier));
  }
  if (facts != nullptr) {
    for (const auto& [name, value] : facts->authorization_params) set(params, name, std::string(value));
  }
  const auto add = [&](std::string_view name, std::string value) {
    if (!is_reserved_parameter(name)) set(params, name, std::move(value));
  };
  for (const auto& pair : settings.authorization_url_params) {
    const auto equals = pair.find('=');
    add(pair.substr(0, equals), pair.substr(equals + 1));
  }
  for (const auto& [name, value] : request.additional_params) add(name, value);
  return append_query(without_params(provider.authorization_url, params), params);
}

std::string make_end_session_url(const Provider& provider, const std::optional<std::string>& id_token,
                                 std::string return_to, std::string_view state) {
  if (provider.end_session_url.empty() || provider.settings.disable_provider_logout) return {};
  Pairs params;
  if (id_token && !id_token->empty()) set(params, "id_token_hint", *id_token);
  if (!return_to.empty()) {
    set(params, "post_logout_redirect_uri", std::move(return_to));
    set(params, "client_id", provider.settings.client_id);
    if (!state.empty()) set(params, "state", std::string(state));
  } else if (!id_token || id_token->empty()) {
    set(params, "client_id", provider.settings.client_id);
  }
  return append_query(without_params(provider.end_session_url, params), params);
}

}  // namespace gatehouse::auth::oauth
