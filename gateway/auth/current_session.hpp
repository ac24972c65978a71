// Who calls an auth endpoint: the session of the request's cookie (Better Auth 1.7.25, getSession), from the cookie
// cache where that is on and may answer, else from the store. A session that is gone or expired clears the browser's
// cookies; one past updateAge is renewed and its cookies set again.
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::auth {

// What may answer. A session that has ended is seen by `store` at once, by `cache_or_store` when its cookie has
// expired.
enum class SessionSource { cache_or_store, store };

struct CurrentSession {
  IdentityPtr identity;               // nullptr: none
  std::optional<bool> needs_refresh;  // where it was read and must not be written: whether it is past updateAge
};

// Cookies to set are added to the call. An ApiError only where the session vanished while it was renewed. `may_write`
// false: nothing is renewed or removed, as deferSessionRefresh wants it but for POST /get-session.
Awaitable<Result<CurrentSession>> find_current_session(EndpointCall& call, SessionSource source, bool may_write);

// The same for all other endpoints.
Awaitable<Result<IdentityPtr>> read_current_session(EndpointCall& call,
                                                    SessionSource source = SessionSource::cache_or_store);

// The cookies of a new session, and what they make of an older dont_remember. `user` is the session's.
void add_session_cookies(EndpointCall& call, const Session& session, const User& user, bool remember);
// The cookies of a session that the browser has already, after it or its user was changed: they end with the browser if
// they did before.
void add_session_cookies(EndpointCall& call, const Session& session, const User& user);

}  // namespace gatehouse::auth
