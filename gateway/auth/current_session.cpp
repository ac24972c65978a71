#include "auth/current_session.hpp"

#include "auth/error_codes.hpp"

namespace gatehouse::auth {

Awaitable<Result<IdentityPtr>> read_current_session(EndpointCall& call) {
  const Services& services = call.services;
  SessionCookie::Scratch scratch;
  const auto verdict = services.cookie.verify_first(call.cookies, scratch);
  // The gateway issues no session_data; one that an older deployment left behind would otherwise stay for ever.
  call.add_cookies(services.cookie.clear_session_data(call.cookies));
  if (verdict.signature != SessionCookie::Signature::valid) co_return IdentityPtr();
  const std::string token(verdict.token);
  auto identity = co_await services.sessions.read(token);
  if (!identity || services.sessions.has_expired(identity->session)) {
    call.add_cookies(services.cookie.clear_all(call.cookies));
    if (identity) co_await services.sessions.remove(token);
    co_return IdentityPtr();
  }
  const bool stays = services.cookie.has_dont_remember(call.cookies) || call.query.is_truthy("disableRefresh") ||
                     !services.sessions.wants_refresh(identity->session, services.clock.now());
  if (stays) co_return identity;
  auto renewed = co_await services.sessions.renew(identity);
  if (!renewed) {
    call.add_cookies(services.cookie.clear_all(call.cookies));
    co_return fail(401, error::kFailedToGetSession);
  }
  call.add_cookie(services.cookie.set_session(token, true));
  co_return renewed;
}

void add_session_cookies(EndpointCall& call, const Session& session, const User&, bool remember) {
  SessionCookie& cookie = call.services.cookie;
  call.add_cookie(cookie.set_session(session.token, remember));
  if (!remember) {
    call.add_cookie(cookie.set_dont_remember());
  } else if (cookie.has_dont_remember(call.cookies)) {
    call.add_cookie(cookie.clear_dont_remember());
  }
}

void add_session_cookies(EndpointCall& call, const Session& session, const User& user) {
  add_session_cookies(call, session, user, !call.services.cookie.has_dont_remember(call.cookies));
}

}  // namespace gatehouse::auth
