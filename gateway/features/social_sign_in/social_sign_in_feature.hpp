// Sign-in with identity providers, and linking their accounts (docs/features/social_sign_in.md).
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

auth::Feature social_sign_in();

}  // namespace gatehouse::features
