#include "auth/oauth/provider_facts.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace gatehouse::auth::oauth {

namespace json = boost::json;

namespace {

constexpr std::string_view kMicrosoftConsumers = "9188040d-6c67-4c5b-b112-36a304b66dad";

const json::value* find(const json::object& object, std::string_view name) {
  return object.if_contains(name);
}

std::string text_or_empty(const json::object& object, std::string_view name) {
  const json::value* value = find(object, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// As JavaScript's String() of an id: a text, or a whole number.
std::string id_text(const json::value* value) {
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  if (value->is_int64()) return std::to_string(value->get_int64());
  if (value->is_uint64()) return std::to_string(value->get_uint64());
  return {};
}

void copy_field(json::object& user, std::string_view to, const json::object& data, std::string_view from) {
  if (const json::value* value = find(data, from)) user[to] = *value;
}

// The first of the fields that holds a text which is not empty.
std::string first_text(const json::object& data, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (auto text = text_or_empty(data, name); !text.empty()) return text;
  }
  return {};
}

json::value verified_or_false(const json::object& data, std::string_view name) {
  return read_boolean(find(data, name)).value_or(false);
}

Profile make_profile(std::string_view subject_field, json::object data) {
  Profile profile;
  profile.subject = id_text(find(data, subject_field));
  copy_field(profile.user, "email", data, "email");
  profile.data = std::move(data);
  return profile;
}

// OpenID Connect's standard claims.
std::optional<Profile> read_standard(json::object data, const config::ProviderSettings&) {
  auto profile = make_profile("sub", std::move(data));
  copy_field(profile.user, "name", profile.data, "name");
  copy_field(profile.user, "image", profile.data, "picture");
  profile.user["emailVerified"] = verified_or_false(profile.data, "email_verified");
  return profile;
}

std::optional<Profile> read_apple(json::object data, const config::ProviderSettings& settings) {
  data["name"] = text_or_empty(data, "name");
  auto profile = read_standard(std::move(data), settings);
  profile->user.erase("image");
  return profile;
}

// "a_…" is an animated picture; who has none has one of six.
std::string discord_picture(const json::object& data) {
  const std::string id = id_text(find(data, "id")), avatar = text_or_empty(data, "avatar");
  const std::string base = "https://cdn.discordapp.com/";
  if (!avatar.empty()) return base + "avatars/" + id + "/" + avatar + (avatar.starts_with("a_") ? ".gif" : ".png");
  const std::string discriminator = text_or_empty(data, "discriminator");
  const auto number = [](const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); };
  const auto picture = discriminator == "0" ? (number(id) >> 22) % 6 : number(discriminator) % 5;
  return base + "embed/avatars/" + std::to_string(picture) + ".png";
}

std::optional<Profile> read_discord(json::object data, const config::ProviderSettings&) {
  data["image_url"] = discord_picture(data);
  auto profile = make_profile("id", std::move(data));
  profile.user["name"] = first_text(profile.data, {"global_name", "username"});
  copy_field(profile.user, "emailVerified", profile.data, "verified");
  copy_field(profile.user, "image", profile.data, "image_url");
  return profile;
}

std::optional<Profile> read_facebook(json::object data, const config::ProviderSettings&) {
  const bool is_token = data.contains("sub");
  auto profile = make_profile(is_token ? "sub" : "id", std::move(data));
  copy_field(profile.user, "name", profile.data, "name");
  profile.user["emailVerified"] = is_token ? json::value(false) : verified_or_false(profile.data, "email_verified");
  const json::value* picture = find(profile.data, "picture");
  if (picture != nullptr && picture->is_object()) picture = find(picture->get_object(), "data");
  if (picture != nullptr && picture->is_object()) picture = find(picture->get_object(), "url");
  if (picture != nullptr && picture->is_string()) profile.user["image"] = *picture;
  return profile;
}

std::optional<Profile> read_github(json::object data, const config::ProviderSettings&) {
  // What the list of addresses has said (add_github_addresses).
  const json::value* verified = find(data, "email_verified");
  json::value is_verified = verified != nullptr && verified->is_bool() && verified->get_bool();
  data.erase("email_verified");
  auto profile = make_profile("id", std::move(data));
  profile.user["name"] = first_text(profile.data, {"name", "login"});
  copy_field(profile.user, "image", profile.data, "avatar_url");
  profile.user["emailVerified"] = std::move(is_verified);
  return profile;
}

void add_github_addresses(json::object& data, const json::value& second) {
  data.erase("email_verified");
  if (!second.is_array()) return;
  const auto& list = second.get_array();
  const auto is_primary = [](const json::value& one) {
    const json::value* primary = one.is_object() ? find(one.get_object(), "primary") : nullptr;
    return primary != nullptr && primary->is_bool() && primary->get_bool();
  };
  if (text_or_empty(data, "email").empty() && !list.empty()) {
    auto chosen = std::ranges::find_if(list, is_primary);
    if (chosen == list.end()) chosen = list.begin();
    if (chosen->is_object()) data["email"] = text_or_empty(chosen->get_object(), "email");
  }
  const std::string email = text_or_empty(data, "email");
  for (const auto& one : list) {
    if (!one.is_object() || text_or_empty(one.get_object(), "email") != email) continue;
    data["email_verified"] = read_boolean(find(one.get_object(), "verified")).value_or(false);
    return;
  }
}

std::optional<Profile> read_gitlab(json::object data, const config::ProviderSettings&) {
  const json::value* locked = find(data, "locked");
  const bool is_locked = locked != nullptr && !(locked->is_null() || (locked->is_bool() && !locked->get_bool()));
  if (text_or_empty(data, "state") != "active" || is_locked) return std::nullopt;
  auto profile = make_profile("id", std::move(data));
  const json::value* name = find(profile.data, "name");
  profile.user["name"] =
      name != nullptr && !name->is_null() ? *name : json::value(text_or_empty(profile.data, "username"));
  copy_field(profile.user, "image", profile.data, "avatar_url");
  const json::value* verified = find(profile.data, "email_verified");
  profile.user["emailVerified"] = verified != nullptr && !verified->is_null() ? *verified : json::value(false);
  return profile;
}

bool google_domain_allowed(const json::object& claims, const config::ProviderSettings& settings) {
  if (settings.hosted_domain.empty()) return true;
  const std::string domain = text_or_empty(claims, "hd");
  return !domain.empty() && (settings.hosted_domain == "*" || settings.hosted_domain == domain);
}

std::string microsoft_tenant(const config::ProviderSettings& settings) {
  return settings.tenant_id.empty() ? "common" : settings.tenant_id;
}

// The issuer names the token's own tenant, and the kind of account is one that the configuration lets in.
bool microsoft_tenant_allowed(const json::object& claims, const config::ProviderSettings& settings) {
  const std::string actual = text_or_empty(claims, "tid"), wanted = microsoft_tenant(settings);
  if (actual.empty() || text_or_empty(claims, "iss") != "https://login.microsoftonline.com/" + actual + "/v2.0")
    return false;
  if (wanted == "organizations") return actual != kMicrosoftConsumers;
  if (wanted == "consumers") return actual == kMicrosoftConsumers;
  // A tenant may also be named by a domain, which the token does not repeat.
  return wanted == "common" || wanted == actual || wanted.contains('.');
}

bool lists_address(const json::object& data, std::string_view name, std::string_view email) {
  const json::value* list = find(data, name);
  return list != nullptr && list->is_array() && std::ranges::any_of(list->get_array(), [&](const json::value& one) {
           return one.is_string() && std::string_view(one.get_string()) == email;
         });
}

std::optional<Profile> read_microsoft(json::object data, const config::ProviderSettings&) {
  auto profile = make_profile("oid", std::move(data));
  copy_field(profile.user, "name", profile.data, "name");
  copy_field(profile.user, "image", profile.data, "picture");
  const std::string email = text_or_empty(profile.data, "email");
  const bool listed = !email.empty() && (lists_address(profile.data, "verified_primary_email", email) ||
                                         lists_address(profile.data, "verified_secondary_email", email));
  const json::value* claimed = find(profile.data, "email_verified");
  profile.user["emailVerified"] = claimed != nullptr ? read_boolean(claimed).value_or(false) : listed;
  return profile;
}

std::optional<Profile> read_slack(json::object data, const config::ProviderSettings&) {
  auto profile = make_profile("https://slack.com/user_id", std::move(data));
  profile.user["name"] = text_or_empty(profile.data, "name");
  copy_field(profile.user, "emailVerified", profile.data, "email_verified");
  const auto image = first_text(profile.data, {"picture", "https://slack.com/user_image_512"});
  if (!image.empty()) profile.user["image"] = image;
  return profile;
}

std::optional<Profile> read_spotify(json::object data, const config::ProviderSettings&) {
  auto profile = make_profile("id", std::move(data));
  copy_field(profile.user, "name", profile.data, "display_name");
  profile.user["emailVerified"] = false;
  const json::value* images = find(profile.data, "images");
  if (images != nullptr && images->is_array() && !images->get_array().empty() && images->get_array()[0].is_object())
    copy_field(profile.user, "image", images->get_array()[0].get_object(), "url");
  return profile;
}

std::optional<Profile> read_twitch(json::object data, const config::ProviderSettings& settings) {
  auto profile = read_standard(std::move(data), settings);
  profile->user.erase("name");
  copy_field(profile->user, "name", profile->data, "preferred_username");
  return profile;
}

// The profile is below "data". Who tells no address gets one that leads nowhere.
std::optional<Profile> read_twitter(json::object data, const config::ProviderSettings&) {
  const json::value* inner = find(data, "data");
  if (inner == nullptr || !inner->is_object()) return std::nullopt;
  const json::object& fields = inner->get_object();
  Profile profile;
  profile.subject = id_text(find(fields, "id"));
  copy_field(profile.user, "name", fields, "name");
  copy_field(profile.user, "image", fields, "profile_image_url");
  const std::string email = text_or_empty(fields, "email");
  profile.user["email"] = email.empty() ? profile.subject + "@twitter.placeholder.invalid" : email;
  profile.user["emailVerified"] = !email.empty();
  profile.data = std::move(data);
  return profile;
}

void add_twitter_address(json::object& data, const json::value& second) {
  json::value* inner = data.if_contains("data");
  if (inner == nullptr || !inner->is_object()) return;
  inner->get_object().erase("email");
  const json::value* found = second.is_object() ? find(second.get_object(), "data") : nullptr;
  if (found == nullptr || !found->is_object()) return;
  const std::string email = text_or_empty(found->get_object(), "confirmed_email");
  if (!email.empty()) inner->get_object()["email"] = email;
}

const std::vector<ProviderFacts>& all_facts() {
  using std::chrono::hours;
  static const std::vector<ProviderFacts> facts{
      {.id = "apple",
       .name = "Apple",
       .authorization_url = "https://appleid.apple.com/auth/authorize",
       .token_url = "https://appleid.apple.com/auth/token",
       .scopes = {"email", "name"},
       .response_type = "code id_token",
       .response_mode = "form_post",
       .id_token = ProviderFacts::IdToken{.issuers = {"https://appleid.apple.com"},
                                          .keys_url = "https://appleid.apple.com/auth/keys",
                                          .age_max = hours(1),
                                          .nonce_may_be_hashed = true},
       .read_profile = read_apple},
      {.id = "discord",
       .name = "Discord",
       .authorization_url = "https://discord.com/api/oauth2/authorize",
       .token_url = "https://discord.com/api/oauth2/token",
       .profile_url = "https://discord.com/api/users/@me",
       .scopes = {"identify", "email"},
       .requested_scopes_first = true,
       .sends_prompt = true,
       .default_prompt = "none",
       .read_profile = read_discord},
      {.id = "facebook",
       .name = "Facebook",
       .authorization_url = "https://www.facebook.com/v24.0/dialog/oauth",
       .token_url = "https://graph.facebook.com/v24.0/oauth/access_token",
       .profile_url = "https://graph.facebook.com/me?fields=id,name,email,picture",
       .scopes = {"email", "public_profile"},
       .pkce = false,  // forgets the challenge, and then refuses the verifier
       .sends_login_hint = true,
       .id_token = ProviderFacts::IdToken{.issuers = {"https://www.facebook.com"},
                                          .keys_url = "https://limited.facebook.com/.well-known/oauth/openid/jwks/"},
       .read_profile = read_facebook},
      {.id = "github",
       .name = "GitHub",
       .authorization_url = "https://github.com/login/oauth/authorize",
       .token_url = "https://github.com/login/oauth/access_token",
       .profile_url = "https://api.github.com/user",
       .second_profile_url = "https://api.github.com/user/emails",
       .scopes = {"read:user", "user:email"},
       .sends_login_hint = true,
       .sends_prompt = true,
       .read_profile = read_github,
       .add_second = add_github_addresses},
      {.id = "gitlab",
       .name = "GitLab",
       .authorization_url = "{issuer}/oauth/authorize",
       .token_url = "{issuer}/oauth/token",
       .profile_url = "{issuer}/api/v4/user",
       .default_issuer = "https://gitlab.com",
       .scopes = {"read_user"},
       .sends_login_hint = true,
       .read_profile = read_gitlab},
      {.id = "google",
       .name = "Google",
       .authorization_url = "https://accounts.google.com/o/oauth2/v2/auth",
       .token_url = "https://oauth2.googleapis.com/token",
       .scopes = {"email", "profile", "openid"},
       .sends_login_hint = true,
       .sends_prompt = true,
       .authorization_params = {{"include_granted_scopes", "true"}},
       .id_token = ProviderFacts::IdToken{.issuers = {"https://accounts.google.com", "accounts.google.com"},
                                          .keys_url = "https://www.googleapis.com/oauth2/v3/certs",
                                          .age_max = hours(1),
                                          .claims_allowed = google_domain_allowed},
       .read_profile = read_standard},
      {.id = "linkedin",
       .name = "LinkedIn",
       .authorization_url = "https://www.linkedin.com/oauth/v2/authorization",
       .token_url = "https://www.linkedin.com/oauth/v2/accessToken",
       .profile_url = "https://api.linkedin.com/v2/userinfo",
       .scopes = {"profile", "email", "openid"},
       .pkce = false,  // takes no secret and verifier together; its ID tokens have no nonce
       .sends_login_hint = true,
       .read_profile = read_standard},
      {.id = "microsoft",
       .name = "Microsoft",
       .authorization_url = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
       .token_url = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
       .scopes = {"openid", "profile", "email", "User.Read", "offline_access"},
       .sends_login_hint = true,
       .sends_prompt = true,
       .sends_scopes_at_refresh = true,
       .id_token = ProviderFacts::IdToken{.issuers = {},
                                          .keys_url = "https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys",
                                          .age_max = hours(1),
                                          .claims_allowed = microsoft_tenant_allowed},
       .read_profile = read_microsoft},
      {.id = "slack",
       .name = "Slack",
       .authorization_url = "https://slack.com/openid/connect/authorize",
       .token_url = "https://slack.com/api/openid.connect.token",
       .profile_url = "https://slack.com/api/openid.connect.userInfo",
       .scopes = {"openid", "profile", "email"},
       .requested_scopes_first = true,
       .pkce = false,  // takes no secret and verifier together
       .id_token = ProviderFacts::IdToken{.issuers = {"https://slack.com"},
                                          .keys_url = "https://slack.com/openid/connect/keys",
                                          .binds_flow = true,
                                          .client_may_bring_it = false},
       .read_profile = read_slack},
      {.id = "spotify",
       .name = "Spotify",
       .authorization_url = "https://accounts.spotify.com/authorize",
       .token_url = "https://accounts.spotify.com/api/token",
       .profile_url = "https://api.spotify.com/v1/me",
       .scopes = {"user-read-email"},
       .read_profile = read_spotify},
      {.id = "twitch",
       .name = "Twitch",
       .authorization_url = "https://id.twitch.tv/oauth2/authorize",
       .token_url = "https://id.twitch.tv/oauth2/token",
       .scopes = {"user:read:email", "openid"},
       .pkce = false,  // not known there; the nonce binds the flow
       .authorization_params = {{"claims", R"({"id_token":{"email":null,"email_verified":null,)"
                                           R"("preferred_username":null,"picture":null}})"}},
       .id_token = ProviderFacts::IdToken{.issuers = {"https://id.twitch.tv/oauth2"},
                                          .keys_url = "https://id.twitch.tv/oauth2/keys",
                                          .client_may_bring_it = false},
       .read_profile = read_twitch},
      {.id = "twitter",
       .name = "X",
       .authorization_url = "https://x.com/i/oauth2/authorize",
       .token_url = "https://api.x.com/2/oauth2/token",
       .profile_url = "https://api.x.com/2/users/me?user.fields=profile_image_url",
       .second_profile_url = "https://api.x.com/2/users/me?user.fields=confirmed_email",
       .scopes = {"users.read", "tweet.read", "offline.access", "users.email"},
       .basic_authentication = true,
       .read_profile = read_twitter,
       .add_second = add_twitter_address},
  };
  return facts;
}

}  // namespace

const ProviderFacts* find_provider_facts(std::string_view id) {
  const auto& facts = all_facts();
  const auto found = std::ranges::find(facts, id, &ProviderFacts::id);
  return found == facts.end() ? nullptr : &*found;
}

std::optional<bool> read_boolean(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  if (!value->is_string()) return std::nullopt;
  if (value->get_string() == "true") return true;
  if (value->get_string() == "false") return false;
  return std::nullopt;
}

}  // namespace gatehouse::auth::oauth
