// What is known of the identity providers that are built in: one struct each, so that the next one is a few lines of
// provider_facts.cpp (and a word in config::kBuiltInProviders). Facts as Better Auth 1.7.25 has them.
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/oauth_settings.hpp"

namespace gatehouse::auth::oauth {

// Who a provider says somebody is. `user` has name, email, image and emailVerified as the provider gave them: absent,
// null or a value; `data` is the profile as it came.
struct Profile {
  std::string subject;  // the provider's own id of the user; empty: there is none, and nobody is signed in
  boost::json::object user;
  boost::json::object data;
};

// Verified, or from the provider itself; absent: somebody who may not sign in.
using ReadProfile = std::optional<Profile> (*)(boost::json::object data, const config::ProviderSettings& settings);

struct ProviderFacts {
  std::string_view id;
  std::string_view name;  // for people
  // {issuer} and {tenant} stand for what the configuration says, or for the default.
  std::string_view authorization_url;
  std::string_view token_url;
  std::string_view profile_url = {};         // empty: the profile is the ID token
  std::string_view second_profile_url = {};  // asked for after the first one
  std::string_view default_issuer = {};
  std::vector<std::string_view> scopes = {};
  bool requested_scopes_first = false;  // before those of the configuration
  bool pkce = true;
  bool basic_authentication = false;
  bool sends_login_hint = false;
  bool sends_prompt = false;
  bool sends_scopes_at_refresh = false;
  std::string_view default_prompt = {};
  std::string_view response_type = "code";
  std::string_view response_mode = {};
  std::vector<std::pair<std::string_view, std::string_view>> authorization_params = {};

  struct IdToken {
    std::vector<std::string_view> issuers;  // empty: claims_allowed judges it
    std::string_view keys_url;
    std::vector<std::string_view> algorithms = {"RS256"};
    std::chrono::seconds age_max{0};
    bool nonce_may_be_hashed = false;
    // For providers without PKCE whose profile comes from elsewhere: the ID token is verified for its nonce's sake, and
    // must be of the same subject.
    bool binds_flow = false;
    bool client_may_bring_it = true;  // sign-in with an ID token that an app got itself
    // Further claims; null: none.
    bool (*claims_allowed)(const boost::json::object& claims, const config::ProviderSettings& settings) = nullptr;
  };
  std::optional<IdToken> id_token = std::nullopt;

  ReadProfile read_profile = nullptr;
  // What the second document adds to the first; null is one that could not be had.
  void (*add_second)(boost::json::object& data, const boost::json::value& second) = nullptr;
};

// nullptr: no such provider is built in.
const ProviderFacts* find_provider_facts(std::string_view id);

// true and false, also as texts.
std::optional<bool> read_boolean(const boost::json::value* value);

}  // namespace gatehouse::auth::oauth
