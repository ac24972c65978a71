// Sessions in Redis, as Better Auth's secondary storage: one worker thread's way to the values that
// secondary_storage.hpp describes. Used by Sessions alone, which knows what decides.
//
// Where rows in the database decide, Redis holds two things of a session: Better Auth's own value under the token,
// written for Node servers and never believed here, and a copy of what the database said, which is (session_trust.hpp).
// Where Redis is all there is, Better Auth's values decide.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "auth/identity.hpp"
#include "auth/secondary_storage.hpp"
#include "auth/session_trust.hpp"
#include "base/awaitable.hpp"
#include "cache/cache.hpp"

namespace gatehouse::auth {

// All throw Failure(503, "cache_unavailable") when Redis is not available, but where it is said that they do not.
// Everything referred to outlives the calls.
class SecondarySessions {
 public:
  SecondarySessions(cache::Cache& redis, SessionTrust& trust, const Clock& clock, std::chrono::seconds expires_in,
                    const RowFields& fields = no_additional_fields())
      : redis_(redis), trust_(trust), clock_(clock), expires_in_(expires_in), fields_(fields) {}

  SessionTrust& trust() { return trust_; }

  // The database decides. None of these throws Failure: without Redis things go on without it.

  // What Redis knows about a token, and what a back-fill needs that revives nothing. Asked before the database is.
  struct Finding {
    IdentityPtr identity;  // confirmed by the database, unexpired; nullptr: ask the database
    bool fillable = false;
    std::string epoch = {};
    cache::Generation generation = {};
  };
  Awaitable<Finding> find(std::string token);
  // What the database said since.
  Awaitable<> fill(Finding finding, IdentityPtr identity);
  // Better Auth's values of a new session: what the database said since find() of its token.
  Awaitable<> add(Finding finding, IdentityPtr identity);
  // A session has a new end.
  Awaitable<> change(IdentityPtr identity);
  // A user looks different; `tokens` are those of the user's sessions.
  Awaitable<> change_user(User user, std::vector<std::string> tokens);
  Awaitable<> end(std::string token);
  // All sessions of a user that began before `now`; `tokens` are those that the database knew.
  Awaitable<> end_all(std::string user_id, std::vector<std::string> tokens, WallTime now);
  // Only some of a user's.
  Awaitable<> end_some(std::string user_id, std::vector<std::string> tokens);

  // Redis decides.

  // Also an expired one. nullptr: there is none, or what is there cannot be read.
  Awaitable<IdentityPtr> read(std::string token);
  Awaitable<> create(IdentityPtr identity);
  // nullptr: it is gone.
  Awaitable<IdentityPtr> renew(Session session);
  // Writes the user into the values of all the user's sessions, and ends nothing.
  Awaitable<> rewrite(User user);
  Awaitable<> remove(std::string token);
  // Gives the tokens that it removed.
  Awaitable<std::vector<std::string>> remove_all(std::string user_id, WallTime now);
  Awaitable<std::vector<std::string>> remove_others(std::string user_id, std::string kept_token);
  // Unexpired, the one that ends first in front.
  Awaitable<std::vector<Session>> list(std::string user_id);

 private:
  std::chrono::seconds life_until(WallTime end) const { return secondary_storage::life_until(end, clock_.now()); }
  Awaitable<std::vector<secondary_storage::ActiveSession>> read_list(std::string user_id);
  Awaitable<> write_list(std::string user_id, std::vector<secondary_storage::ActiveSession> sessions);
  Awaitable<> list_session(Session session);
  Awaitable<> unlist(std::string user_id, std::vector<std::string> tokens);
  Awaitable<WallTime> read_revoked_before(std::string user_id);
  Awaitable<> revoke_before(std::string user_id, WallTime now);
  Awaitable<> take_out(std::vector<std::string> tokens);
  Awaitable<IdentityPtr> update(Session session);
  Awaitable<> rewrite_one(std::string token, User user);
  Awaitable<> write_added(Finding finding, IdentityPtr identity);
  Awaitable<> withdraw(std::string user_id, std::vector<std::string> tokens, std::optional<WallTime> all_before);
  void give_up(std::vector<std::string> tokens);

  cache::Cache& redis_;
  SessionTrust& trust_;
  const Clock& clock_;
  const std::chrono::seconds expires_in_;
  const RowFields& fields_;
};

// The keys of a token beside Better Auth's.
struct SessionKeys {
  explicit SessionKeys(std::string_view token);
  std::string copy;        // gatehouse:session:HASH, what the database said
  std::string generation;  // gatehouse:generation:HASH
};
inline constexpr std::string_view kEpochKey = "gatehouse:epoch";

}  // namespace gatehouse::auth
