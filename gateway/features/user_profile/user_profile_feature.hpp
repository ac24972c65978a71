// What signed-in users change about themselves (Better Auth 1.7.25: update-user). docs/features/user_profile.md
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

auth::Feature user_profile();

}  // namespace gatehouse::features
