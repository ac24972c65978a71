#include "auth/current_session.hpp"

#include "auth/error_codes.hpp"
#include "auth/session_binding.hpp"

namespace gatehouse::auth {

namespace {

// session_data alone. Does nothing where the cookie cache is off.
void add_session_data(EndpointCall& call, const Session& session, const User& user, bool remember) {
  const Services& services = call.services;
  const CookieCache& cache = services.cookie_cache;
  if (!cache.enabled()) return;
  const auto value = cache.make(session, user, remember, services.clock.now());
  const auto max_age = remember ? SessionCookie::Age(cache.max_age()) : SessionCookie::Age();
  call.add_cookies(services.cookie.set_pieces(services.cookie.names().session_data, value, max_age, call.cookies));
}

// What the cookie cache says of the token. What it holds and is not believed is cleared.
IdentityPtr ask_cookie_cache(EndpointCall& call, std::string_view token) {
  const Services& services = call.services;
  const auto& name = services.cookie.names().session_data;
  const auto value = services.cookie.read_pieces(call.cookies, name);
  if (value.empty()) return nullptr;
  auto identity = services.cookie_cache.open(value, token, services.clock.now());
  if (!identity) call.add_cookie(services.cookie.expire(name));
  return identity;
}

// A token that is used from elsewhere than it was made for opens nothing. Its cookies stay: whoever comes back to where
// the session began goes on with it.
bool is_bound_elsewhere(EndpointCall& call, const Session& session) {
  const auto& binding = call.services.settings.session.bind;
  if (!binding.any()) return false;
  const auto mismatch = find_mismatch(
      binding, session, {call.request.header("user-agent").value_or(""), parse_ip(call.request.client_address)});
  if (mismatch == BindingMismatch::none) return false;
  log_mismatch(mismatch, session);
  call.note(note_of(mismatch, session));
  call.reason = kBoundElsewhere;
  return true;
}

}  // namespace

Awaitable<Result<CurrentSession>> find_current_session(EndpointCall& call, SessionSource source, bool may_write) {
  const Services& services = call.services;
  const bool cache_on = services.cookie_cache.enabled();
  SessionCookie::Scratch scratch;
  const auto verdict = services.cookie.verify_first(call.cookies, scratch);
  // One that an older configuration left behind would otherwise stay for ever.
  if (!cache_on) call.add_cookies(services.cookie.clear_session_data(call.cookies));
  if (verdict.signature != SessionCookie::Signature::valid) co_return CurrentSession();
  const std::string token(verdict.token);
  if (cache_on && source == SessionSource::cache_or_store && !call.query.is_truthy("disableCookieCache")) {
    auto cached = ask_cookie_cache(call, token);
    if (cached && is_bound_elsewhere(call, cached->session)) co_return CurrentSession();
    if (cached) co_return CurrentSession{std::move(cached), std::nullopt};
  }
  auto identity = co_await services.sessions.read(token);
  if (!identity || services.sessions.has_expired(identity->session)) {
    call.add_cookies(services.cookie.clear_all(call.cookies));
    if (identity && may_write) co_await services.sessions.remove(token);
    co_return CurrentSession();
  }
  if (is_bound_elsewhere(call, identity->session)) co_return CurrentSession();
  if (services.cookie.has_dont_remember(call.cookies) || call.query.is_truthy("disableRefresh"))
    co_return CurrentSession{std::move(identity), std::nullopt};
  const bool due = services.sessions.wants_refresh(identity->session, services.clock.now());
  if (!due || !may_write) {
    add_session_data(call, identity->session, identity->user, true);
    co_return CurrentSession{std::move(identity), may_write ? std::nullopt : std::optional(due)};
  }
  auto renewed = co_await services.sessions.renew(identity);
  if (!renewed) {
    call.add_cookies(services.cookie.clear_all(call.cookies));
    co_return fail(401, error::kFailedToGetSession);
  }
  add_session_cookies(call, renewed->session, renewed->user, true);
  co_return CurrentSession{std::move(renewed), std::nullopt};
}

Awaitable<Result<IdentityPtr>> read_current_session(EndpointCall& call, SessionSource source) {
  const bool may_write = !call.services.settings.session.defer_session_refresh;
  auto found = co_await find_current_session(call, source, may_write);
  if (!found) co_return std::unexpected(std::move(found.error()));
  co_return std::move(found->identity);
}

void add_session_cookies(EndpointCall& call, const Session& session, const User& user, bool remember) {
  SessionCookie& cookie = call.services.cookie;
  call.add_cookie(cookie.set_session(session.token, remember));
  if (!remember) {
    call.add_cookie(cookie.set_dont_remember());
  } else if (cookie.has_dont_remember(call.cookies)) {
    call.add_cookie(cookie.clear_dont_remember());
  }
  add_session_data(call, session, user, remember);
}

void add_session_cookies(EndpointCall& call, const Session& session, const User& user) {
  add_session_cookies(call, session, user, !call.services.cookie.has_dont_remember(call.cookies));
}

}  // namespace gatehouse::auth
