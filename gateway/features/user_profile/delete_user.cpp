#include "features/user_profile/delete_user.hpp"

#include <algorithm>

#include "auth/current_session.hpp"
#include "auth/error_codes.hpp"
#include "auth/password_check.hpp"
#include "auth/query_check.hpp"
#include "auth/secret_attempt.hpp"
#include "base/ascii.hpp"
#include "base/encoding.hpp"

namespace gatehouse::features {

using namespace auth;

namespace {

constexpr std::size_t kTokenLength = 32;

std::string identifier_of(std::string_view token) {
  return "delete-account-" + std::string(token);
}

// What does not look like a token of ours or of Better Auth's is not looked up.
bool may_be_token(std::string_view token) {
  return token.size() == kTokenLength && std::ranges::all_of(token, is_alphanumeric);
}

Reply reply_done(const char* message) {
  return reply_json({{"success", true}, {"message", message}});
}

Awaitable<> remove(EndpointCall& call, std::string user_id) {
  const bool removed = co_await call.services.users.remove(user_id);
  if (removed) call.note({.event = AuditEvent::user_deleted, .actor = user_id, .target = user_id});
  call.add_cookies(call.services.cookie.clear_all(call.cookies));
}

// Of several that have the same link one gets through. A token that somebody else tries is used up.
Awaitable<Result<void>> remove_by_token(EndpointCall& call, std::string user_id, std::string token) {
  std::optional<std::string> owner;
  if (may_be_token(token)) owner = co_await call.services.verifications.consume(identifier_of(token));
  if (owner != user_id) co_return auth::fail(404, error::kInvalidToken);
  co_await remove(call, std::move(user_id));
  co_return Result<void>();
}

Awaitable<Result<void>> check_password(EndpointCall& call, std::string password) {
  const Services& services = call.services;
  const std::string user_id = call.identity->user.id;
  auto fits = check_password_too_long(services.settings.email_and_password, password);
  if (!fits) co_return std::unexpected(std::move(fits.error()));
  const auto account = co_await find_password_account(services, user_id);
  if (!account || !account->hash || account->hash->empty())
    co_return auth::fail(400, error::kCredentialAccountNotFound);
  auto begun = co_await begin_attempt(call, of_user(user_id));
  if (!begun) co_return begun;
  const bool right = co_await services.passwords.verify(std::move(password), *account->hash);
  tell_attempt(call, right, user_id);
  if (!right) co_return auth::fail(400, error::kInvalidPassword);
  co_return Result<void>();
}

Awaitable<> send_link(EndpointCall& call) {
  const Services& services = call.services;
  const User& user = call.identity->user;
  const std::string token = services.random.text(kTokenLength, "0123456789abcdefghijklmnopqrstuvwxyz");
  const WallTime expires_at = services.clock.now() + services.settings.user.delete_user.delete_token_expires_in;
  co_await services.verifications.create(identifier_of(token), user.id, expires_at);
  const auto callback = call.text("callbackURL").value_or("");
  services.mailer.send({.kind = outbound::Mail::Kind::delete_account,
                        .to = user.email,
                        .name = user.name,
                        .url = services.base_url.to_string() + services.settings.base_path +
                               "/delete-user/callback?token=" + token +
                               "&callbackURL=" + encode_uri_component(callback.empty() ? "/" : callback),
                        .expires_at = expires_at});
  call.note({.event = AuditEvent::user_deletion_requested, .actor = user.id, .target = user.id});
}

bool is_fresh(const EndpointCall& call) {
  const auto fresh_age = call.services.settings.session.fresh_age;
  return fresh_age.count() == 0 || call.services.clock.now() - call.identity->session.created_at < fresh_age;
}

}  // namespace

const BodySchema kDeleteUser{BodySchema::Kind::object,
                             {{"callbackURL", FieldType::string, true},
                              {"password", FieldType::string, true},
                              {"token", FieldType::string, true}}};

Awaitable<Result<Reply>> delete_user(EndpointCall& call) {
  const Services& services = call.services;
  const auto& settings = services.settings.user.delete_user;
  const std::string user_id = call.identity->user.id;
  if (!settings.enabled) co_return gatehouse::fail(404, "", "");
  std::string password(call.text("password").value_or(""));
  const bool has_password = !password.empty();
  if (has_password) {
    auto right = co_await check_password(call, std::move(password));
    const bool is_wrong = !right && right.error().status != 429;
    if (is_wrong)
      call.note({.event = AuditEvent::user_deleted,
                 .outcome = AuditOutcome::failed,
                 .reason = to_lower(right.error().code),
                 .actor = user_id,
                 .target = user_id});
    if (!right) co_return std::unexpected(std::move(right.error()));
  }
  std::string token(call.text("token").value_or(""));
  if (!token.empty()) {
    auto removed = co_await remove_by_token(call, user_id, std::move(token));
    if (!removed) co_return std::unexpected(std::move(removed.error()));
    co_return reply_done("User deleted");
  }
  if (settings.send_delete_account_verification) {
    auto begun = co_await begin_mail(call, user_id);
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    co_await send_link(call);
    co_return reply_done("Verification email sent");
  }
  if (!has_password && !is_fresh(call)) co_return auth::fail(400, error::kSessionExpired);
  co_await remove(call, user_id);
  co_return reply_done("User deleted");
}

Awaitable<Result<Reply>> delete_user_by_link(EndpointCall& call) {
  const Services& services = call.services;
  if (auto problems = find_query_problems(call.query, {{"token"}, {"callbackURL", true}}))
    co_return gatehouse::fail(400, "VALIDATION_ERROR", std::move(*problems));
  const std::string callback(call.query.find("callbackURL").value_or(""));
  if (!callback.empty() && !services.origins.trusts_redirect(callback))
    co_return auth::fail(403, error::kInvalidCallbackUrl);
  if (!services.settings.user.delete_user.enabled) co_return gatehouse::fail(404, "NOT_FOUND", "Not found");
  auto identity = co_await read_current_session(call, SessionSource::store);
  if (!identity || !*identity) co_return auth::fail(404, error::kFailedToGetUserInfo);
  auto removed = co_await remove_by_token(call, (*identity)->user.id, std::string(*call.query.find("token")));
  if (!removed) co_return std::unexpected(std::move(removed.error()));
  if (callback.empty()) co_return reply_done("User deleted");
  call.add_location(callback);
  co_return Reply{302, "application/json", ""};
}

}  // namespace gatehouse::features
