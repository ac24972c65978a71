#include "features/sessions/sessions_feature.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "auth/current_session.hpp"
#include "auth/error_codes.hpp"
#include "auth/oauth/end_session.hpp"
#include "auth/rows_json.hpp"
#include "base/ascii.hpp"
#include "base/failure.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

Reply reply_status() {
  return reply_json({{"status", true}});
}

// With deferSessionRefresh, GET writes nothing and tells whether POST should be asked.
Awaitable<Result<Reply>> get_session(EndpointCall& call) {
  call.add_header("Cache-Control", "no-store");
  call.add_header("Pragma", "no-cache");
  const bool defers = call.services.settings.session.defer_session_refresh;
  const bool is_post = call.request.method == "POST";
  if (is_post && !defers) co_return auth::fail(405, error::kDeferRequired);
  auto found = co_await find_current_session(call, SessionSource::cache_or_store, !defers || is_post);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!found->identity) co_return reply_json(nullptr);
  json::object answer{{"session", to_json(found->identity->session)}, {"user", to_json(found->identity->user)}};
  if (found->needs_refresh) answer["needsRefresh"] = *found->needs_refresh;
  co_return reply_json(answer);
}

Awaitable<Result<Reply>> list_sessions(EndpointCall& call) {
  auto found = co_await call.services.sessions.list(call.identity->user.id);
  json::array list;
  for (const Session& session : found) list.push_back(to_json(session));
  co_return reply_json(list);
}

// By the user whom it is about.
void note_own(const EndpointCall& call, AuditEvent event, std::string detail) {
  const std::string& who = call.identity->user.id;
  call.note({.event = event, .actor = who, .target = who, .detail = std::move(detail)});
}

// Whoever tries that has somebody else's token.
void note_foreign(const EndpointCall& call, const Session& session) {
  call.note({.event = AuditEvent::session_revoked,
             .outcome = AuditOutcome::failed,
             .reason = "not_own",
             .actor = call.identity->user.id,
             .target = session.user_id,
             .detail = session.id});
}

Awaitable<Result<Reply>> revoke_session(EndpointCall& call) {
  const std::string token(call.text("token").value());
  auto target = co_await call.services.sessions.read(token);
  // Somebody else's session and one that does not exist are answered alike.
  const bool is_own = target && target->user.id == call.identity->user.id;
  if (is_own) {
    co_await call.services.sessions.remove(token);
    note_own(call, AuditEvent::session_revoked, target->session.id);
  } else if (target) {
    note_foreign(call, target->session);
  }
  if (token == call.identity->session.token) call.add_cookies(call.services.cookie.clear_all(call.cookies));
  co_return reply_status();
}

Awaitable<Result<Reply>> revoke_sessions(EndpointCall& call) {
  co_await call.services.sessions.remove_all(call.identity->user.id);
  note_own(call, AuditEvent::sessions_revoked, "all");
  call.add_cookies(call.services.cookie.clear_all(call.cookies));
  co_return reply_status();
}

Awaitable<Result<Reply>> revoke_other_sessions(EndpointCall& call) {
  co_await call.services.sessions.remove_others(call.identity->user.id, call.identity->session.token);
  note_own(call, AuditEvent::sessions_revoked, "others");
  co_return reply_status();
}

Awaitable<Result<Reply>> sign_out(EndpointCall& call) {
  SessionCookie::Scratch scratch;
  const auto verdict = call.services.cookie.verify_first(call.cookies, scratch);
  IdentityPtr who;
  if (verdict.signature == SessionCookie::Signature::valid) {
    const std::string token(verdict.token);
    who = co_await call.services.sessions.read(token);
    co_await call.services.sessions.remove(token);
    // A session that had ended is left by nobody.
    if (who) {
      call.note(
          {.event = AuditEvent::sign_out, .actor = who->user.id, .target = who->user.id, .detail = who->session.id});
    }
  }
  call.add_cookies(call.services.cookie.clear_all(call.cookies));
  std::string provider_url;
  try {
    if (who) provider_url = co_await oauth::end_session_url(call, who->user.id);
  } catch (const Failure&) {
    // The session is gone; where else the browser could go is not worth an error.
  }
  if (provider_url.empty()) co_return reply_json({{"success", true}});
  const bool redirects = !call.boolean("disableRedirect").value_or(false);
  if (redirects) call.add_location(provider_url);
  co_return reply_json({{"success", true}, {"url", provider_url}, {"redirect", redirects}});
}

Awaitable<Result<Reply>> ok(EndpointCall&) {
  co_return reply_json({{"ok", true}});
}

bool is_error_code(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '\'' || c == '_' || c == '-'; });
}

// Where flows that cannot answer with JSON send the browser: the configured page or the front-end's start page, told by
// its query what went wrong.
Awaitable<Result<Reply>> show_error(EndpointCall& call) {
  const auto code = call.query.find("error").value_or("");
  const auto description = call.query.find("error_description").value_or("");
  const auto& page = call.services.settings.error_url;
  std::string location = page.empty() ? "/" : page;
  location += location.contains('?') ? "&error=" : "?error=";
  location += encode_form_value(is_error_code(code) ? code : "UNKNOWN");
  if (!description.empty()) location += "&error_description=" + encode_form_value(description);
  call.add_location(location);
  co_return Reply{302, "", ""};
}

const BodySchema kAnyBody{};
const BodySchema kToken{BodySchema::Kind::object, {{"token"}}};
const BodySchema kSignOut{BodySchema::Kind::optional_object,
                          {{"callbackURL", FieldType::string, true},
                           {"disableRedirect", FieldType::boolean, true},
                           {"state", FieldType::string, true}}};

}  // namespace

Feature sessions() {
  using enum SessionNeed;
  constexpr auto kNoBody = BodyKind::none;
  constexpr auto kJson = BodyKind::json;
  constexpr auto kUnchecked = FormCheck::no;
  return {"sessions",
          {
              {"GET", "/get-session", kNoBody, none, kUnchecked, kAnyBody, get_session},
              {"POST", "/get-session", kNoBody, none, kUnchecked, kAnyBody, get_session},
              {"GET", "/list-sessions", kNoBody, fresh, kUnchecked, kAnyBody, list_sessions},
              {"POST", "/revoke-session", kJson, authoritative, kUnchecked, kToken, revoke_session},
              {"POST", "/revoke-sessions", kJson, authoritative, kUnchecked, kAnyBody, revoke_sessions},
              {"POST", "/revoke-other-sessions", kJson, authoritative, kUnchecked, kAnyBody, revoke_other_sessions},
              {"POST", "/sign-out", kJson, none, kUnchecked, kSignOut, sign_out},
              {"GET", "/ok", kNoBody, none, kUnchecked, kAnyBody, ok},
              {"GET", "/error", kNoBody, none, kUnchecked, kAnyBody, show_error},
          }};
}

}  // namespace gatehouse::features
