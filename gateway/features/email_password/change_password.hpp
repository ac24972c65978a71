// What signed-in users do with their password: changing it, and proving that they know it (Better Auth 1.7.25:
// /change-password, /verify-password). docs/features/email_password.md
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

extern const auth::BodySchema kChangePassword;
extern const auth::BodySchema kVerifyPassword;
Awaitable<Result<auth::Reply>> change_password(auth::EndpointCall& call);
Awaitable<Result<auth::Reply>> verify_password(auth::EndpointCall& call);

}  // namespace gatehouse::features
