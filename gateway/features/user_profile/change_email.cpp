#include "features/user_profile/change_email.hpp"

#include "auth/current_session.hpp"
#include "auth/email_token.hpp"
#include "auth/error_codes.hpp"
#include "auth/secret_attempt.hpp"
#include "base/ascii.hpp"

namespace gatehouse::features {

using namespace auth;
using outbound::Mail;

namespace {

std::unexpected<ApiError> fail_without_code(std::string message) {
  return gatehouse::fail(400, "", std::move(message));
}

Reply reply_status() {
  return reply_json({{"status", true}});
}

struct Change {
  EndpointCall& call;
  std::string new_email;
  std::string callback_url;
};

// At once. The address may be somebody's since it was looked up: a stranger is told nothing then either.
Awaitable<> change_now(Change change) {
  const Services& services = change.call.services;
  const User& user = change.call.identity->user;
  UserChanges changes{.email = change.new_email, .while_email = user.email};
  std::optional<User> updated;
  try {
    updated = co_await services.users.update(user.id, std::move(changes));
  } catch (const storage::ConstraintError&) {
  }
  if (!updated) co_return;
  change.call.note({.event = AuditEvent::email_changed, .actor = user.id, .target = user.id});
  add_session_cookies(change.call, change.call.identity->session, *updated);
  if (services.mailer.is_available()) send_verification_mail(services, *updated, change.callback_url);
}

// To the old address, which has to agree, or to the new one.
void send_link(const Change& change, Mail::Kind kind) {
  const Services& services = change.call.services;
  const User& user = change.call.identity->user;
  const bool asks_old = kind == Mail::Kind::change_email_confirmation;
  auto link = make_email_link(services,
                              {.email = user.email,
                               .update_to = change.new_email,
                               .request_type = asks_old ? "change-email-confirmation" : "change-email-verification",
                               .user_id = user.id},
                              change.callback_url);
  services.mailer.send({.kind = kind,
                        .to = asks_old ? user.email : change.new_email,
                        .name = user.name,
                        .url = std::move(link.url),
                        .new_email = asks_old ? change.new_email : "",
                        .expires_at = link.expires_at});
  change.call.note({.event = AuditEvent::email_change_requested, .actor = user.id, .target = user.id});
}

}  // namespace

const BodySchema kChangeEmail{BodySchema::Kind::object,
                              {{"newEmail", FieldType::email}, {"callbackURL", FieldType::string, true}}};

Awaitable<Result<Reply>> change_email(EndpointCall& call) {
  const Services& services = call.services;
  const auto& settings = services.settings.user.change_email;
  const User& user = call.identity->user;
  if (!settings.enabled) co_return auth::fail(400, error::kChangeEmailDisabled);
  Change change{call, to_lower(call.text("newEmail").value()), std::string(call.text("callbackURL").value_or(""))};
  if (change.new_email == user.email) co_return fail_without_code("Email is the same");
  const bool at_once = !user.email_verified && settings.update_email_without_verification;
  if (!at_once && !services.mailer.is_available()) co_return fail_without_code("Verification email isn't enabled");
  if (services.mailer.is_available()) {
    auto begun = co_await begin_mail(call, user.id);
    if (!begun) co_return std::unexpected(std::move(begun.error()));
  }
  const auto other = co_await services.users.find_by_email(change.new_email);
  // Nobody learns whether an address is in use.
  if (other) co_return reply_status();
  if (at_once) {
    co_await change_now(std::move(change));
  } else if (user.email_verified && settings.send_change_email_confirmation) {
    send_link(change, Mail::Kind::change_email_confirmation);
  } else {
    send_link(change, Mail::Kind::verify_email);
  }
  co_return reply_status();
}

}  // namespace gatehouse::features
