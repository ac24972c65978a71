#include "features/social_sign_in/linking.hpp"

#include <algorithm>

#include "auth/account_cookie.hpp"
#include "auth/email_token.hpp"
#include "auth/row_id.hpp"
#include "auth/users.hpp"
#include "base/ascii.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

// Of several callbacks of one person at the same moment one makes the account, and the others find it.
constexpr int kAttemptsMax = 3;

using Outcome = std::expected<User, std::string>;

// Absent: what was looked up is not so any more, because somebody else has made the account, or a user of the address.
// All is judged once more.
using Attempt = std::optional<Outcome>;

Outcome failed(std::string error) {
  return std::unexpected(std::move(error));
}

std::optional<std::string> text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::optional<std::string>(value->get_string()) : std::nullopt;
}

const config::AccountLinking& linking_of(const EndpointCall& call) {
  return call.services.settings.account.account_linking;
}

// `actor`: the user where they were signed in when they asked for it; empty: linked by the address at a sign-in.
void note_link(const EndpointCall& call, const std::string& user_id, const std::string& provider, std::string actor) {
  call.note({.event = AuditEvent::account_linked, .actor = std::move(actor), .target = user_id, .detail = provider});
}

// A provider that vouches for the address of a user makes it verified here too.
Awaitable<> verify_address(EndpointCall& call, const User& user, const ProviderUser& from, std::string provider) {
  if (!from.email_verified || user.email_verified || from.email != user.email) co_return;
  UserChanges changes{.email_verified = true, .while_email = user.email};
  const auto updated = co_await call.services.users.update(user.id, std::move(changes));
  if (updated) call.note({.event = AuditEvent::email_verified, .target = user.id, .detail = provider});
}

Awaitable<> remember_account(EndpointCall& call, Account account) {
  if (call.services.settings.account.store_account_cookie) add_account_cookie(call, account);
  co_return;
}

Awaitable<Outcome> sign_in_known(EndpointCall& call, ProviderSignIn& sign_in, Account account) {
  const auto& services = call.services;
  auto user = co_await services.users.find(account.user_id);
  if (!user) co_return std::unexpected("unable to link account");
  if (services.settings.account.update_account_on_sign_in) {
    // What was granted stays as it was: it changes by link-social alone.
    auto updated = co_await services.accounts.update(account.id, sign_in.tokens);
    if (!updated) co_return std::unexpected("unable to update account");
    account = std::move(*updated);
  }
  co_await remember_account(call, std::move(account));
  co_await verify_address(call, *user, sign_in.user, sign_in.key.provider_id);
  co_return std::move(*user);
}

bool may_link(const EndpointCall& call, const ProviderSignIn& sign_in, const User& user) {
  const auto& rules = linking_of(call);
  if (!rules.enabled || rules.disable_implicit_linking) return false;
  if (rules.require_local_email_verified && !user.email_verified) return false;
  return sign_in.user.email_verified || is_trusted_provider(call, sign_in.provider->id());
}

Awaitable<Attempt> link_by_address(EndpointCall& call, ProviderSignIn& sign_in, User user) {
  if (!may_link(call, sign_in, user)) co_return failed("account not linked");
  auto account = co_await make_account(call, sign_in.key, user.id, sign_in.tokens);
  if (!account && account.error() == NotMade::taken) co_return std::nullopt;
  if (!account) co_return failed("unable to link account");
  note_link(call, user.id, sign_in.key.provider_id, "");
  co_await remember_account(call, std::move(*account));
  co_await verify_address(call, user, sign_in.user, sign_in.key.provider_id);
  auto updated = co_await update_user_on_link(call, user.id, sign_in.user);
  co_return Outcome(updated ? std::move(*updated) : std::move(user));
}

// The user and the account, or neither.
Awaitable<std::optional<Account>> store_user(EndpointCall& call, User& user, const ProviderSignIn& sign_in) {
  const auto& services = call.services;
  auto transaction = co_await services.database.begin();
  const bool is_free = co_await services.accounts.reserve(*transaction, sign_in.key);
  if (!is_free) co_return std::nullopt;
  const auto stored = co_await run(*transaction, services.users.insert(user));
  user.id = stored.rows.at(0).text(0);
  const auto made = services.accounts.make(sign_in.key, user.id, sign_in.tokens);
  const auto row = co_await run(*transaction, Accounts::insert(made));
  co_await transaction->commit();
  co_return Accounts::read(row.rows.at(0));
}

Awaitable<Attempt> make_new_user(EndpointCall& call, ProviderSignIn& sign_in) {
  const auto& services = call.services;
  if (!sign_in.sign_up_allowed) co_return failed("signup disabled");
  User user;
  user.id = make_row_id(services.sessions.schema().user_ids, services.random);
  user.name = sign_in.user.name;
  user.email = *sign_in.user.email;
  user.email_verified = sign_in.user.email_verified;
  user.image = sign_in.user.image;
  user.created_at = services.clock.now();
  user.updated_at = user.created_at;
  const bool storable = is_storable(user.name) && is_storable(user.email) && is_storable(user.image.value_or(""));
  if (!storable || !is_storable(sign_in.key.account_id)) co_return failed("unable to create user");
  std::optional<Account> account;
  std::optional<storage::ConstraintError::Kind> refused;
  try {
    account = co_await store_user(call, user, sign_in);
  } catch (const storage::ConstraintError& conflict) {
    refused = conflict.kind();
  }
  const bool overtaken = !refused || refused == storage::ConstraintError::Kind::unique;
  if (!account && overtaken) co_return std::nullopt;
  if (!account) co_return failed("unable to create user");
  call.note({.event = AuditEvent::sign_up, .actor = user.id, .target = user.id, .detail = sign_in.key.provider_id});
  co_await remember_account(call, std::move(*account));
  // With the defaults of additional fields.
  auto stored = co_await services.users.find(user.id);
  co_return Outcome(stored ? std::move(*stored) : std::move(user));
}

// Absent: the key belongs to several users, and nobody may guess which.
Awaitable<std::optional<std::optional<Account>>> find_account(EndpointCall& call, AccountKey key) {
  std::optional<std::optional<Account>> found;
  try {
    found = co_await call.services.accounts.find(std::move(key));
  } catch (const AmbiguousAccount& ambiguous) {
    log::error("{}", ambiguous.what());
  }
  co_return found;
}

Awaitable<Attempt> attempt_sign_in(EndpointCall& call, ProviderSignIn& sign_in, bool& is_new) {
  is_new = false;
  auto account = co_await find_account(call, sign_in.key);
  if (!account) co_return failed("internal server error");
  if (*account) {
    auto known = co_await sign_in_known(call, sign_in, std::move(**account));
    co_return known;
  }
  auto user = co_await call.services.users.find_by_email(*sign_in.user.email);
  if (user) {
    auto linked = co_await link_by_address(call, sign_in, std::move(*user));
    co_return linked;
  }
  is_new = true;
  auto made = co_await make_new_user(call, sign_in);
  co_return made;
}

Awaitable<Outcome> find_or_make_user(EndpointCall& call, ProviderSignIn& sign_in, bool& is_new) {
  for (int i = 0; i < kAttemptsMax; ++i) {
    auto attempt = co_await attempt_sign_in(call, sign_in, is_new);
    if (attempt) co_return std::move(*attempt);
  }
  co_return std::unexpected("unable to create user");
}

Awaitable<User> override_user(EndpointCall& call, ProviderUser from, User user, std::string provider) {
  UserChanges changes;
  if (from.has_name) changes.name = from.name;
  if (from.image) changes.image = from.image;
  changes.email = from.email;
  changes.email_verified = from.email == user.email ? user.email_verified || from.email_verified : from.email_verified;
  std::optional<User> updated;
  try {
    updated = co_await call.services.users.update(user.id, std::move(changes));
  } catch (const storage::ConstraintError&) {
    log::warn("the provider's address of a user is another user's: the user stays as it is");
  }
  if (updated && updated->email != user.email)
    call.note({.event = AuditEvent::email_changed, .target = user.id, .detail = std::move(provider)});
  co_return updated ? std::move(*updated) : std::move(user);
}

// Whether the session that began the link is still there, and of the same user.
Awaitable<bool> is_link_live(EndpointCall& call, const LinkRequest& link) {
  if (link.encrypted_session_token.empty()) co_return true;
  const auto& services = call.services;
  auto token = services.secrets.for_purpose(kLinkPurpose).decrypt(link.encrypted_session_token);
  if (!token) co_return false;
  const auto identity = co_await services.sessions.read(std::move(*token));
  co_return identity && identity->user.id == link.user_id && !services.sessions.has_expired(identity->session);
}

}  // namespace

ProviderUser read_user(const json::object& user) {
  ProviderUser read;
  if (const auto name = text_of(user, "name")) {
    read.name = *name;
    read.has_name = true;
  }
  if (const auto email = text_of(user, "email"); email && !email->empty()) read.email = to_lower(*email);
  read.email_verified = oauth::read_boolean(user.if_contains("emailVerified")).value_or(false);
  read.image = text_of(user, "image");
  return read;
}

bool is_trusted_provider(const EndpointCall& call, std::string_view provider_id) {
  const auto& trusted = linking_of(call).trusted_providers;
  return std::ranges::find(trusted, provider_id) != trusted.end();
}

Awaitable<std::optional<User>> update_user_on_link(EndpointCall& call, std::string user_id, ProviderUser user) {
  if (!linking_of(call).update_user_info_on_link) co_return std::nullopt;
  UserChanges changes;
  if (user.has_name) changes.name = user.name;
  if (user.image) changes.image = user.image;
  if (!is_storable(user.name) || !is_storable(user.image.value_or(""))) co_return std::nullopt;
  auto updated = co_await call.services.users.update(std::move(user_id), std::move(changes));
  co_return updated;
}

Awaitable<std::expected<SignedIn, std::string>> sign_in_with(EndpointCall& call, ProviderSignIn sign_in) {
  const auto& services = call.services;
  bool is_new = false;
  auto outcome = co_await find_or_make_user(call, sign_in, is_new);
  if (!outcome) co_return std::unexpected(std::move(outcome.error()));
  SignedIn result{.user = std::move(*outcome), .session = {}, .is_new = is_new};
  if (!is_new && sign_in.overrides_user)
    result.user = co_await override_user(call, sign_in.user, result.user, sign_in.key.provider_id);
  if (!result.user.email_verified) {
    const auto& mails = services.settings.email_verification;
    const bool must_verify = sign_in.provider->settings.require_email_verification;
    const bool sends = is_new ? mails.send_on_sign_up.value_or(must_verify) : must_verify && mails.send_on_sign_in;
    if (sends) send_verification_mail(services, result.user, sign_in.callback_url);
    if (must_verify) co_return std::unexpected("email_not_verified");
  }
  result.session = services.sessions.make({result.user.id, true, call.request.client_address,
                                           replace_invalid_utf8(call.request.header("user-agent").value_or(""))});
  bool refused = false;
  try {
    result.session = co_await services.sessions.store(result.session);
  } catch (const storage::ConstraintError&) {
    refused = true;
  }
  // The user was deleted meanwhile.
  if (refused) co_return std::unexpected("unable to create session");
  call.note({.event = AuditEvent::sign_in,
             .actor = result.user.id,
             .target = result.user.id,
             .detail = sign_in.key.provider_id});
  co_return result;
}

Awaitable<std::expected<Account, NotMade>> make_account(EndpointCall& call, AccountKey key, std::string user_id,
                                                        ProviderTokens tokens) {
  std::optional<Account> account;
  bool refused = false;
  try {
    account = co_await call.services.accounts.create(std::move(key), std::move(user_id), std::move(tokens));
  } catch (const storage::ConstraintError&) {
    refused = true;
  }
  if (refused) co_return std::unexpected(NotMade::refused);
  if (!account) co_return std::unexpected(NotMade::taken);
  co_return std::move(*account);
}

Awaitable<std::optional<std::string>> link_account(EndpointCall& call, LinkRequest link, AccountKey key,
                                                   ProviderUser user, ProviderTokens tokens) {
  const auto& rules = linking_of(call);
  const bool live = co_await is_link_live(call, link);
  if (!live) co_return "unable_to_link_account";
  if (!rules.enabled || (!user.email_verified && !is_trusted_provider(call, key.provider_id)))
    co_return "unable_to_link_account";
  if (!rules.allow_different_emails && user.email != to_lower(link.email)) co_return "email_does_not_match";
  auto existing = co_await find_account(call, key);
  if (!existing) co_return "internal_server_error";
  if (!*existing) {
    const auto made = co_await make_account(call, key, link.user_id, tokens);
    if (made) note_link(call, link.user_id, key.provider_id, link.user_id);
    if (!made && made.error() == NotMade::refused) co_return "unable_to_link_account";
    if (!made) existing = co_await find_account(call, key);
    if (!existing) co_return "internal_server_error";
  }
  if (const auto& account = *existing) {
    if (account->user_id != link.user_id) co_return "account_already_linked_to_different_user";
    const auto merged = merge_scopes(account->scope.value_or(""), tokens.scopes.value_or(std::vector<std::string>()));
    const auto scope = merged.empty() ? std::nullopt : std::optional(merged);
    co_await call.services.accounts.update(account->id, tokens, scope);
  }
  co_await update_user_on_link(call, link.user_id, std::move(user));
  co_return std::nullopt;
}

}  // namespace gatehouse::features
