#include "features/accounts/accounts_feature.hpp"

#include <boost/json/array.hpp>

#include "auth/account_cookie.hpp"
#include "auth/current_session.hpp"
#include "auth/error_codes.hpp"
#include "auth/oauth/exchange.hpp"
#include "auth/oauth/providers.hpp"
#include "base/iso_time.hpp"
#include "features/accounts/account_selection.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kAlmostExpired{5};
constexpr ErrorCode kAccountNotFound{"ACCOUNT_NOT_FOUND", "Account not found"};
constexpr ErrorCode kLastAccount{"FAILED_TO_UNLINK_LAST_ACCOUNT", "You can't unlink your last account"};
constexpr ErrorCode kNoAccessToken{"ACCESS_TOKEN_NOT_FOUND", "Access token not found"};
constexpr ErrorCode kNoRefreshToken{"REFRESH_TOKEN_NOT_FOUND", "Refresh token not found"};
constexpr ErrorCode kFailedToGet{"FAILED_TO_GET_ACCESS_TOKEN", "Failed to get a valid access token"};
constexpr ErrorCode kFailedToRefresh{"FAILED_TO_REFRESH_ACCESS_TOKEN", "Failed to refresh access token"};
constexpr ErrorCode kFailedToGetUserInfo{"FAILED_TO_GET_USER_INFO", "Failed to get user info"};
constexpr ErrorCode kProviderNotConfigured{"PROVIDER_NOT_CONFIGURED",
                                           "Account is not associated with a configured social provider."};

json::array scopes_of(const Account& account) {
  json::array scopes;
  for (const auto& scope : split_scopes(account.scope.value_or(""))) scopes.emplace_back(scope);
  return scopes;
}

json::value time_or_null(const std::optional<WallTime>& time) {
  return time ? json::value(to_iso(*time)) : json::value(nullptr);
}

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

Awaitable<Result<Reply>> list_accounts(EndpointCall& call) {
  const auto found = co_await call.services.accounts.list(call.identity->user.id);
  json::array list;
  for (const Account& account : found) {
    list.push_back({{"id", account.id},
                    {"providerId", account.provider_id},
                    {"accountId", account.account_id},
                    {"userId", account.user_id},
                    {"scopes", scopes_of(account)},
                    {"createdAt", to_iso(account.created_at)},
                    {"updatedAt", to_iso(account.updated_at)}});
  }
  co_return reply_json(list);
}

Awaitable<Result<Reply>> unlink_account(EndpointCall& call) {
  const bool also_last = call.services.settings.account.account_linking.allow_unlinking_all;
  const auto removal = co_await call.services.accounts.remove(call.identity->user.id,
                                                              std::string(call.text("accountId").value()), also_last);
  if (removal == Accounts::Removal::last) co_return auth::fail(400, kLastAccount);
  if (removal == Accounts::Removal::not_found) co_return auth::fail(400, kAccountNotFound);
  const std::string& who = call.identity->user.id;
  call.note({.event = AuditEvent::account_unlinked,
             .actor = who,
             .target = who,
             .detail = std::string(call.text("accountId").value())});
  co_return reply_json({{"status", true}});
}

// ---- Tokens

struct Selected {
  Account account;
  bool from_cookie = false;
};

// The account of the session's user. Without a session 401, with no body.
Awaitable<Result<Selected>> select_account(EndpointCall& call, std::optional<std::string> id) {
  auto identity = co_await read_current_session(call, SessionSource::store);
  if (!identity || !*identity) co_return gatehouse::fail(401, "", "");
  call.identity = std::move(*identity);
  std::optional<Account> account;
  if (id) {
    account = co_await call.services.accounts.find_of(call.identity->user.id, std::move(*id));
  } else if (call.services.settings.account.store_account_cookie) {
    account = read_account_cookie(call);
    // The cookie is the browser's: what is in it must be of who has the session.
    if (account && account->user_id != call.identity->user.id) account.reset();
  }
  if (!account) co_return auth::fail(400, kAccountNotFound);
  co_return Selected{std::move(*account), !id};
}

std::optional<std::string> selected_id(const EndpointCall& call) {
  const auto id = call.text("accountId");
  return id ? std::optional<std::string>(*id) : std::nullopt;
}

std::unexpected<ApiError> not_supported(const Account& account) {
  return gatehouse::fail(400, "PROVIDER_NOT_SUPPORTED", "Provider " + account.provider_id + " is not supported.");
}

// Asks the provider for new tokens and stores them. Absent: it gave none.
Awaitable<std::optional<ProviderTokens>> refresh(EndpointCall& call, oauth::ProviderPtr provider, Account& account) {
  const auto& services = call.services;
  const auto token = services.accounts.reveal(account.refresh_token.value_or(""));
  if (!token) co_return std::nullopt;
  oauth::Exchange exchange(services.http, services.clock);
  auto tokens = co_await exchange.refreshed_tokens(*provider, *token);
  if (!tokens) co_return std::nullopt;
  // What was granted does not shrink because an answer names less.
  auto stored = *tokens;
  stored.scopes.reset();
  if (stored.refresh_token && stored.refresh_token->empty()) stored.refresh_token.reset();
  if (stored.id_token && stored.id_token->empty()) stored.id_token.reset();
  auto updated = co_await services.accounts.update(account.id, std::move(stored));
  if (updated) account = std::move(*updated);
  co_return tokens;
}

struct ValidTokens {
  Account account;
  std::string access_token;
  std::optional<WallTime> expires_at;
  std::optional<std::string> id_token;
};

Awaitable<Result<ValidTokens>> valid_tokens(EndpointCall& call, Selected selected, oauth::ProviderPtr provider) {
  const auto& services = call.services;
  ValidTokens valid{.account = std::move(selected.account), .access_token = {}, .expires_at = {}, .id_token = {}};
  Account& account = valid.account;
  const bool expires =
      account.access_token_expires_at && *account.access_token_expires_at - services.clock.now() < kAlmostExpired;
  const bool can_refresh = account.refresh_token && !account.refresh_token->empty();
  if (expires && can_refresh) {
    auto tokens = co_await refresh(call, provider, account);
    if (!tokens) co_return auth::fail(400, kFailedToGet);
    if (services.settings.account.store_account_cookie) add_account_cookie(call, account);
    valid.access_token = *tokens->access_token;
  } else {
    auto token = services.accounts.reveal(account.access_token.value_or(""));
    if (!token) co_return auth::fail(400, kFailedToGet);
    valid.access_token = std::move(*token);
  }
  valid.expires_at = account.access_token_expires_at;
  valid.id_token = account.id_token;
  co_return valid;
}

Awaitable<Result<Reply>> get_access_token(EndpointCall& call) {
  auto selected = co_await select_account(call, selected_id(call));
  if (!selected) co_return std::unexpected(std::move(selected.error()));
  auto provider = co_await call.services.providers.find(selected->account.provider_id);
  if (!provider) co_return not_supported(selected->account);
  auto valid = co_await valid_tokens(call, std::move(*selected), provider);
  if (!valid) co_return std::unexpected(std::move(valid.error()));
  json::object answer{{"accessToken", valid->access_token}, {"scopes", scopes_of(valid->account)}};
  if (valid->expires_at) answer["accessTokenExpiresAt"] = to_iso(*valid->expires_at);
  if (valid->id_token) answer["idToken"] = *valid->id_token;
  co_return reply_json(answer);
}

Awaitable<Result<Reply>> refresh_token(EndpointCall& call) {
  auto selected = co_await select_account(call, selected_id(call));
  if (!selected) co_return std::unexpected(std::move(selected.error()));
  Account& account = selected->account;
  auto provider = co_await call.services.providers.find(account.provider_id);
  if (!provider) co_return not_supported(account);
  if (account.refresh_token.value_or("").empty()) co_return auth::fail(400, kNoRefreshToken);
  const auto old_token = call.services.accounts.reveal(*account.refresh_token);
  auto tokens = co_await refresh(call, provider, account);
  if (!tokens || !old_token) co_return auth::fail(400, kFailedToRefresh);
  if (selected->from_cookie) add_account_cookie(call, account);
  json::object answer{{"accessToken", *tokens->access_token},
                      {"refreshToken", tokens->refresh_token.value_or(*old_token)},
                      {"refreshTokenExpiresAt", time_or_null(account.refresh_token_expires_at)},
                      {"scope", text_or_null(account.scope)},
                      {"idToken", text_or_null(account.id_token)},
                      {"providerId", account.provider_id},
                      {"accountId", account.id}};
  if (tokens->access_token_expires_at) answer["accessTokenExpiresAt"] = to_iso(*tokens->access_token_expires_at);
  co_return reply_json(answer);
}

Awaitable<Result<Reply>> account_info(EndpointCall& call) {
  if (auto problem = judge_account_selection(call.query))
    co_return gatehouse::fail(400, "VALIDATION_ERROR", std::move(*problem));
  auto selected = co_await select_account(call, std::string(call.query.find("accountId").value_or("")));
  if (!selected) co_return std::unexpected(std::move(selected.error()));
  auto provider = co_await call.services.providers.find(selected->account.provider_id);
  if (!provider) co_return auth::fail(400, kProviderNotConfigured);
  auto valid = co_await valid_tokens(call, std::move(*selected), provider);
  if (!valid) co_return std::unexpected(std::move(valid.error()));
  if (valid->access_token.empty()) co_return auth::fail(400, kNoAccessToken);
  oauth::Exchange exchange(call.services.http, call.services.clock);
  ProviderTokens tokens{.access_token = valid->access_token, .id_token = valid->id_token};
  auto profile = co_await exchange.stored_profile(*provider, std::move(tokens));
  if (!profile) co_return auth::fail(401, kFailedToGetUserInfo);
  const Account& account = valid->account;
  co_return reply_json(
      {{"user", std::move(profile->user)},
       {"data", std::move(profile->data)},
       {"account", {{"id", account.id}, {"providerId", account.provider_id}, {"accountId", account.account_id}}}});
}

const BodySchema kUnlink{BodySchema::Kind::object, {{"accountId"}}};
const BodySchema kSelection{BodySchema::Kind::judged, {}, judge_account_selection};
const BodySchema kNoSchema{};

}  // namespace

Feature accounts() {
  using enum BodyKind;
  using Need = SessionNeed;
  constexpr auto kUnchecked = FormCheck::no;
  return {"accounts",
          {
              {"GET", "/list-accounts", none, Need::session, kUnchecked, kNoSchema, list_accounts},
              {"POST", "/unlink-account", json, Need::fresh, kUnchecked, kUnlink, unlink_account},
              // These look for the session themselves: without one their 401 has no body.
              {"POST", "/get-access-token", json, Need::none, kUnchecked, kSelection, get_access_token},
              {"POST", "/refresh-token", json, Need::none, kUnchecked, kSelection, refresh_token},
              {"GET", "/account-info", none, Need::none, kUnchecked, kNoSchema, account_info},
          }};
}

}  // namespace gatehouse::features
