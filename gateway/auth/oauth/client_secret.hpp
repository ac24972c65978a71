// What the gateway proves to a provider with, that it is the application it says: the secret of the configuration, or
// for Apple a token that the application's private key has signed, good for five minutes.
#pragma once
#include <string>

#include "auth/oauth/provider.hpp"
#include "base/clock.hpp"

namespace gatehouse::auth::oauth {

// Empty: there is none.
std::string client_secret_of(const Provider& provider, WallTime now);

}  // namespace gatehouse::auth::oauth
