// Who calls an auth endpoint: the session of the request's cookie, always read from the store (Better Auth 1.7.25,
// getSession). A session that is gone or expired clears the browser's cookies; one past updateAge is renewed and its
// cookie set again.
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::auth {

// nullptr: none. Cookies to set are added to the call. An ApiError only where the session vanished while it was
// renewed.
Awaitable<Result<IdentityPtr>> read_current_session(EndpointCall& call);

// The cookies of a new session, and what they make of an older dont_remember. `user` is the session's.
void add_session_cookies(EndpointCall& call, const Session& session, const User& user, bool remember);
// The cookies of a session that the browser has already, after it or its user was changed: they end with the browser if
// they did before.
void add_session_cookies(EndpointCall& call, const Session& session, const User& user);

}  // namespace gatehouse::auth
