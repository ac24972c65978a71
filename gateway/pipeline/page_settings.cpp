#include "pipeline/page_settings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

#include "auth/oauth/provider_facts.hpp"

namespace gatehouse::pipeline {

namespace json = boost::json;

namespace {

json::array list_providers(const config::AuthSettings& auth) {
  json::array list;
  for (const auto& one : auth.social_providers) {
    const auto* facts = auth::oauth::find_provider_facts(one.id);
    list.push_back({{"id", one.id}, {"name", facts != nullptr ? facts->name : std::string_view(one.id)}});
  }
  for (const auto& one : auth.generic_oauth) list.push_back({{"id", one.id}, {"name", one.id}});
  return list;
}

}  // namespace

std::string make_page_settings(const config::Gateway& gateway) {
  const config::AuthSettings& auth = gateway.auth;
  const auto answers = [&](std::string_view path) {
    return std::ranges::find(auth.disabled_paths, path) == auth.disabled_paths.end();
  };
  const auto& password = auth.email_and_password;
  const auto& delete_user = auth.user.delete_user;
  const auto& linking = auth.account.account_linking;
  return json::serialize(json::object{
      {"signIn", gateway.pages.sign_in},
      {"password",
       {{"enabled", password.enabled},
        {"signUp", password.enabled && !password.disable_sign_up && answers("/sign-up/email")},
        {"min", password.min_password_length},
        {"max", password.max_password_length}}},
      {"mail", !gateway.mail.host.empty() || !gateway.mail.outbox.empty()},
      {"changeEmail", auth.user.change_email.enabled && answers("/change-email")},
      {"deleteUser", delete_user.enabled && answers("/delete-user")},
      {"deleteByMail", delete_user.send_delete_account_verification},
      {"linking", linking.enabled && answers("/link-social")},
      {"unlinkingAll", linking.allow_unlinking_all},
      {"providers", list_providers(auth)},
  });
}

}  // namespace gatehouse::pipeline
