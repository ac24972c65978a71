#include "features/email_password/email_password_feature.hpp"

#include "auth/breached_passwords.hpp"
#include "auth/current_session.hpp"
#include "auth/email_token.hpp"
#include "auth/error_codes.hpp"
#include "auth/password_check.hpp"
#include "auth/row_id.hpp"
#include "auth/rows_json.hpp"
#include "auth/secret_attempt.hpp"
#include "auth/users.hpp"
#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "features/email_password/change_password.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

bool remembers(const EndpointCall& call) {
  return call.boolean("rememberMe") != false;
}

NewSession describe_session(const EndpointCall& call, std::string user_id) {
  return {std::move(user_id), remembers(call), call.request.client_address,
          replace_invalid_utf8(call.request.header("user-agent").value_or(""))};
}

// What the database refuses, told without asking it.
const ApiError kUnfit{422, std::string(error::kFailedToCreateUser.code),
                      std::string(error::kFailedToCreateUser.message)};

struct SignUp {
  User user;
  std::string account_id;
  std::string password_hash;
  std::optional<Session> session;
};

// All rows or none; then what follows from them. The user and the session get the ids that the database gave them.
Awaitable<> store_sign_up(const Services& services, SignUp& sign_up) {
  auto transaction = co_await services.database.begin();
  const auto user = co_await run(*transaction, services.users.insert(sign_up.user));
  sign_up.user.id = user.rows.at(0).text(0);
  if (sign_up.session) sign_up.session->user_id = sign_up.user.id;
  co_await run(*transaction, insert_password_account(sign_up.account_id, sign_up.user, sign_up.password_hash));
  if (sign_up.session && services.sessions.has_rows()) {
    const auto session = co_await run(*transaction, services.sessions.insert(*sign_up.session));
    sign_up.session->id = session.rows.at(0).text(0);
  }
  co_await transaction->commit();
  transaction.reset();
  if (sign_up.session) co_await services.sessions.publish(*sign_up.session);
}

User make_user(const EndpointCall& call, std::string email) {
  User user;
  user.id = make_row_id(call.services.sessions.schema().user_ids, call.services.random);
  user.name = call.text("name").value();
  user.email = std::move(email);
  if (const auto image = call.text("image")) user.image = *image;
  user.created_at = call.services.clock.now();
  user.updated_at = user.created_at;
  return user;
}

bool can_be_stored(const User& user) {
  return is_storable(user.name) && is_storable(user.image.value_or(""));
}

// The answer to a sign-up that makes no session. Also to one with an address that is taken: a stranger cannot tell the
// two apart.
Reply reply_without_session(const User& user) {
  return reply_json({{"token", nullptr}, {"user", to_json(user)}});
}

// Where the database counts ids, an answer that makes no user still shows one.
Awaitable<> make_plausible(const Services& services, User& user) {
  if (!user.id.empty()) co_return;
  const auto next = co_await run(services.database, select_next_user_id(services.database.engine()));
  user.id = next.rows.at(0).text(0);
}

AuditNote note_taken(const User& user) {
  return {.event = AuditEvent::sign_up, .outcome = AuditOutcome::failed, .reason = "email_taken", .target = user.id};
}

Result<void> check_sign_up(const EndpointCall& call) {
  const auto& settings = call.services.settings.email_and_password;
  if (!settings.enabled || settings.disable_sign_up) return auth::fail(400, error::kSignUpDisabled);
  return check_new_password(settings, call.text("password").value());
}

Awaitable<Result<Reply>> sign_up_email(EndpointCall& call) {
  auto allowed = check_sign_up(call);
  if (!allowed) co_return std::unexpected(std::move(allowed.error()));
  const Services& services = call.services;
  auto additional = services.users.fields().read_new(call.body->get_object(), kUnfit);
  if (!additional) co_return std::unexpected(std::move(additional.error()));
  const auto& settings = services.settings.email_and_password;
  const bool signs_in = settings.auto_sign_in && !settings.require_email_verification;
  SignUp sign_up;
  sign_up.user = make_user(call, to_lower(call.text("email").value()));
  sign_up.user.additional = services.users.fields().make_values(*additional);
  // Before anybody is looked for: whether the address is taken must not decide what is answered.
  if (!can_be_stored(sign_up.user)) co_return auth::fail(422, error::kFailedToCreateUser);
  auto existing = co_await services.users.find_by_email(sign_up.user.email);
  const bool taken = existing.has_value();
  if (taken) call.note(note_taken(*existing));
  if (taken && signs_in) co_return auth::fail(422, error::kUserAlreadyExists);
  // Also for an address that is taken: the answer must not come sooner.
  const SteadyTime by = services.passwords.latest_turn();
  auto unknown = co_await check_breached(call, std::string(call.text("password").value()));
  if (!unknown) co_return std::unexpected(std::move(unknown.error()));
  sign_up.password_hash = co_await services.passwords.hash(std::string(call.text("password").value()), by);
  if (taken) {
    co_await make_plausible(services, sign_up.user);
    co_return reply_without_session(sign_up.user);
  }
  sign_up.account_id = make_row_id(services.sessions.schema().account_ids, services.random);
  if (signs_in) sign_up.session = services.sessions.make(describe_session(call, sign_up.user.id));
  std::optional<storage::ConstraintError::Kind> refused;
  try {
    co_await store_sign_up(services, sign_up);
  } catch (const storage::ConstraintError& conflict) {
    refused = conflict.kind();
  }
  bool lost_race = refused == storage::ConstraintError::Kind::unique;
  if (lost_race) {
    // A field of the deployment's own may be unique, too.
    existing = co_await services.users.find_by_email(sign_up.user.email);
    lost_race = existing.has_value();
  }
  // A column of the deployment's own that wants a value, or one that is too short.
  if (refused && !lost_race) co_return auth::fail(422, error::kFailedToCreateUser);
  call.note(lost_race ? note_taken(*existing)
                      : AuditNote{.event = AuditEvent::sign_up, .actor = sign_up.user.id, .target = sign_up.user.id});
  if (lost_race && signs_in) co_return auth::fail(422, error::kUserAlreadyExists);
  if (lost_race) {
    co_await make_plausible(services, sign_up.user);
  } else if (services.settings.email_verification.send_on_sign_up.value_or(settings.require_email_verification)) {
    send_verification_mail(services, sign_up.user, call.text("callbackURL").value_or(""));
  }
  if (!sign_up.session) co_return reply_without_session(sign_up.user);
  add_session_cookies(call, *sign_up.session, sign_up.user, remembers(call));
  co_return reply_json({{"token", sign_up.session->token}, {"user", to_json(sign_up.user)}});
}

Result<void> check_sign_in(const EndpointCall& call) {
  const auto& settings = call.services.settings.email_and_password;
  if (!settings.enabled) return auth::fail(400, error::kEmailPasswordDisabled);
  if (!is_email(call.text("email").value())) return auth::fail(400, error::kInvalidEmail);
  return check_password_too_long(settings, call.text("password").value());
}

AuditNote note_refused_sign_in(std::string reason, std::string user_id = {}) {
  return {.event = AuditEvent::sign_in,
          .outcome = AuditOutcome::failed,
          .reason = std::move(reason),
          .target = std::move(user_id)};
}

// The user whose address and password these are, or why there is none. A hash is computed whether or not there is such
// an account: the time tells nothing.
Awaitable<std::expected<User, AuditNote>> find_user(const Services& services, std::string email, std::string password) {
  auto found = co_await services.users.find_with_password(std::move(email));
  const auto stored = found ? found->password_hash : std::nullopt;
  if (!stored || stored->empty()) {
    co_await services.passwords.hash(std::move(password));
    co_return std::unexpected(found ? note_refused_sign_in("no_password", found->user.id)
                                    : note_refused_sign_in("unknown_user"));
  }
  const bool right = co_await services.passwords.verify(std::move(password), *stored);
  if (!right) co_return std::unexpected(note_refused_sign_in("wrong_password", found->user.id));
  co_return std::move(found->user);
}

// Absent: the user was deleted while the password was hashed.
Awaitable<std::optional<Session>> store_session(const Services& services, Session made) {
  try {
    auto session = co_await services.sessions.store(std::move(made));
    co_return std::move(session);
  } catch (const storage::ConstraintError& refused) {
    if (refused.kind() != storage::ConstraintError::Kind::foreign_key) throw;
  }
  co_return std::nullopt;
}

Awaitable<Result<Reply>> sign_in_email(EndpointCall& call) {
  auto allowed = check_sign_in(call);
  if (!allowed) co_return std::unexpected(std::move(allowed.error()));
  const Services& services = call.services;
  std::string email = to_lower(call.text("email").value());
  std::string password(call.text("password").value());
  auto begun = co_await begin_attempt(call, of_stranger(call, email));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  auto user = co_await find_user(services, std::move(email), std::move(password));
  if (!user) {
    tell_attempt(call, false, user.error().target);
    call.note(std::move(user.error()));
    co_return auth::fail(401, error::kInvalidEmailOrPassword);
  }
  tell_attempt(call, true, user->id);
  if (services.settings.email_and_password.require_email_verification && !user->email_verified) {
    call.note(note_refused_sign_in("email_not_verified", user->id));
    if (services.settings.email_verification.send_on_sign_in) {
      const bool may_send = co_await may_mail(call, user->id);
      if (may_send) send_verification_mail(services, *user, call.text("callbackURL").value_or(""));
    }
    co_return auth::fail(403, error::kEmailNotVerified);
  }
  Session made = services.sessions.make(describe_session(call, user->id));
  const auto session = co_await store_session(services, std::move(made));
  if (!session) {
    call.note(note_refused_sign_in("unknown_user", user->id));
    co_return auth::fail(401, error::kInvalidEmailOrPassword);
  }
  call.note({.event = AuditEvent::sign_in, .actor = user->id, .target = user->id});
  add_session_cookies(call, *session, *user, remembers(call));
  json::object answer{{"redirect", false}, {"token", session->token}, {"user", to_json(*user)}};
  const auto callback = call.text("callbackURL");
  if (callback) answer["url"] = *callback;
  if (callback && !callback->empty()) {
    answer["redirect"] = true;
    call.add_location(*callback);
  }
  co_return reply_json(answer);
}

const BodySchema kSignUp{BodySchema::Kind::object_and_record,
                         {{"name"},
                          {"email", FieldType::email},
                          {"password", FieldType::string, false, 1},
                          {"image", FieldType::string, true},
                          {"callbackURL", FieldType::string, true},
                          {"rememberMe", FieldType::boolean, true}}};

const BodySchema kSignIn{
    BodySchema::Kind::object,
    {{"email"}, {"password"}, {"callbackURL", FieldType::string, true}, {"rememberMe", FieldType::boolean, true}}};

}  // namespace

Feature email_password() {
  constexpr auto kForm = BodyKind::form_or_json;
  constexpr auto kJson = BodyKind::json;
  constexpr auto kNone = SessionNeed::none;
  constexpr auto kKnown = SessionNeed::authoritative;
  return {"email_password",
          {
              {"POST", "/sign-up/email", kForm, kNone, FormCheck::yes, kSignUp, sign_up_email},
              {"POST", "/sign-in/email", kForm, kNone, FormCheck::yes, kSignIn, sign_in_email, true},
              {"POST", "/change-password", kJson, kKnown, FormCheck::no, kChangePassword, change_password, true},
              {"POST", "/verify-password", kJson, kKnown, FormCheck::no, kVerifyPassword, verify_password, true},
          }};
}

}  // namespace gatehouse::features
