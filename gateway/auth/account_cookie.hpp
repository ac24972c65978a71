// The cookie account_data (Better Auth 1.7.25, account.storeAccountCookie): the account of the last sign-in as an
// encrypted JSON Web Token, tokens as they are stored. Five minutes long; a convenience of clients that name no
// account.
#pragma once
#include <optional>

#include "auth/accounts.hpp"
#include "auth/feature.hpp"

namespace gatehouse::auth {

// Sets it, in pieces where it is too long for one cookie, and clears pieces of an older one.
void add_account_cookie(EndpointCall& call, const Account& account);
// Absent without one, or with one that is too old or not ours.
std::optional<Account> read_account_cookie(const EndpointCall& call);

}  // namespace gatehouse::auth
