#include "features/password_reset/password_reset_feature.hpp"

#include <algorithm>

#include "auth/breached_passwords.hpp"
#include "auth/error_codes.hpp"
#include "auth/password_check.hpp"
#include "auth/redirect_url.hpp"
#include "auth/secret_attempt.hpp"
#include "base/ascii.hpp"
#include "base/encoding.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

constexpr std::size_t kTokenLength = 24;
constexpr std::size_t kTokenMax = 128;
constexpr std::chrono::seconds kDecoyLife{60};

std::string identifier_of(std::string_view token) {
  return "reset-password:" + std::string(token);
}

// Ours have 24 letters and digits, those of a server that ran before us may differ. Anything else is not looked up.
bool may_be_token(std::string_view token) {
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; };
  return !token.empty() && token.size() <= kTokenMax && std::ranges::all_of(token, fits);
}

std::string link_of(const Services& services, std::string_view token, std::string_view redirect_to) {
  return services.base_url.to_string() + services.settings.base_path + "/reset-password/" + std::string(token) +
         "?callbackURL=" + encode_uri_component(redirect_to);
}

bool is_available(const Services& services) {
  return services.settings.email_and_password.enabled && services.mailer.is_available();
}

// A stranger learns from neither the answer nor its time whether there is such a user: for an unknown address a row is
// written as well, whose token nobody has and which counts for nobody. The mail is written and sent elsewhere.
Awaitable<Result<Reply>> request_password_reset(EndpointCall& call) {
  const Services& services = call.services;
  if (!is_available(services)) co_return auth::fail(400, error::kResetPasswordDisabled);
  auto begun = co_await begin_attempt(call, of_mailbox(call, call.text("email").value()));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  const auto user = co_await services.users.find_by_email(to_lower(call.text("email").value()));
  const std::string token = services.random.text(kTokenLength);
  const WallTime now = services.clock.now();
  const WallTime expires_at =
      now + (user ? services.settings.email_and_password.reset_password_token_expires_in : kDecoyLife);
  co_await services.verifications.create(identifier_of(token), user ? user->id : services.random.text(32), expires_at);
  call.note({.event = AuditEvent::password_reset_requested,
             .outcome = user ? AuditOutcome::ok : AuditOutcome::failed,
             .reason = user ? "" : "unknown_user",
             .target = user ? user->id : ""});
  if (user) {
    std::string_view page = call.text("redirectTo").value_or("");
    if (page.empty()) page = services.settings.email_and_password.reset_page;
    services.mailer.send({.kind = outbound::Mail::Kind::reset_password,
                          .to = user->email,
                          .name = user->name,
                          .url = link_of(services, token, page),
                          .expires_at = expires_at});
  }
  co_return reply_json(
      {{"status", true}, {"message", "If this email exists in our system, check your email for the reset link"}});
}

Reply redirect(EndpointCall& call, const std::string& location) {
  call.add_location(location);
  return {302, "application/json", ""};
}

// The link of the mail. It may be opened several times (mail scanners do); the token counts until a password is set.
Awaitable<Result<Reply>> open_reset_link(EndpointCall& call) {
  const Services& services = call.services;
  const auto callback = call.query.find("callbackURL");
  if (!callback || call.query.is_repeated("callbackURL")) {
    co_return gatehouse::fail(400, "VALIDATION_ERROR",
                              std::string("[query.callbackURL] Invalid input: expected string, received ") +
                                  (callback ? "array" : "undefined"));
  }
  const std::string target(*callback);
  if (!target.empty() && !services.origins.trusts_redirect(target))
    co_return auth::fail(403, error::kInvalidCallbackUrl);
  const std::string token(call.path_parameter);
  std::optional<std::string> user_id;
  if (may_be_token(token)) user_id = co_await services.verifications.find(identifier_of(token));
  if (target.empty()) {
    const std::string error_page = services.settings.base_path + "/error";
    co_return redirect(call, with_parameter(error_page, services.base_url, "error", "INVALID_TOKEN"));
  }
  co_return redirect(call, user_id ? with_parameter(target, services.base_url, "token", token)
                                   : with_parameter(target, services.base_url, "error", "INVALID_TOKEN"));
}

Result<std::string> read_token(const EndpointCall& call) {
  if (call.query.is_repeated("token"))
    return gatehouse::fail(400, "VALIDATION_ERROR", "[query.token] Invalid input: expected string, received array");
  std::string token(call.text("token").value_or(""));
  if (token.empty()) token = call.query.find("token").value_or("");
  if (token.empty()) return auth::fail(400, error::kInvalidToken);
  return token;
}

enum class Stored { yes, token_gone, user_gone };

// All or nothing: the token, the password and, where they are to end, the sessions. Of several that have the same link
// one gets through.
Awaitable<Stored> try_to_store(const Services& services, std::string token, std::string user_id, std::string hash) {
  std::optional<std::string> consumed;
  const bool has_rows = services.verifications.has_rows();
  if (!has_rows) consumed = co_await services.verifications.consume(identifier_of(token));
  auto transaction = co_await services.database.begin();
  if (has_rows) consumed = co_await services.verifications.consume(*transaction, identifier_of(token));
  if (consumed != user_id) co_return Stored::token_gone;
  co_await set_password(services, *transaction, user_id, std::move(hash));
  if (services.settings.email_and_password.revoke_sessions_on_password_reset) {
    co_await services.sessions.remove_all(std::move(user_id), std::move(transaction));
  } else {
    co_await transaction->commit();
  }
  co_return Stored::yes;
}

Awaitable<Stored> store_new_password(const Services& services, std::string token, std::string user_id,
                                     std::string hash) {
  try {
    const Stored stored = co_await try_to_store(services, std::move(token), std::move(user_id), std::move(hash));
    co_return stored;
  } catch (const storage::ConstraintError& refused) {
    if (refused.kind() != storage::ConstraintError::Kind::foreign_key) throw;
  }
  co_return Stored::user_gone;  // deleted while the password was hashed
}

// A token that nobody has, or not any more.
std::unexpected<ApiError> refuse_token(const EndpointCall& call, std::string user_id = {}) {
  call.note({.event = AuditEvent::password_reset,
             .outcome = AuditOutcome::failed,
             .reason = "invalid_token",
             .target = std::move(user_id)});
  return auth::fail(400, error::kInvalidToken);
}

Awaitable<Result<Reply>> reset_password(EndpointCall& call) {
  const Services& services = call.services;
  auto token = read_token(call);
  if (!token) co_return std::unexpected(std::move(token.error()));
  std::string password(call.text("newPassword").value());
  auto fits = check_new_password(services.settings.email_and_password, password);
  if (!fits) co_return std::unexpected(std::move(fits.error()));
  auto begun = co_await begin_attempt(call, of_bearer(call));
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  if (!may_be_token(*token)) co_return refuse_token(call);
  auto user_id = co_await services.verifications.find(identifier_of(*token));
  if (!user_id) co_return refuse_token(call);
  const auto user = co_await services.users.find(*user_id);
  if (!user) co_return auth::fail(400, error::kUserNotFound);
  tell_attempt(call, true, user->id);
  const SteadyTime by = services.passwords.latest_turn();
  auto unknown = co_await check_breached(call, password);
  if (!unknown) co_return std::unexpected(std::move(unknown.error()));
  auto hash = co_await services.passwords.hash(std::move(password), by);
  const Stored stored = co_await store_new_password(services, std::move(*token), std::move(*user_id), std::move(hash));
  if (stored == Stored::user_gone) co_return auth::fail(400, error::kUserNotFound);
  if (stored == Stored::token_gone) {
    tell_attempt(call, false, user->id);
    co_return refuse_token(call, user->id);
  }
  tell_owner(call, user->email, user->id);
  call.note({.event = AuditEvent::password_reset, .target = user->id});
  if (services.settings.email_and_password.revoke_sessions_on_password_reset)
    call.note({.event = AuditEvent::sessions_revoked, .target = user->id});
  co_return reply_json({{"status", true}});
}

const BodySchema kRequest{BodySchema::Kind::object,
                          {{"email", FieldType::email}, {"redirectTo", FieldType::string, true}}};
const BodySchema kReset{BodySchema::Kind::object, {{"newPassword"}, {"token", FieldType::string, true}}};

}  // namespace

Feature password_reset() {
  constexpr auto kJson = BodyKind::json;
  constexpr auto kNone = SessionNeed::none;
  constexpr auto kUnchecked = FormCheck::no;
  return {"password_reset",
          {
              {"POST", "/request-password-reset", kJson, kNone, kUnchecked, kRequest, request_password_reset, true},
              {"GET", "/reset-password/:token", BodyKind::none, kNone, kUnchecked, {}, open_reset_link},
              {"POST", "/reset-password", kJson, kNone, kUnchecked, kReset, reset_password, true},
          }};
}

}  // namespace gatehouse::features
