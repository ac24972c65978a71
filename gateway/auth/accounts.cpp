#include "auth/accounts.hpp"

#include <algorithm>
#include <array>

#include "auth/row_id.hpp"
#include "base/ascii.hpp"

namespace gatehouse::auth {

namespace {

// Better Auth 1.7.0 to 1.7.2 look accounts up by this (migrations/core/0003); absent where it is not known.
std::optional<std::string> issuer_of(std::string_view provider_id) {
  if (provider_id == "apple") return "https://appleid.apple.com";
  if (provider_id == "facebook") return "https://www.facebook.com";
  if (provider_id == "google") return "https://accounts.google.com";
  if (provider_id == "microsoft") return std::nullopt;
  if (std::ranges::find(config::kBuiltInProviders, provider_id) == config::kBuiltInProviders.end()) return std::nullopt;
  return "local:oauth:" + std::string(provider_id);
}

bool looks_encrypted(std::string_view token) {
  if (token.starts_with("$ba$")) return true;
  return token.size() % 2 == 0 && std::ranges::all_of(token, [](char c) { return hex_digit(c) >= 0; });
}

void append_scopes(std::vector<std::string>& all, std::string_view stored) {
  while (!stored.empty()) {
    const auto end = stored.find(',');
    const auto scope = trim(stored.substr(0, end));
    if (!scope.empty()) all.emplace_back(scope);
    if (end == std::string_view::npos) return;
    stored.remove_prefix(end + 1);
  }
}

}  // namespace

std::vector<std::string> split_scopes(std::string_view stored) {
  std::vector<std::string> scopes;
  append_scopes(scopes, stored);
  return scopes;
}

std::string join_scopes(const std::vector<std::string>& scopes) {
  std::string text;
  for (const auto& scope : scopes) text += (text.empty() ? "" : ",") + scope;
  return text;
}

std::string merge_scopes(std::string_view stored, const std::vector<std::string>& added) {
  auto all = split_scopes(stored);
  all.insert(all.end(), added.begin(), added.end());
  std::vector<std::string> merged;
  for (auto& scope : all) {
    if (std::ranges::find(merged, scope) == merged.end()) merged.push_back(std::move(scope));
  }
  return join_scopes(merged);
}

Account Accounts::read(const storage::Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .provider_id = row.text(2),
          .user_id = row.text(3),
          .access_token = row.optional_text(4),
          .refresh_token = row.optional_text(5),
          .id_token = row.optional_text(6),
          .access_token_expires_at = row.optional_time(7),
          .refresh_token_expires_at = row.optional_time(8),
          .scope = row.optional_text(9),
          .created_at = row.time(10),
          .updated_at = row.time(11)};
}

Awaitable<std::vector<Account>> Accounts::list(std::string user_id) {
  Query query{{R"(SELECT "id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
                 "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "createdAt", "updatedAt"
          FROM "account" WHERE "userId" = $1 ORDER BY "createdAt", "id")"},
              {std::move(user_id)}};
  const auto result = co_await run(database_, std::move(query));
  std::vector<Account> accounts;
  for (const auto& row : result.rows) accounts.push_back(read(row));
  co_return accounts;
}

// Compared here: a client's text may be of a form that the column's type refuses.
Awaitable<std::optional<Account>> Accounts::find_of(std::string user_id, std::string id) {
  auto accounts = co_await list(std::move(user_id));
  const auto found = std::ranges::find(accounts, id, &Account::id);
  if (found == accounts.end()) co_return std::nullopt;
  co_return std::move(*found);
}

Awaitable<std::optional<Account>> Accounts::find(AccountKey key) {
  if (!is_storable(key.account_id)) co_return std::nullopt;
  Query query{{R"(SELECT "id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
                 "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "createdAt", "updatedAt"
          FROM "account" WHERE "providerId" = $1 AND "accountId" = $2 ORDER BY "createdAt", "id" LIMIT 10)"},
              {key.provider_id, std::move(key.account_id)}};
  const auto result = co_await run(database_, std::move(query));
  if (result.rows.empty()) co_return std::nullopt;
  auto account = read(result.rows.front());
  // Other servers of this database do not reserve() what they make.
  for (const auto& row : result.rows) {
    if (row.text(3) != account.user_id)
      throw AmbiguousAccount("several users have the same account of provider " + key.provider_id);
  }
  co_return account;
}

Account Accounts::make(AccountKey key, std::string user_id, ProviderTokens tokens) {
  Account account;
  account.id = make_row_id(sessions_.schema().account_ids, random_);
  account.account_id = std::move(key.account_id);
  account.provider_id = std::move(key.provider_id);
  account.user_id = std::move(user_id);
  account.access_token = protect(tokens.access_token);
  account.refresh_token = protect(tokens.refresh_token);
  account.id_token = std::move(tokens.id_token);
  account.access_token_expires_at = tokens.access_token_expires_at;
  account.refresh_token_expires_at = tokens.refresh_token_expires_at;
  if (tokens.scopes) account.scope = join_scopes(*tokens.scopes);
  account.created_at = clock_.now();
  account.updated_at = account.created_at;
  return account;
}

Query Accounts::insert(const Account& account) {
  storage::Parameters values{account.account_id,
                             account.provider_id,
                             account.user_id,
                             storage::nullable(account.access_token),
                             storage::nullable(account.refresh_token),
                             storage::nullable(account.id_token),
                             storage::nullable(account.access_token_expires_at),
                             storage::nullable(account.refresh_token_expires_at),
                             storage::nullable(account.scope),
                             account.created_at,
                             account.updated_at,
                             storage::nullable(issuer_of(account.provider_id))};
  if (account.id.empty()) {
    return {{R"(INSERT INTO "account" ("accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
                                   "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "createdAt", "updatedAt", "issuer")
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            RETURNING "id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
                      "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "createdAt", "updatedAt")"},
            std::move(values)};
  }
  values.emplace_back(account.id);
  return {{R"(INSERT INTO "account" ("accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
                                 "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "createdAt", "updatedAt", "issuer", "id")
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
          RETURNING "id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
                    "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "createdAt", "updatedAt")"},
          std::move(values)};
}

// SQLite has one writer, which the transaction is.
Awaitable<bool> Accounts::reserve(storage::Transaction& transaction, AccountKey key) const {
  if (database_.engine() == storage::Engine::postgres) {
    Query lock{{"SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"},
               {"gatehouse account " + key.provider_id + " " + key.account_id}};
    co_await run(transaction, std::move(lock));
  }
  Query query{{R"(SELECT "id" FROM "account" WHERE "providerId" = $1 AND "accountId" = $2 LIMIT 1)"},
              {std::move(key.provider_id), std::move(key.account_id)}};
  const auto found = co_await run(transaction, std::move(query));
  co_return found.rows.empty();
}

Awaitable<std::optional<Account>> Accounts::create(AccountKey key, std::string user_id, ProviderTokens tokens) {
  const auto account = make(key, std::move(user_id), std::move(tokens));
  auto transaction = co_await database_.begin();
  const bool is_free = co_await reserve(*transaction, std::move(key));
  if (!is_free) co_return std::nullopt;
  const auto result = co_await run(*transaction, insert(account));
  co_await transaction->commit();
  co_return read(result.rows.at(0));
}

Awaitable<std::optional<Account>> Accounts::update(std::string id, ProviderTokens tokens,
                                                   std::optional<std::string> scope) {
  Query query{
      {R"(UPDATE "account" SET "accessToken" = COALESCE($2, "accessToken"), "refreshToken" = COALESCE($3, "refreshToken"),
              "idToken" = COALESCE($4, "idToken"), "accessTokenExpiresAt" = COALESCE($5, "accessTokenExpiresAt"),
              "refreshTokenExpiresAt" = COALESCE($6, "refreshTokenExpiresAt"), "scope" = COALESCE($7, "scope"),
              "updatedAt" = $8
          WHERE "id" = $1
          RETURNING "id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
                    "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "createdAt", "updatedAt")"},
      {std::move(id), storage::nullable(protect(tokens.access_token)), storage::nullable(protect(tokens.refresh_token)),
       storage::nullable(tokens.id_token), storage::nullable(tokens.access_token_expires_at),
       storage::nullable(tokens.refresh_token_expires_at), storage::nullable(scope), clock_.now()}};
  const auto result = co_await run(database_, std::move(query));
  if (result.rows.empty()) co_return std::nullopt;
  co_return read(result.rows.front());
}

// The first statement holds the user's rows: a second removal waits, and then sees what is left.
Awaitable<Accounts::Removal> Accounts::remove(std::string user_id, std::string id, bool also_last) {
  auto transaction = co_await database_.begin();
  Query lock{{R"(UPDATE "account" SET "updatedAt" = "updatedAt" WHERE "userId" = $1 RETURNING "id")"}, {user_id}};
  const auto held = co_await run(*transaction, std::move(lock));
  if (held.rows.size() == 1 && !also_last) co_return Removal::last;
  const bool is_there = std::ranges::any_of(held.rows, [&](const storage::Row& row) { return row.text(0) == id; });
  if (!is_there) co_return Removal::not_found;
  Query removal{{R"(DELETE FROM "account" WHERE "id" = $1 AND "userId" = $2)"}, {std::move(id), std::move(user_id)}};
  co_await run(*transaction, std::move(removal));
  co_await transaction->commit();
  co_return Removal::removed;
}

std::optional<std::string> Accounts::protect(const std::optional<std::string>& token) const {
  if (!token || token->empty() || !settings_.encrypt_oauth_tokens) return token;
  return secrets_.encrypt(*token);
}

// Only where tokens are encrypted: a provider's own token may look like it.
std::optional<std::string> Accounts::reveal(std::string_view stored) const {
  if (!settings_.encrypt_oauth_tokens || stored.empty() || !looks_encrypted(stored)) return std::string(stored);
  return secrets_.decrypt(stored);
}

}  // namespace gatehouse::auth
