// Whose sign-in it is: the account of a provider is found, linked to a user of the same address, or makes a new user
// (Better Auth 1.7.25, oauth2/link-account). A provider's word about an address counts only where the rules of
// account.account_linking let it: whoever could link freely could take over any user.
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "auth/accounts.hpp"
#include "auth/feature.hpp"
#include "auth/oauth/provider.hpp"
#include "features/social_sign_in/flow.hpp"

namespace gatehouse::features {

// What a provider says of somebody, in the types of our table.
struct ProviderUser {
  std::string name;
  std::optional<std::string> email;  // lower case
  bool email_verified = false;
  std::optional<std::string> image;
  bool has_name = false;  // the provider says one, be it empty
};
ProviderUser read_user(const boost::json::object& user);

struct ProviderSignIn {
  auth::oauth::ProviderPtr provider;
  auth::AccountKey key;
  ProviderUser user;  // with an address
  auth::ProviderTokens tokens;
  bool sign_up_allowed = true;
  bool overrides_user = false;
  std::string callback_url;  // of a verification mail
};

// The user and the new session, or why not: words of Better Auth, "account not linked".
struct SignedIn {
  auth::User user;
  auth::Session session;
  bool is_new = false;
};
Awaitable<std::expected<SignedIn, std::string>> sign_in_with(auth::EndpointCall& call, ProviderSignIn sign_in);

// Makes an account unless there is one of this key: of several that try at once one does, and the others are told.
enum class NotMade {
  taken,    // find it, and judge it
  refused,  // the user is gone
};
Awaitable<std::expected<auth::Account, NotMade>> make_account(auth::EndpointCall& call, auth::AccountKey key,
                                                              std::string user_id, auth::ProviderTokens tokens);

// Links the account to the user who asked for it in this flow. Gives the error's code, or nothing.
Awaitable<std::optional<std::string>> link_account(auth::EndpointCall& call, LinkRequest link, auth::AccountKey key,
                                                   ProviderUser user, auth::ProviderTokens tokens);

// Takes name and image over, where account_linking.update_user_info_on_link says so. The user as it is then.
Awaitable<std::optional<auth::User>> update_user_on_link(auth::EndpointCall& call, std::string user_id,
                                                         ProviderUser user);

bool is_trusted_provider(const auth::EndpointCall& call, std::string_view provider_id);

}  // namespace gatehouse::features
