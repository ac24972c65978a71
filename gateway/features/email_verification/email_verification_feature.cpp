#include "features/email_verification/email_verification_feature.hpp"

#include <boost/asio/redirect_error.hpp>

#include "auth/current_session.hpp"
#include "auth/email_token.hpp"
#include "auth/error_codes.hpp"
#include "auth/query_check.hpp"
#include "auth/redirect_url.hpp"
#include "auth/rows_json.hpp"
#include "auth/secret_attempt.hpp"
#include "base/ascii.hpp"
#include "base/event.hpp"
#include "base/utf8.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

// An answer to somebody who is not signed in takes at least so long: whether a mail was written cannot be told.
constexpr std::chrono::milliseconds kAnswerTimeMin{500};

Awaitable<> wait_until(SteadyTime time) {
  SteadyTimer timer(co_await asio::this_coro::executor);
  timer.expires_at(time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
}

Reply reply_status() {
  return reply_json({{"status", true}});
}

Awaitable<> send_to_stranger(const Services& services, std::string email, std::string callback_url) {
  const auto user = co_await services.users.find_by_email(std::move(email));
  if (user && !user->email_verified) send_verification_mail(services, *user, callback_url);
}

Awaitable<Result<Reply>> send_verification_email(EndpointCall& call) {
  const Services& services = call.services;
  if (!services.mailer.is_available()) co_return auth::fail(400, error::kVerificationEmailNotEnabled);
  const std::string email = to_lower(call.text("email").value());
  const std::string callback_url(call.text("callbackURL").value_or(""));
  auto identity = co_await read_current_session(call);
  if (!identity || !*identity) {
    const SteadyTime answer_at = SteadyTime::clock::now() + kAnswerTimeMin;
    auto begun = co_await begin_attempt(call, of_mailbox(call, email));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    co_await send_to_stranger(services, email, callback_url);
    co_await wait_until(answer_at);
    co_return reply_status();
  }
  const User& user = (*identity)->user;
  if (to_lower(user.email) != email) co_return auth::fail(400, error::kEmailMismatch);
  if (user.email_verified) co_return auth::fail(400, error::kEmailAlreadyVerified);
  auto begun = co_await begin_attempt(call, of_own_mailbox(user.id));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  send_verification_mail(services, user, callback_url);
  co_return reply_status();
}

// The link that was followed.
struct Visit {
  EndpointCall& call;
  std::string callback_url;  // judged; empty: the answer is JSON

  // Where to send the browser, or JSON where no place was named.
  Result<Reply> fail(const ErrorCode& error) const {
    if (callback_url.empty()) return auth::fail(401, error);
    call.add_location(with_appended(callback_url, "error", error.code));
    return Reply{302, "application/json", ""};
  }
  Result<Reply> succeed(json::object answer) const {
    if (callback_url.empty()) return reply_json(answer);
    call.add_location(callback_url);
    return Reply{302, "application/json", ""};
  }
};

// Never the cookie cache's: its cookies may be set again, which a session that has ended must not get.
Awaitable<IdentityPtr> find_session(EndpointCall& call) {
  auto identity = co_await read_current_session(call, SessionSource::store);
  co_return identity ? std::move(*identity) : nullptr;
}

void send_to_new_address(const Services& services, const User& user, const EmailClaims& claims,
                         std::string_view callback_url) {
  auto link = make_email_link(services, claims, callback_url);
  services.mailer.send({.kind = outbound::Mail::Kind::verify_email,
                        .to = claims.update_to.value_or(claims.email),
                        .name = user.name,
                        .url = std::move(link.url),
                        .expires_at = link.expires_at});
}

// Who followed the link may be signed in or not; it proves a mailbox, not a person.
void note_of_user(const EndpointCall& call, AuditEvent event, const std::string& user_id) {
  call.note({.event = event, .target = user_id});
}

// The last link of a change of the address: whoever has the new address has confirmed it. Links of releases before 1.4
// have no type: with these the new address is yet to be verified.
Awaitable<Result<Reply>> change_address(Visit visit, User user, EmailClaims claims, IdentityPtr identity) {
  const Services& services = visit.call.services;
  const bool has_type = claims.request_type == "change-email-verification";
  const bool verified = has_type && user.email_verified;
  UserChanges changes{.email = to_lower(*claims.update_to), .email_verified = verified, .while_email = user.email};
  bool taken = false;
  std::optional<User> updated;
  try {
    updated = co_await services.users.update(user.id, std::move(changes));
  } catch (const storage::ConstraintError&) {
    taken = true;  // somebody else has it since the mail was sent
  }
  if (taken || !updated) co_return visit.fail(error::kInvalidToken);
  note_of_user(visit.call, AuditEvent::email_changed, user.id);
  if (identity) add_session_cookies(visit.call, identity->session, *updated);
  if (!has_type) send_verification_mail(services, *updated, visit.callback_url);
  co_return visit.succeed({{"status", true}, {"user", to_json(*updated)}});
}

Awaitable<Result<Reply>> follow_change(Visit visit, EmailClaims claims) {
  const Services& services = visit.call.services;
  if (!claims.user_id) co_return visit.fail(error::kInvalidToken);
  auto user = co_await services.users.find(*claims.user_id);
  if (!user) co_return visit.fail(error::kUserNotFound);
  if (to_lower(user->email) != claims.email) co_return visit.fail(error::kInvalidToken);
  auto identity = co_await find_session(visit.call);
  if (identity && identity->user.id != user->id) co_return visit.fail(error::kInvalidUser);
  if (!is_email(*claims.update_to)) co_return visit.fail(error::kInvalidToken);
  if (claims.request_type != "change-email-confirmation") {
    auto reply = co_await change_address(std::move(visit), std::move(*user), std::move(claims), std::move(identity));
    co_return reply;
  }
  claims.request_type = "change-email-verification";
  if (services.mailer.is_available()) send_to_new_address(services, *user, claims, visit.callback_url);
  co_return visit.succeed({{"status", true}});
}

// Signs in whoever followed the link, unless they are.
Awaitable<> sign_in(EndpointCall& call, User user) {
  const Services& services = call.services;
  auto identity = co_await find_session(call);
  if (identity && identity->user.email == user.email) {
    add_session_cookies(call, identity->session, user);
    co_return;
  }
  NewSession values{user.id, true, call.request.client_address,
                    replace_invalid_utf8(call.request.header("user-agent").value_or(""))};
  Session made = services.sessions.make(std::move(values));
  const Session session = co_await services.sessions.store(std::move(made));
  call.note({.event = AuditEvent::sign_in, .actor = user.id, .target = user.id, .detail = "verify_email"});
  add_session_cookies(call, session, user, true);
}

Awaitable<Result<Reply>> follow_verification(Visit visit, EmailClaims claims) {
  EndpointCall& call = visit.call;
  const Services& services = call.services;
  auto user = co_await services.users.find_by_email(to_lower(claims.email));
  if (!user) co_return visit.fail(error::kUserNotFound);
  if (claims.user_id && *claims.user_id != user->id) co_return visit.fail(error::kInvalidToken);
  const json::object done{{"status", true}, {"user", nullptr}};
  if (user->email_verified) co_return visit.succeed(done);
  UserChanges changes{.email_verified = true, .while_email = user->email, .while_unverified = true};
  const auto updated = co_await services.users.update(user->id, std::move(changes));
  if (!updated) {
    // The same link, a moment sooner, or the address was left.
    user = co_await services.users.find_by_email(user->email);
    co_return user && user->email_verified ? visit.succeed(done) : visit.fail(error::kUserNotFound);
  }
  note_of_user(call, AuditEvent::email_verified, updated->id);
  if (services.settings.email_verification.auto_sign_in_after_verification) co_await sign_in(call, *updated);
  co_return visit.succeed(done);
}

Awaitable<Result<Reply>> verify_email(EndpointCall& call) {
  const Services& services = call.services;
  if (auto problem = find_query_problems(call.query, {{"token"}, {"callbackURL", true}}))
    co_return gatehouse::fail(400, "VALIDATION_ERROR", std::move(*problem));
  Visit visit{call, std::string(call.query.find("callbackURL").value_or(""))};
  if (!visit.callback_url.empty() && !services.origins.trusts_redirect(visit.callback_url))
    co_return auth::fail(403, error::kInvalidCallbackUrl);
  auto claims = open_email_token(services, *call.query.find("token"));
  if (!claims) {
    // Where even an honest link would lead nowhere, the browser is not sent on.
    if (claims.error() == EmailTokenProblem::malformed) co_return auth::fail(401, error::kInvalidToken);
    co_return visit.fail(claims.error() == EmailTokenProblem::expired ? error::kTokenExpired : error::kInvalidToken);
  }
  auto reply = claims->update_to && !claims->update_to->empty()
                   ? co_await follow_change(std::move(visit), std::move(*claims))
                   : co_await follow_verification(std::move(visit), std::move(*claims));
  co_return reply;
}

const BodySchema kSend{BodySchema::Kind::object,
                       {{"email", FieldType::email}, {"callbackURL", FieldType::string, true}}};

}  // namespace

Feature email_verification() {
  constexpr auto kNone = SessionNeed::none;
  constexpr auto kUnchecked = FormCheck::no;
  return {
      "email_verification",
      {
          {"POST", "/send-verification-email", BodyKind::json, kNone, kUnchecked, kSend, send_verification_email, true},
          {"GET", "/verify-email", BodyKind::none, kNone, kUnchecked, {}, verify_email},
      }};
}

}  // namespace gatehouse::features
