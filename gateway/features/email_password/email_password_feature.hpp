// Signing up and in with an e-mail address and a password (Better Auth 1.7.25: /sign-up/email, /sign-in/email;
// change_password.hpp has the rest).
// docs/features/email_password.md
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

auth::Feature email_password();

}  // namespace gatehouse::features
