// The keys of identity providers and of accounts: auth.account, auth.social_providers, auth.generic_oauth.
#include <algorithm>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "config/keys.hpp"

namespace gatehouse::config {

namespace {

struct StateStoreWords {
  using Type = AccountSettings::StateStore;
  static constexpr std::array kWords{Word<Type>{"database", Type::database}, Word<Type>{"cookie", Type::cookie}};
};

struct AuthenticationWords {
  using Type = ProviderSettings::Authentication;
  static constexpr std::array kWords{Word<Type>{"post", Type::post}, Word<Type>{"basic", Type::basic}};
};

struct PairValue {
  using Type = std::string;
  static ValueType type() { return {"name=value", "string", "^[^=]+=", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::unexpected("is no name=value");
    return std::string(text);
  }
  static std::string print(const Type& value) { return value; }
};

struct HttpUrlValue {
  using Type = std::string;
  static ValueType type() { return {"URL", "string", "^https?://", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text) {
    const bool is_http = text.starts_with("https://") || text.starts_with("http://");
    const bool printable = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
    if (!is_http || !printable || text.ends_with("://")) return std::unexpected("is no http(s) URL");
    return std::string(text);
  }
  static std::string print(const Type& value) { return value; }
};

const Table& account_linking_keys() {
  using S = AccountLinking;
  static const Table table{{
      key("enabled", &S::enabled, "Accounts of providers are linked to users of the same address"),
      key("disable_implicit_linking", &S::disable_implicit_linking, "Only users who are signed in link accounts"),
      key("trusted_providers", &S::trusted_providers, "Providers whose addresses count as verified",
          {.example = "[google]"}),
      key("allow_different_emails", &S::allow_different_emails,
          "Users who are signed in link accounts of another address"),
      key("allow_unlinking_all", &S::allow_unlinking_all, "The last account may be unlinked"),
      key("update_user_info_on_link", &S::update_user_info_on_link, "Take name and image from the linked account"),
      key("require_local_email_verified", &S::require_local_email_verified,
          "Link at a sign-in only to a user whose own address is verified: whoever signed up with a stranger's address "
          "would get the stranger's account otherwise"),
  }};
  return table;
}

const Table& account_keys() {
  using S = AccountSettings;
  static const Table table{{
      section("account_linking", &S::account_linking, account_linking_keys, "Linking of accounts"),
      key("update_account_on_sign_in", &S::update_account_on_sign_in, "Store a provider's new tokens at each sign-in"),
      key("encrypt_oauth_tokens", &S::encrypt_oauth_tokens,
          "Encrypt providers' access and refresh tokens in the database"),
      key<WordValue<StateStoreWords>>("store_state_strategy", &S::store_state_strategy,
                                      "Where the state of an OAuth flow is kept until the provider answers"),
      key("skip_state_cookie_check", &S::skip_state_cookie_check,
          "Do not bind an OAuth flow to its browser: somebody else's sign-in can be finished in it"),
      key("store_account_cookie", &S::store_account_cookie, "Keep the account in an encrypted cookie as well"),
  }};
  return table;
}

// What both kinds of provider have.
std::vector<Key> shared_provider_keys() {
  using S = ProviderSettings;
  return {
      key("client_id", &S::client_id, "The application's id at the provider", {.example = "${env:CLIENT_ID:-my-app}"}),
      key("client_secret", &S::client_secret, "The application's secret at the provider",
          {.example = "${env:CLIENT_SECRET:-secret}"}),
      key("scope", &S::scope, "What is asked for, besides what the provider's profile needs", {.example = "[email]"}),
      key<HttpUrlValue>("redirect_uri", &S::redirect_uri,
                        "Where the provider sends people back to; `base_url`, the base path and `/callback/NAME` where "
                        "it is not written"),
      key("prompt", &S::prompt, "What the provider asks people: `none`, `consent`, `login`, `select_account`"),
      key("access_type", &S::access_type, "`offline` asks Google, and who follows it, for a refresh token"),
      key("disable_sign_up", &S::disable_sign_up, "Only known users may sign in"),
      key("disable_implicit_sign_up", &S::disable_implicit_sign_up,
          "New users only where the client asks for it (`requestSignUp`)"),
      key("override_user_info_on_sign_in", &S::override_user_info_on_sign_in,
          "Take name, image and address from the provider at each sign-in"),
      key("require_email_verification", &S::require_email_verification,
          "Users of the provider sign in only with a verified address"),
      key("disable_id_token_sign_in", &S::disable_id_token_sign_in, "No sign-in with an ID token that the client has"),
      key("private_network", &S::private_network,
          "The provider's addresses may be private, loopback or link-local ones"),
      key("insecure_http", &S::insecure_http, "The provider may be spoken to without TLS"),
  };
}

const Table& social_provider_keys() {
  using S = ProviderSettings;
  static const Table table = [] {
    Table keys{shared_provider_keys()};
    keys.keys.push_back(key<HttpUrlValue>("issuer", &S::issuer, "Address of a GitLab of one's own"));
    keys.keys.push_back(key("tenant_id", &S::tenant_id,
                            "Microsoft's tenant: an id, `common`, `organizations` or `consumers`; `common` where it is "
                            "not written"));
    keys.keys.push_back(key("hd", &S::hosted_domain, "Google's hosted domain that users must belong to; `*` is any"));
    keys.keys.push_back(key("audience", &S::audience,
                            "Further client ids that ID tokens may be made for: other platforms of the application"));
    keys.keys.push_back(key("team_id", &S::team_id, "Apple's id of the team, beside `private_key`"));
    keys.keys.push_back(key("key_id", &S::key_id, "Apple's id of `private_key`"));
    keys.keys.push_back(key("private_key", &S::private_key,
                            "The key that Apple has given, in PEM: the gateway makes the `client_secret` of it",
                            {.example = "${file:/run/secrets/apple.p8?}"}));
    keys.keys.push_back(key("disable_default_scope", &S::disable_default_scope, "Ask for `scope` alone"));
    return keys;
  }();
  return table;
}

const Table& profile_keys() {
  using S = ProfilePlaces;
  static const Table table{{
      key("id", &S::id, "What the account is known by; it must never change. `sub` or `id` where it is not written",
          {.example = "data.user_id"}),
      key("email", &S::email, "The address"),
      key("email_verified", &S::email_verified, "Whether the provider has verified the address"),
      key("name", &S::name, "The name", {.example = "data.display_name"}),
      key("image", &S::image, "The picture's URL; `picture` where it is not written"),
  }};
  return table;
}

const Table& generic_provider_keys() {
  using S = ProviderSettings;
  static const Table table = [] {
    Table keys{shared_provider_keys()};
    const auto add = [&](Key one) { keys.keys.push_back(std::move(one)); };
    add(key<HttpUrlValue>("discovery_url", &S::discovery_url,
                          "OpenID Connect's discovery document; the endpoints come from it where they are not written",
                          {.example = "https://id.example.com/.well-known/openid-configuration"}));
    add(key<HttpUrlValue>("authorization_url", &S::authorization_url, "Where people are sent to"));
    add(key<HttpUrlValue>("token_url", &S::token_url, "Where codes are exchanged for tokens"));
    add(key<HttpUrlValue>("user_info_url", &S::user_info_url, "Where the profile is"));
    add(section("profile", &S::profile, profile_keys,
                "Where the profile has what, for providers that have it elsewhere: names, with dots between those that "
                "lead inside"));
    add(key<HttpUrlValue>("end_session_url", &S::end_session_url, "Where the provider's own session is ended"));
    add(key("pkce", &S::pkce, "Bind the code to this flow (RFC 7636, S256)"));
    add(key<WordValue<AuthenticationWords>>("authentication", &S::authentication,
                                            "How the gateway proves who it is: in the body, or by HTTP Basic"));
    add(key<PairValue>("authorization_url_params", &S::authorization_url_params,
                       "Further parameters for `authorization_url`", {.example = "[audience=api]"}));
    add(key<PairValue>("token_url_params", &S::token_url_params, "Further parameters for `token_url`",
                       {.example = "[resource=api]"}));
    add(key("response_mode", &S::response_mode,
            "`query` or `form_post`; the provider's default where it is not written"));
    add(key<PathOrUrlValue>("post_logout_redirect_uri", &S::post_logout_redirect_uri,
                            "Where people come back to after the provider's sign-out"));
    add(key("disable_provider_logout", &S::disable_provider_logout, "Sign-out does not lead to the provider"));
    add(key("disable_id_token_nonce_binding", &S::disable_id_token_nonce_binding,
            "For providers that do not repeat the nonce: ID tokens are then not bound to their flow"));
    add(key("require_id_token_verification", &S::require_id_token_verification,
            "The provider is of no use until its discovery document names issuer and keys"));
    add(key("access_token_expires_in", &S::access_token_expires_in,
            "How long access tokens live where the provider does not say it; 0 is unknown"));
    return keys;
  }();
  return table;
}

std::string variable_of(std::string_view id, std::string_view what) {
  std::string name = "AUTH_";
  for (const char c : id)
    name.push_back(is_alphanumeric(c) ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c) : '_');
  return name + "_" + std::string(what);
}

void use_environment(Reader& reader, ProviderSettings& provider) {
  const auto value = [&](const char* what) {
    return reader.environment()(variable_of(provider.id, what)).value_or("");
  };
  if (provider.client_id.empty()) provider.client_id = value("CLIENT_ID");
  if (provider.client_secret.empty()) provider.client_secret = Secret(value("CLIENT_SECRET"));
}

void read_one(Reader& reader, const Entry& entry, const Table& table, ProviderSettings& provider) {
  provider.id = entry.key;
  Node value = entry.value;
  if (value.kind == Node::Kind::null) value.line = entry.line, value.column = entry.column;
  read_table(reader, value, table, &provider);
  use_environment(reader, provider);
  if (provider.client_id.empty())
    reader.add_at(Code::missing, entry.line, entry.column, reader.path() + ".client_id",
                  fmt::format("is missing: write it, or set {}", variable_of(provider.id, "CLIENT_ID")));
}

template <class Check>
void read_providers(Reader& reader, const Node& node, const Table& table, std::vector<ProviderSettings>& providers,
                    Check check) {
  if (node.kind != Node::Kind::map && node.kind != Node::Kind::null)
    return reader.add(Code::type, node, "takes a mapping of names to providers");
  for (const Entry& entry : node.entries) {
    const Reader::Step step(reader, entry.key, entry.line, entry.column);
    if (const std::string problem = check(entry.key); !problem.empty()) {
      reader.add_at(Code::value, entry.line, entry.column, reader.path(), problem);
      continue;
    }
    read_one(reader, entry, table, providers.emplace_back());
  }
}

void read_social(Reader& reader, const Node& node, void* object) {
  auto& providers = static_cast<AuthSettings*>(object)->social_providers;
  read_providers(reader, node, social_provider_keys(), providers, [](const std::string& id) -> std::string {
    if (std::ranges::find(kBuiltInProviders, id) != kBuiltInProviders.end()) return "";
    const std::vector<std::string_view> names(kBuiltInProviders.begin(), kBuiltInProviders.end());
    return "is no provider that is built in" + suggestion(id, names) + "; others go below generic_oauth";
  });
}

void read_generic(Reader& reader, const Node& node, void* object) {
  auto& providers = static_cast<AuthSettings*>(object)->generic_oauth;
  read_providers(reader, node, generic_provider_keys(), providers, [](const std::string& id) -> std::string {
    return NameValue::parse(id) && id != "credential" ? "" : "is no name for a provider: letters, digits, _ and -";
  });
  for (auto& provider : providers) provider.generic = true;
}

Key map_key(std::string name, std::string example, std::string doc, const Table& (*table)(),
            void (*read)(Reader&, const Node&, void*)) {
  Key key{.name = std::move(name), .doc = std::move(doc), .form = Key::Form::map};
  key.options.example = std::move(example);
  key.table = table;
  key.read = read;
  return key;
}

}  // namespace

Key account_key() {
  return section("account", &AuthSettings::account, account_keys, "Accounts that users have with providers");
}

Key social_providers_key() {
  return map_key(
      "social_providers", "github",
      "Sign-in with a provider that is built in: " + fmt::format("{}", fmt::join(kBuiltInProviders, ", ")) +
          ". Where both `AUTH_NAME_CLIENT_ID` and `AUTH_NAME_CLIENT_SECRET` are set, NAME being the provider "
          "in capitals, nothing has to be written here",
      social_provider_keys, read_social);
}

Key generic_oauth_key() {
  return map_key("generic_oauth", "company",
                 "Sign-in with any other provider of OAuth 2 or OpenID Connect, by discovery document or explicit "
                 "endpoints; the credentials' variables are those of `social_providers`",
                 generic_provider_keys, read_generic);
}

void add_providers_of_environment(AuthSettings& settings, const Environment& environment,
                                  std::vector<std::string>& notes) {
  for (const std::string_view id : kBuiltInProviders) {
    if (std::ranges::find(settings.social_providers, id, &ProviderSettings::id) != settings.social_providers.end())
      continue;
    const std::string client_id = environment(variable_of(id, "CLIENT_ID")).value_or("");
    const std::string secret = environment(variable_of(id, "CLIENT_SECRET")).value_or("");
    if (!client_id.empty() && secret.empty())
      notes.push_back(fmt::format("{} is set, but {} is not: it has no effect", variable_of(id, "CLIENT_ID"),
                                  variable_of(id, "CLIENT_SECRET")));
    if (client_id.empty() || secret.empty()) continue;
    ProviderSettings provider;
    provider.id = id;
    provider.client_id = client_id;
    provider.client_secret = Secret(secret);
    settings.social_providers.push_back(std::move(provider));
  }
}

}  // namespace gatehouse::config
