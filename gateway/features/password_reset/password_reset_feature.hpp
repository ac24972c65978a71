// Forgotten passwords: a link by mail, and a new password for who has it (Better Auth 1.7.25: /request-password-reset,
// /reset-password). docs/features/password_reset.md
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

auth::Feature password_reset();

}  // namespace gatehouse::features
