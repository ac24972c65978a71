#include "auth/oauth/exchange.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cmath>

#include "auth/oauth/client_secret.hpp"
#include "auth/request_body.hpp"
#include "auth/url_query.hpp"
#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/failure.hpp"
#include "base/log.hpp"

namespace gatehouse::auth::oauth {

namespace json = boost::json;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string encode_form(const Pairs& form) {
  std::string text;
  for (const auto& [name, value] : form)
    text += (text.empty() ? "" : "&") + encode_form_value(name) + "=" + encode_form_value(value);
  return text;
}

const json::value* find_truthy(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

std::optional<std::string> find_text(const json::object& object, std::string_view name) {
  const json::value* value = find_truthy(object, name);
  return value != nullptr && value->is_string() ? std::optional<std::string>(value->get_string()) : std::nullopt;
}

// Seconds from now, as a number or a text of digits; absent without, and for what no calendar has.
std::optional<WallTime> find_expiry(const json::object& object, std::string_view name, WallTime now) {
  const json::value* value = find_truthy(object, name);
  if (value == nullptr) return std::nullopt;
  double seconds = 0;
  if (value->is_number()) seconds = value->to_number<double>();
  if (value->is_string()) seconds = std::strtod(value->get_string().c_str(), nullptr);
  constexpr double kCentury = 3.2e9;
  if (!std::isfinite(seconds) || seconds <= 0 || seconds > kCentury) return std::nullopt;
  return now + std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::vector<std::string> read_scopes(const json::object& answer) {
  std::vector<std::string> scopes;
  const json::value* scope = answer.if_contains("scope");
  if (scope == nullptr) return scopes;
  if (scope->is_array()) {
    for (const auto& one : scope->get_array())
      if (one.is_string() && !trim(one.get_string()).empty()) scopes.emplace_back(trim(one.get_string()));
    return scopes;
  }
  std::string_view rest = scope->is_string() ? std::string_view(scope->get_string()) : std::string_view();
  constexpr std::string_view kBlanks = " \t\r\n";
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of(kBlanks), rest.size());
    if (end > 0) scopes.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return scopes;
}

// As Better Auth's generic provider names them, beside the profile's own.
json::object with_standard_names(const json::object& profile, bool is_claims) {
  json::object data;
  if (is_claims) data["id"] = profile.at("sub");
  data["emailVerified"] = read_boolean(profile.if_contains("email_verified")).value_or(false);
  if (const json::value* picture = profile.if_contains("picture")) data["image"] = *picture;
  for (const auto& member : profile) {
    if (is_claims || !data.contains(member.key())) data.insert_or_assign(member.key(), member.value());
  }
  return data;
}

std::string id_text(const json::value* value) {
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  if (value->is_int64()) return std::to_string(value->get_int64());
  if (value->is_uint64()) return std::to_string(value->get_uint64());
  return {};
}

// nullptr: nothing is written, or there is nothing.
const json::value* find_place(const json::object& data, std::string_view place) {
  const json::object* object = &data;
  while (object != nullptr && !place.empty()) {
    const auto dot = place.find('.');
    const json::value* value = object->if_contains(place.substr(0, dot));
    if (dot == std::string_view::npos || value == nullptr) return value;
    object = value->if_object();
    place.remove_prefix(dot + 1);
  }
  return nullptr;
}

Profile make_generic_profile(const config::ProfilePlaces& places, json::object data, std::string subject) {
  Profile profile;
  profile.subject = places.id.empty() ? std::move(subject) : id_text(find_place(data, places.id));
  const auto find = [&](const std::string& place, std::string_view usual) {
    return place.empty() ? data.if_contains(usual) : find_place(data, place);
  };
  if (const json::value* email = find(places.email, "email")) profile.user["email"] = *email;
  if (const json::value* image = find(places.image, "image"); image != nullptr && !image->is_null())
    profile.user["image"] = *image;
  if (const json::value* name = find(places.name, "name")) profile.user["name"] = *name;
  profile.user["emailVerified"] = read_boolean(find(places.email_verified, "emailVerified")).value_or(false);
  profile.data = std::move(data);
  return profile;
}

bool is_subject(std::string_view subject) {
  return !trim(subject).empty() && subject != "undefined" && subject != "null" && subject.size() <= 255;
}

std::optional<Profile> checked(std::optional<Profile> profile) {
  if (profile && !is_subject(profile->subject)) return std::nullopt;
  return profile;
}

// Apple tells the name once, in a form that passes through the browser: it is a name, and proves nothing.
void add_apple_name(json::object& claims, const std::string& user) {
  const auto parsed = user.size() <= 4096 ? parse_json(user) : std::nullopt;
  const json::value* name = parsed && parsed->is_object() ? parsed->get_object().if_contains("name") : nullptr;
  if (name == nullptr || !name->is_object()) return;
  const std::string first = find_text(name->get_object(), "firstName").value_or("");
  const std::string last = find_text(name->get_object(), "lastName").value_or("");
  claims["name"] = std::string(trim(first + " " + last));
}

}  // namespace

Awaitable<std::optional<outbound::HttpResponse>> Exchange::ask(outbound::HttpRequest request,
                                                               const Provider& provider) {
  request.reach = provider.reach();
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock_.steady());
  request.timeout = std::min(request.timeout, left);
  std::optional<outbound::HttpResponse> response;
  if (left.count() <= 0) {
    log::warn("provider {}: takes too long", provider.id());
    co_return response;
  }
  try {
    response = co_await http_.send(std::move(request));
  } catch (const Failure& failure) {
    log::warn("provider {}: {}", provider.id(), failure.what());
  }
  if (response && (response->status < 200 || response->status >= 300)) {
    log::warn("provider {}: answered {}", provider.id(), response->status);
    response.reset();
  }
  co_return response;
}

Awaitable<std::optional<json::value>> Exchange::get_json(const Provider& provider, std::string url,
                                                         std::string access_token) {
  outbound::HttpRequest request{.url = std::move(url)};
  request.headers = {{"Accept", "application/json"}, {"Authorization", "Bearer " + access_token}};
  auto response = co_await ask(std::move(request), provider);
  co_return response ? parse_json(response->body) : std::nullopt;
}

Awaitable<std::optional<json::object>> Exchange::post_token(const Provider& provider, Pairs form) {
  const auto& settings = provider.settings;
  outbound::HttpRequest request{.method = "POST", .url = provider.token_url};
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  const bool basic = provider.facts != nullptr
                         ? provider.facts->basic_authentication
                         : settings.authentication == config::ProviderSettings::Authentication::basic;
  const std::string secret = client_secret_of(provider, clock_.now());
  if (basic) {
    const std::string pair = encode_form_value(settings.client_id) + ":" + encode_form_value(secret);
    request.headers.emplace_back("Authorization", "Basic " + base64_encode(pair));
  } else {
    form.emplace_back("client_id", settings.client_id);
    if (!secret.empty()) form.emplace_back("client_secret", secret);
  }
  request.body = encode_form(form);
  auto response = co_await ask(std::move(request), provider);
  auto parsed = response ? parse_json(response->body) : std::nullopt;
  // Some say "error" with a 200.
  if (!parsed || !parsed->is_object() || parsed->get_object().contains("error")) co_return std::nullopt;
  co_return std::move(parsed->get_object());
}

ProviderTokens Exchange::read_tokens(const Provider& provider, const json::object& answer) const {
  const WallTime now = clock_.now();
  ProviderTokens tokens;
  tokens.access_token = find_text(answer, "access_token");
  tokens.refresh_token = find_text(answer, "refresh_token");
  tokens.id_token = find_text(answer, "id_token");
  tokens.access_token_expires_at = find_expiry(answer, "expires_in", now);
  tokens.refresh_token_expires_at = find_expiry(answer, "refresh_token_expires_in", now);
  if (!tokens.access_token_expires_at && provider.settings.access_token_expires_in.count() > 0)
    tokens.access_token_expires_at = now + provider.settings.access_token_expires_in;
  tokens.scopes = read_scopes(answer);
  return tokens;
}

Awaitable<std::optional<ProviderTokens>> Exchange::tokens_for_code(const Provider& provider, std::string code,
                                                                   std::string code_verifier,
                                                                   std::string redirect_uri) {
  const auto& settings = provider.settings;
  Pairs form{{"grant_type", "authorization_code"}, {"code", std::move(code)}};
  if (provider.facts == nullptr ? settings.pkce : provider.facts->pkce)
    form.emplace_back("code_verifier", std::move(code_verifier));
  form.emplace_back("redirect_uri", settings.redirect_uri.empty() ? std::move(redirect_uri) : settings.redirect_uri);
  for (const auto& pair : settings.token_url_params) {
    const auto equals = pair.find('=');
    const std::string name = pair.substr(0, equals);
    const bool is_set = std::ranges::find(form, name, &Pairs::value_type::first) != form.end();
    if (!is_set) form.emplace_back(name, pair.substr(equals + 1));
  }
  auto answer = co_await post_token(provider, std::move(form));
  if (!answer) co_return std::nullopt;
  co_return read_tokens(provider, *answer);
}

Awaitable<std::optional<ProviderTokens>> Exchange::refreshed_tokens(const Provider& provider,
                                                                    std::string refresh_token) {
  Pairs form{{"grant_type", "refresh_token"}, {"refresh_token", std::move(refresh_token)}};
  if (provider.facts != nullptr && provider.facts->sends_scopes_at_refresh) {
    std::string scopes;
    if (!provider.settings.disable_default_scope)
      for (const auto scope : provider.facts->scopes) scopes += (scopes.empty() ? "" : " ") + std::string(scope);
    for (const auto& scope : provider.settings.scope) scopes += (scopes.empty() ? "" : " ") + scope;
    form.emplace_back("scope", scopes);
  }
  auto answer = co_await post_token(provider, std::move(form));
  if (!answer) co_return std::nullopt;
  auto tokens = read_tokens(provider, *answer);
  if (!tokens.access_token || tokens.access_token->empty()) co_return std::nullopt;
  co_return tokens;
}

Awaitable<std::optional<json::object>> Exchange::claims_of(const Provider& provider, std::string id_token,
                                                           std::optional<std::string> nonce) {
  if (!provider.id_token) co_return std::nullopt;
  auto token = parse_signed_token(id_token);
  const auto& rules = *provider.id_token;
  if (!token || !crypto::parse_signature_algorithm(token->algorithm)) co_return std::nullopt;
  const auto& allowed = rules.algorithms;
  if (!allowed.empty() && std::ranges::find(allowed, token->algorithm) == allowed.end()) co_return std::nullopt;
  // Before the keys are asked for: a stranger's nonsense must not make the gateway fetch anything.
  if (!claims_hold(token->claims, rules, nonce, clock_.now())) co_return std::nullopt;
  if (provider.facts != nullptr && provider.facts->id_token->claims_allowed != nullptr &&
      !provider.facts->id_token->claims_allowed(token->claims, provider.settings))
    co_return std::nullopt;
  auto keys = co_await provider.keys->get();
  if (keys && !keys->has_candidate(*token)) keys = co_await provider.keys->get_newer();
  if (!keys || !keys->verify(*token)) co_return std::nullopt;
  co_return std::move(token->claims);
}

std::optional<Profile> Exchange::profile_of_claims(const Provider& provider, json::object claims,
                                                   const std::string& user) const {
  if (provider.facts != nullptr) {
    if (provider.facts->id == "apple") add_apple_name(claims, user);
    return checked(provider.facts->read_profile(std::move(claims), provider.settings));
  }
  std::string subject = id_text(claims.if_contains(provider.is_oidc ? "sub" : "id"));
  auto data = with_standard_names(claims, true);
  if (!provider.is_oidc) subject = id_text(data.if_contains("id"));
  return checked(make_generic_profile(provider.settings.profile, std::move(data), std::move(subject)));
}

Awaitable<std::optional<Profile>> Exchange::fetch_profile(const Provider& provider, std::string access_token,
                                                          std::optional<std::string> subject) {
  if (provider.profile_url.empty() || access_token.empty()) co_return std::nullopt;
  auto answer = co_await get_json(provider, provider.profile_url, access_token);
  if (!answer || !answer->is_object()) co_return std::nullopt;
  auto& data = answer->get_object();
  // The profile must be of whom the ID token speaks (OpenID Connect Core 1.0, section 5.3.2).
  if (subject && id_text(data.if_contains("sub")) != *subject) co_return std::nullopt;
  const ProviderFacts* facts = provider.facts;
  if (facts == nullptr) {
    auto named = with_standard_names(data, false);
    for (const auto* name : {"email", "name"})
      if (const json::value* value = data.if_contains(name)) named[name] = *value;
    std::string id = subject ? *subject : id_text(data.if_contains(provider.is_oidc ? "sub" : "id"));
    co_return checked(make_generic_profile(provider.settings.profile, std::move(named), std::move(id)));
  }
  if (facts->add_second != nullptr) {
    auto second = co_await get_json(provider, std::string(facts->second_profile_url), access_token);
    facts->add_second(data, second ? *second : json::value(nullptr));
  }
  co_return checked(facts->read_profile(std::move(data), provider.settings));
}

Awaitable<std::optional<Profile>> Exchange::profile(const Provider& provider, ProviderTokens tokens,
                                                    std::optional<std::string> nonce, std::string user) {
  const bool from_token_alone = provider.facts != nullptr && provider.facts->profile_url.empty();
  std::optional<std::string> subject;
  const bool binds_flow = provider.facts != nullptr && provider.id_token && provider.facts->id_token->binds_flow &&
                          nonce && !nonce->empty();
  const bool verifies = provider.id_token && (provider.facts == nullptr || from_token_alone || binds_flow);
  if (binds_flow && !tokens.id_token) co_return std::nullopt;
  if (verifies && tokens.id_token) {
    auto claims = co_await claims_of(provider, *tokens.id_token, std::move(nonce));
    if (!claims) {
      log::warn("provider {}: its ID token is not to be believed", provider.id());
      co_return std::nullopt;
    }
    subject = id_text(claims->if_contains("sub"));
    const json::value* email = claims->if_contains("email");
    const bool has_email = email != nullptr && email->is_string() && !email->get_string().empty();
    if (!binds_flow && (has_email || from_token_alone || provider.profile_url.empty()))
      co_return profile_of_claims(provider, std::move(*claims), user);
  }
  if (from_token_alone) co_return std::nullopt;
  auto profile = co_await fetch_profile(provider, tokens.access_token.value_or(""), std::move(subject));
  co_return profile;
}

Awaitable<std::optional<Profile>> Exchange::stored_profile(const Provider& provider, ProviderTokens tokens) {
  if (provider.facts == nullptr || !provider.facts->profile_url.empty()) {
    auto found = co_await profile(provider, std::move(tokens), std::nullopt, "");
    co_return found;
  }
  auto token = tokens.id_token ? parse_signed_token(*tokens.id_token) : std::nullopt;
  if (!token) co_return std::nullopt;
  co_return profile_of_claims(provider, std::move(token->claims), "");
}

}  // namespace gatehouse::auth::oauth
