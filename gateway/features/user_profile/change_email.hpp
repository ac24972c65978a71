// The change of a user's address (Better Auth 1.7.25: /change-email). Its links lead to /verify-email.
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

extern const auth::BodySchema kChangeEmail;
Awaitable<Result<auth::Reply>> change_email(auth::EndpointCall& call);

}  // namespace gatehouse::features
