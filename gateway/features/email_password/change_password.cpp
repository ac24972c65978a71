#include "features/email_password/change_password.hpp"

#include "auth/breached_passwords.hpp"
#include "auth/current_session.hpp"
#include "auth/error_codes.hpp"
#include "auth/password_check.hpp"
#include "auth/rows_json.hpp"
#include "auth/secret_attempt.hpp"
#include "base/utf8.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

Result<void> check_passwords(const EndpointCall& call) {
  const auto& settings = call.services.settings.email_and_password;
  auto fits = check_new_password(settings, call.text("newPassword").value());
  if (!fits) return fits;
  return check_password_too_long(settings, call.text("currentPassword").value());
}

// The caller gets a new session for the old one: with all others goes a token that somebody may have copied.
Awaitable<std::string> renew_session(EndpointCall& call, std::unique_ptr<storage::Transaction> transaction) {
  const Services& services = call.services;
  const bool remember = !services.cookie.has_dont_remember(call.cookies);
  NewSession values{call.identity->user.id, remember, call.request.client_address,
                    replace_invalid_utf8(call.request.header("user-agent").value_or(""))};
  Session made = services.sessions.make(std::move(values));
  const Session session = co_await services.sessions.replace_all(std::move(made), std::move(transaction));
  add_session_cookies(call, session, call.identity->user, remember);
  co_return session.token;
}

// What somebody who is signed in does to their own account.
void note_own(const EndpointCall& call, AuditEvent event, bool right) {
  const std::string& who = call.identity->user.id;
  call.note({.event = event,
             .outcome = right ? AuditOutcome::ok : AuditOutcome::failed,
             .reason = right ? "" : "wrong_password",
             .actor = who,
             .target = who});
}

}  // namespace

const BodySchema kChangePassword{
    BodySchema::Kind::object,
    {{"newPassword"}, {"currentPassword"}, {"revokeOtherSessions", FieldType::boolean, true}}};
const BodySchema kVerifyPassword{BodySchema::Kind::object, {{"password"}}};

Awaitable<Result<Reply>> change_password(EndpointCall& call) {
  auto fit = check_passwords(call);
  if (!fit) co_return std::unexpected(std::move(fit.error()));
  const Services& services = call.services;
  const std::string user_id = call.identity->user.id;
  const auto account = co_await find_password_account(services, user_id);
  if (!account || !account->hash || account->hash->empty())
    co_return auth::fail(400, error::kCredentialAccountNotFound);
  auto begun = co_await begin_attempt(call, of_user(user_id));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  // One time for both hashes: who changes a password waits no longer than others.
  const SteadyTime by = services.passwords.latest_turn();
  const bool right =
      co_await services.passwords.verify(std::string(call.text("currentPassword").value()), *account->hash, by);
  tell_attempt(call, right, call.identity->user.id);
  if (!right) {
    note_own(call, AuditEvent::password_changed, false);
    co_return auth::fail(400, error::kInvalidPassword);
  }
  auto unknown = co_await check_breached(call, std::string(call.text("newPassword").value()));
  if (!unknown) co_return std::unexpected(std::move(unknown.error()));
  std::string hash = co_await services.passwords.hash(std::string(call.text("newPassword").value()), by);
  auto transaction = co_await services.database.begin();
  const auto updated = co_await run(*transaction, update_password(user_id, std::move(hash), services.clock.now()));
  // Deleted, or unlinked, while the password was hashed: there is nothing to change, and nobody to make a session for.
  if (updated.affected == 0) co_return auth::fail(400, error::kCredentialAccountNotFound);
  json::value token(nullptr);
  const bool revokes = call.boolean("revokeOtherSessions") == true;
  if (revokes) {
    token = co_await renew_session(call, std::move(transaction));
  } else {
    co_await transaction->commit();
  }
  note_own(call, AuditEvent::password_changed, true);
  if (revokes) note_own(call, AuditEvent::sessions_revoked, true);
  co_return reply_json({{"token", token}, {"user", to_json(call.identity->user)}});
}

Awaitable<Result<Reply>> verify_password(EndpointCall& call) {
  const Services& services = call.services;
  std::string password(call.text("password").value());
  auto fits = check_password_too_long(services.settings.email_and_password, password);
  if (!fits) co_return std::unexpected(std::move(fits.error()));
  auto begun = co_await begin_attempt(call, of_user(call.identity->user.id));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  const bool right = co_await is_password_of(services, call.identity->user.id, std::move(password));
  tell_attempt(call, right, call.identity->user.id);
  note_own(call, AuditEvent::password_check, right);
  if (!right) co_return auth::fail(400, error::kInvalidPassword);
  co_return reply_json({{"status", true}});
}

}  // namespace gatehouse::features
