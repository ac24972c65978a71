// Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0; Better Auth 1.7.25, POST /sign-out): where
// the browser is sent after it was signed out here.
#pragma once
#include <string>

#include "auth/feature.hpp"

namespace gatehouse::auth::oauth {

// Of the account that the user had last to do with; empty: no account is of a provider with such a place. The call's
// body may name callbackURL, where the provider sends the browser back to, and state.
Awaitable<std::string> end_session_url(EndpointCall& call, std::string user_id);

}  // namespace gatehouse::auth::oauth
