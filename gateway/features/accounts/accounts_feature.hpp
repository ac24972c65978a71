// The accounts that a user has with identity providers, and the providers' tokens (docs/features/accounts.md).
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

auth::Feature accounts();

}  // namespace gatehouse::features
