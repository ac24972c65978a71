// Short-lived proofs, Better Auth's "verification" rows (1.7.25): the token of a link in a mail, the state of an OAuth
// flow. One is known by its identifier, for example "reset-password:TOKEN", and carries a value, for example the user's
// id. The newest of an identifier counts.
//
// They are rows of the database, or with Redis and verification.store_in_database: false the keys
// "verification:IDENTIFIER" of Better Auth's secondary storage. With store_identifier: hashed the identifier is stored
// as the base64url form of its SHA-256; what an older configuration stored plainly is found as well.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "auth/query.hpp"
#include "base/awaitable.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "cache/cache.hpp"
#include "config/configuration.hpp"
#include "storage/adoption.hpp"
#include "storage/database.hpp"

namespace gatehouse::auth {

// One for each thread, as its Database. All coroutines throw Failure when the store is down; they must end before this
// object does.
class Verifications {
 public:
  // `schema`: read once at the start. `redis`: null without Redis.
  Verifications(storage::Database& database, cache::Cache* redis, const Clock& clock, Random& random,
                const config::VerificationSettings& settings, const storage::SchemaFacts& schema);

  // For a store that was not there at the start. On the object's thread.
  void set_schema(const storage::SchemaFacts& schema) { schema_ = schema; }

  Awaitable<> create(std::string identifier, std::string value, WallTime expires_at);
  // The value, where it has not expired. Nothing is consumed: whoever acts on it must consume() it first.
  Awaitable<std::optional<std::string>> find(std::string identifier);
  // The same, and nobody gets it again: of several that try at once, one does.
  Awaitable<std::optional<std::string>> consume(std::string identifier);
  // In a transaction, which makes it valid again when it is rolled back. Only where they have rows.
  Awaitable<std::optional<std::string>> consume(storage::Transaction& transaction, std::string identifier);
  Awaitable<> remove(std::string identifier);

  // False: Redis alone has them, where a transaction of the database holds nothing back.
  bool has_rows() const { return redis_ == nullptr || settings_.store_in_database; }

 private:
  std::vector<std::string> stored_forms(const std::string& identifier) const;
  Query insert(std::string identifier, std::string value, WallTime expires_at);
  std::optional<std::string> read(const storage::ResultSet& result) const;
  std::optional<std::string> read(const std::optional<std::string>& document) const;
  Awaitable<std::optional<std::string>> take(std::string identifier);
  template <class Target>
  Awaitable<std::optional<std::string>> remove_row(Target& target, std::string identifier);

  storage::Database& database_;
  cache::Cache* const redis_;
  const Clock& clock_;
  Random& random_;
  const config::VerificationSettings settings_;
  storage::SchemaFacts schema_;
};

}  // namespace gatehouse::auth
