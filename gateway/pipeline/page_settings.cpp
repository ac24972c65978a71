#include "pipeline/page_settings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

#include "auth/oauth/provider_facts.hpp"
#include "auth/wildcard.hpp"

namespace gatehouse::pipeline {

namespace json = boost::json;

namespace {

bool answers(const config::AuthSettings& auth, std::string_view path) {
  return std::ranges::find(auth.disabled_paths, path) == auth.disabled_paths.end();
}

bool takes_new_passwords(const config::AuthSettings& auth) {
  const auto& password = auth.email_and_password;
  return password.enabled && !password.disable_sign_up && answers(auth, "/sign-up/email");
}

bool makes_accounts(const config::AuthSettings& auth, const config::ProviderSettings& provider) {
  return !provider.disable_sign_up && answers(auth, "/sign-in/social");
}

bool has_sign_up(const config::AuthSettings& auth) {
  const auto makes = [&](const auto& provider) { return makes_accounts(auth, provider); };
  return takes_new_passwords(auth) || std::ranges::any_of(auth.social_providers, makes) ||
         std::ranges::any_of(auth.generic_oauth, makes);
}

json::object describe_provider(const config::AuthSettings& auth, const config::ProviderSettings& provider) {
  const auto* facts = provider.generic ? nullptr : auth::oauth::find_provider_facts(provider.id);
  return {{"id", provider.id},
          {"name", facts != nullptr ? facts->name : std::string_view(provider.id)},
          {"signIn", answers(auth, "/sign-in/social")},
          {"signUp", makes_accounts(auth, provider)}};
}

json::array list_providers(const config::AuthSettings& auth) {
  json::array list;
  for (const auto* providers : {&auth.social_providers, &auth.generic_oauth})
    for (const auto& provider : *providers) list.push_back(describe_provider(auth, provider));
  return list;
}

// What the pages call that strangers may call.
constexpr std::pair<std::string_view, std::string_view> kCalls[] = {
    {"sign-in", "/sign-in/email"},
    {"sign-in", "/sign-in/social"},
    {"sign-up", "/sign-up/email"},
    {"sign-up", "/sign-in/social"},
    {"reset-password", "/reset-password"},
    {"forgot-password", "/request-password-reset"},
    {"verify-email", "/send-verification-email"},
};

std::optional<json::object> describe_turnstile(const config::Gateway& gateway, const std::vector<std::string>& pages) {
  json::object guarded;
  for (const auto& page : pages) {
    const auto calls = list_guarded_calls(gateway, page);
    if (!calls.empty()) guarded[page] = json::array(calls.begin(), calls.end());
  }
  if (guarded.empty()) return std::nullopt;
  const config::TurnstileSettings& turnstile = gateway.turnstile;
  return json::object{{"siteKey", turnstile.site_key},
                      {"action", turnstile.action},
                      {"always", turnstile.mode == config::TurnstileMode::always},
                      {"pages", std::move(guarded)}};
}

}  // namespace

std::vector<std::string> list_guarded_calls(const config::Gateway& gateway, std::string_view page) {
  const config::TurnstileSettings& turnstile = gateway.turnstile;
  std::vector<std::string> paths;
  if (!turnstile.is_configured() || turnstile.site_key.empty() || turnstile.mode == config::TurnstileMode::off)
    return paths;
  for (const auto& [caller, path] : kCalls) {
    const auto asks = [&](const std::string& pattern) { return auth::matches_path_wildcard(pattern, path); };
    if (caller == page && std::ranges::any_of(turnstile.endpoints, asks)) paths.emplace_back(path);
  }
  return paths;
}

bool is_page_of_use(const config::Gateway& gateway, std::string_view page) {
  const config::AuthSettings& auth = gateway.auth;
  const bool resets = auth.email_and_password.enabled && gateway.mail.is_configured();
  if (page == "sign-up") return has_sign_up(auth);
  if (page == "verify-email") return gateway.mail.is_configured() && answers(auth, "/verify-email");
  if (page == "forgot-password") return resets && answers(auth, "/request-password-reset");
  if (page == "reset-password") return resets && answers(auth, "/reset-password");
  return true;
}

std::string make_page_settings(const config::Gateway& gateway, const std::vector<std::string>& pages) {
  const config::AuthSettings& auth = gateway.auth;
  const auto& password = auth.email_and_password;
  const auto& delete_user = auth.user.delete_user;
  const auto& linking = auth.account.account_linking;
  json::object settings{
      {"pages", json::array(pages.begin(), pages.end())},
      {"signIn", gateway.pages.sign_in},
      {"password",
       {{"enabled", password.enabled},
        {"signUp", takes_new_passwords(auth)},
        {"min", password.min_password_length},
        {"max", password.max_password_length},
        {"mustVerify", password.require_email_verification}}},
      {"reset",
       {{"linkSeconds", password.reset_password_token_expires_in.count()},
        {"endsSessions", password.revoke_sessions_on_password_reset}}},
      {"mail", gateway.mail.is_configured()},
      {"changeEmail", auth.user.change_email.enabled && answers(auth, "/change-email")},
      {"deleteUser", delete_user.enabled && answers(auth, "/delete-user")},
      {"deleteByMail", delete_user.send_delete_account_verification},
      {"linking", linking.enabled && answers(auth, "/link-social")},
      {"unlinkingAll", linking.allow_unlinking_all},
      {"providers", list_providers(auth)},
  };
  if (auto guarded = describe_turnstile(gateway, pages)) settings["turnstile"] = *std::move(guarded);
  return json::serialize(settings);
}

}  // namespace gatehouse::pipeline
