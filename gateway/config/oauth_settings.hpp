// Identity providers and the accounts that users have with them, as configured. Included by configuration.hpp.
#pragma once
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace gatehouse::config {

// auth/oauth/provider_facts.cpp has the facts of each.
inline constexpr std::array<std::string_view, 12> kBuiltInProviders{"apple",  "discord", "facebook", "github",
                                                                    "gitlab", "google",  "linkedin", "microsoft",
                                                                    "slack",  "spotify", "twitch",   "twitter"};

struct AccountLinking {
  bool enabled = true;
  bool disable_implicit_linking = false;
  std::vector<std::string> trusted_providers;
  bool allow_different_emails = false;
  bool allow_unlinking_all = false;
  bool update_user_info_on_link = false;
  bool require_local_email_verified = true;
};

struct AccountSettings {
  enum class StateStore { database, cookie };
  AccountLinking account_linking;
  bool update_account_on_sign_in = true;
  bool encrypt_oauth_tokens = false;
  StateStore store_state_strategy = StateStore::database;
  bool skip_state_cookie_check = false;
  bool store_account_cookie = false;
};

// Where a generic provider's profile has what; names with dots between them lead inside. Empty: the usual place.
struct ProfilePlaces {
  std::string id;
  std::string email;
  std::string email_verified;
  std::string name;
  std::string image;
};

// One provider of `social_providers` or `generic_oauth`: which members count is said by its table of keys.
struct ProviderSettings {
  enum class Authentication { post, basic };
  std::string id;
  bool generic = false;
  std::string client_id;
  Secret client_secret;
  std::vector<std::string> scope;
  std::string redirect_uri;
  std::string prompt;
  std::string access_type;
  bool disable_sign_up = false;
  bool disable_implicit_sign_up = false;
  bool override_user_info_on_sign_in = false;
  bool require_email_verification = false;
  bool disable_id_token_sign_in = false;
  // Of built-in providers.
  std::string issuer;
  std::string tenant_id;
  std::string hosted_domain;
  std::vector<std::string> audience;
  bool disable_default_scope = false;
  // Of Apple, instead of client_secret: what makes one.
  std::string team_id;
  std::string key_id;
  Secret private_key;  // PEM
  // Of generic ones.
  std::string discovery_url;
  std::string authorization_url;
  std::string token_url;
  std::string user_info_url;
  ProfilePlaces profile;
  std::string end_session_url;
  bool pkce = true;
  Authentication authentication = Authentication::post;
  std::vector<std::string> authorization_url_params;  // NAME=VALUE
  std::vector<std::string> token_url_params;
  std::string response_mode;
  std::string post_logout_redirect_uri;
  bool disable_provider_logout = false;
  bool disable_id_token_nonce_binding = false;
  bool require_id_token_verification = false;
  std::chrono::seconds access_token_expires_in{0};  // 0: as the provider says
  // What the gateway may reach on the provider's behalf.
  bool insecure_http = false;
  bool private_network = false;
};

}  // namespace gatehouse::config
