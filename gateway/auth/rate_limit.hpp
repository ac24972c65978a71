// The limit of the auth endpoints (Better Auth 1.7.25, api/rate-limiter): the first step of the dispatcher, before
// bodies are read and before it is known whether there is such an endpoint. Counted by address and path.
//
// Differs from Better Auth:
// * Endpoints with a token in their path have one bucket, not one for each token, and so have all unknown paths that
//   one rule is about: who makes paths up gets neither more attempts nor more rows.
// * While the database or Redis does not answer, each gateway counts for itself by the same rules.
#pragma once
#include <string>

#include "auth/rate_limit_memory.hpp"
#include "auth/rate_limit_rules.hpp"
#include "base/random.hpp"
#include "cache/cache.hpp"
#include "storage/adoption.hpp"
#include "storage/database.hpp"

namespace gatehouse::auth {

// One for each thread, as the Database and the Cache that it uses.
class RateLimit {
 public:
  struct Dependencies {
    const config::AuthSettings& settings;
    RateLimitMemory& memory;  // shared by all threads
    storage::Database& database;
    cache::Cache* cache;  // null where there is no Redis
    const Clock& clock;
    Random& random;
  };
  explicit RateLimit(const Dependencies& dependencies) : deps_(dependencies) {}

  // What "rateLimit"."id" holds.
  void set_ids(storage::IdKind ids) { ids_ = ids; }

  // Counts one request. `address`: "" when unknown, all of which share a bucket. `path` is below the base path;
  // `endpoint` the pattern of the endpoint there, empty where there is none.
  Awaitable<RateRefusal> take(std::string address, std::string path, std::string endpoint);

 private:
  bool asks_store() const;
  bool is_in_cache() const;
  Awaitable<RateRefusal> ask_store(std::string key, config::AuthRateRule rule);
  Awaitable<RateRefusal> ask_database(std::string key, config::AuthRateRule rule);
  Awaitable<RateRefusal> ask_cache(std::string key, config::AuthRateRule rule);
  void note_failure(const char* what);

  const Dependencies deps_;
  storage::IdKind ids_ = storage::IdKind::text;
  SteadyTime store_asked_from_{};  // later: the store is not asked, so that not every request waits for it
};

}  // namespace gatehouse::auth
