// Users who delete themselves (Better Auth 1.7.25: /delete-user, /delete-user/callback).
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

extern const auth::BodySchema kDeleteUser;
Awaitable<Result<auth::Reply>> delete_user(auth::EndpointCall& call);
// The link of the mail.
Awaitable<Result<auth::Reply>> delete_user_by_link(auth::EndpointCall& call);

}  // namespace gatehouse::features
