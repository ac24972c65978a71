// The rows of "account": which accounts at identity providers belong to which user, and the providers' tokens (Better
// Auth 1.7.25, internal-adapter and oauth2). The key of an account is the provider's id with the id that the provider
// gave; tokens are encrypted on their way in where account.encrypt_oauth_tokens says so. Password accounts are rows of
// the same table (users.hpp).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/query.hpp"
#include "auth/secrets.hpp"
#include "auth/sessions.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "config/configuration.hpp"

namespace gatehouse::auth {

struct Account {
  std::string id;
  std::string account_id;  // the provider's id of the user
  std::string provider_id;
  std::string user_id;
  std::optional<std::string> access_token;   // as stored: maybe encrypted
  std::optional<std::string> refresh_token;  // as stored
  std::optional<std::string> id_token;
  std::optional<WallTime> access_token_expires_at;
  std::optional<WallTime> refresh_token_expires_at;
  std::optional<std::string> scope;  // separated by commas
  WallTime created_at;
  WallTime updated_at;
};

// What a provider gave, in clear. What is absent stays as it is when a row is updated.
struct ProviderTokens {
  std::optional<std::string> access_token = {};
  std::optional<std::string> refresh_token = {};
  std::optional<std::string> id_token = {};
  std::optional<WallTime> access_token_expires_at = {};
  std::optional<WallTime> refresh_token_expires_at = {};
  std::optional<std::vector<std::string>> scopes = {};
};

struct AccountKey {
  std::string provider_id;
  std::string account_id;
};

// Several users have the same account: nobody must guess whose it is.
class AmbiguousAccount : public storage::StatementError {
 public:
  using StatementError::StatementError;
};

// Scopes as the column has them, and back.
std::vector<std::string> split_scopes(std::string_view stored);
std::string join_scopes(const std::vector<std::string>& scopes);
// Those that are stored, then the new ones.
std::string merge_scopes(std::string_view stored, const std::vector<std::string>& added);

// One for each thread, as its Database. All coroutines throw Failure when the store is down.
class Accounts {
 public:
  Accounts(storage::Database& database, const Sessions& sessions, const Secrets& secrets, const Clock& clock,
           Random& random, const config::AccountSettings& settings)
      : database_(database),
        sessions_(sessions),
        secrets_(secrets),
        clock_(clock),
        random_(random),
        settings_(settings) {}

  // Oldest first, the password account among them.
  Awaitable<std::vector<Account>> list(std::string user_id);
  // The account of a user by the id of its row.
  Awaitable<std::optional<Account>> find_of(std::string user_id, std::string id);
  // Throws AmbiguousAccount.
  Awaitable<std::optional<Account>> find(AccountKey key);

  // A row that is not stored yet, tokens as they are to be stored; and its statement, for a transaction that makes more
  // than the account. The statement's one row is the account.
  Account make(AccountKey key, std::string user_id, ProviderTokens tokens);
  static Query insert(const Account& account);
  static Account read(const storage::Row& row);
  // Until the transaction ends nobody else makes an account of this key: nothing in the schema keeps several callbacks
  // of the same moment from making it twice. False: it is there already.
  Awaitable<bool> reserve(storage::Transaction& transaction, AccountKey key) const;
  // Absent: the account is there already, of this user or of another one. Throws ConstraintError where the user is
  // gone.
  Awaitable<std::optional<Account>> create(AccountKey key, std::string user_id, ProviderTokens tokens);

  // `scope`: as the column is to be; absent: it stays. The row as it is now; absent: it is gone.
  Awaitable<std::optional<Account>> update(std::string id, ProviderTokens tokens,
                                           std::optional<std::string> scope = std::nullopt);

  enum class Removal { removed, not_found, last };
  // `last`: it is the user's only account, and those may not be removed unless `also_last`. Of two removals at once
  // only one can be the last but one.
  Awaitable<Removal> remove(std::string user_id, std::string id, bool also_last);

  // A stored token in clear: what looks encrypted is decrypted. Absent where that fails.
  std::optional<std::string> reveal(std::string_view stored) const;

 private:
  std::optional<std::string> protect(const std::optional<std::string>& token) const;

  storage::Database& database_;
  const Sessions& sessions_;
  const Secrets& secrets_;
  const Clock& clock_;
  Random& random_;
  const config::AccountSettings settings_;
};

}  // namespace gatehouse::auth
