// What a signed-in user can see and do about their sessions, and the two endpoints that every client asks first (Better
// Auth 1.7.25: get-session, list-sessions, revoke-*, sign-out, ok, error). docs/features/sessions.md
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

auth::Feature sessions();

}  // namespace gatehouse::features
