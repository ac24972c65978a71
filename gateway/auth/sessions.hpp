// The sessions of users: making, finding, renewing and ending them. Proxied routes ask find_cached() and load(); auth
// endpoints always read the store. Whatever changes a session here has invalidated the cache before it returns, also
// when the store's answer was lost.
//
// The store is the database; with Redis beside it, proxied routes ask Redis between the cache and the database, and the
// database decides. With session.store_in_database: false the store is Redis alone, as in Better Auth's form of the
// same name: rows of users stay in the database.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/additional_fields.hpp"
#include "auth/identity.hpp"
#include "auth/load_permit.hpp"
#include "auth/query.hpp"
#include "auth/secondary_sessions.hpp"
#include "auth/session_cache.hpp"
#include "auth/session_statements.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "config/configuration.hpp"
#include "storage/adoption.hpp"
#include "storage/database.hpp"

namespace gatehouse::auth {

struct NewSession {
  std::string user_id;
  bool remember = true;  // false: ends after a day, and is never renewed
  std::string ip_address;
  std::string user_agent;
};

// One for each thread, as its Database. All its coroutines throw Failure when the store is down; they run on that
// thread and must end before this object does.
class Sessions {
 public:
  // `schema`: read once at the start. `secondary`: null without Redis. `fields` outlives the object.
  Sessions(storage::Database& database, SessionCache& cache, const Clock& clock, Random& random,
           const config::SessionSettings& settings, const storage::SchemaFacts& schema,
           SecondarySessions* secondary = nullptr, const RowFields& fields = no_additional_fields());

  // For a store that was not there at the start. On the object's thread.
  void set_schema(const storage::SchemaFacts& schema) { schema_ = schema; }
  const storage::SchemaFacts& schema() const { return schema_; }
  const RowFields& fields() const { return fields_; }

  // Hot path: no I/O. nullptr: not known here, load() it.
  IdentityPtr find_cached(std::string_view token) { return cache_.find(token); }

  // From the cache or the store, single flight over all threads. nullptr: there is no such session, or it has expired.
  // With a permit, the database is not asked before that is granted; throws LoadWithdrawn when it is refused.
  Awaitable<IdentityPtr> load(std::string token, std::shared_ptr<LoadPermit> permit = nullptr);

  // From the store, never from the cache, expired ones too. nullptr: there is none.
  Awaitable<IdentityPtr> read(std::string token);

  bool has_expired(const Session& session) const { return session.expires_at <= clock_.now(); }
  // Past updateAge, where sessions are renewed at all. One of a browser that has the dont_remember cookie never is,
  // whatever this says.
  bool wants_refresh(const Session& session, WallTime now) const;
  // The same for what only passes by, on its way to an upstream.
  bool wants_refresh_in_passing(const Session& session, WallTime now) const {
    return !settings_.defer_session_refresh && wants_refresh(session, now);
  }
  const config::SessionBinding& binding() const { return settings_.bind; }
  // Renews for a whole expiresIn. nullptr: the session is gone.
  Awaitable<IdentityPtr> renew(IdentityPtr identity);
  // For proxied traffic. begin_refresh() is true for one caller at a time: that one starts refresh(), off its request's
  // path, and sets the cookie again.
  bool begin_refresh(const Session& session) { return cache_.begin_refresh(session.token); }
  // Renews after begin_refresh(), and ends it. nullptr: another replica has done it, or the session is gone.
  Awaitable<IdentityPtr> refresh(IdentityPtr identity);

  // A session with a new token, not stored yet. Where the database counts ids it has none until then.
  Session make(NewSession values);
  // Gives the session as it is stored, with its id.
  Awaitable<Session> store(Session session);
  // The two halves of store(), for a transaction that makes more than the session: the statement, where sessions have
  // rows (its one row is the session's id), and what follows the commit.
  bool has_rows() const { return !secondary_ || settings_.store_in_database; }
  Query insert(const Session& session) const;
  Awaitable<> publish(Session session);

  // Writes additional fields, by name, and updatedAt. Absent: the session is gone.
  Awaitable<std::optional<Session>> update(IdentityPtr identity, boost::json::object changes);

  // Unexpired, oldest first.
  Awaitable<std::vector<Session>> list(std::string user_id);
  // Without an effect where there is no such session.
  Awaitable<> remove(std::string token);
  Awaitable<> remove_all(std::string user_id);
  // The same as the last step of a transaction, which it commits: what was changed there, or nothing.
  Awaitable<> remove_all(std::string user_id, std::unique_ptr<storage::Transaction> transaction);
  // The same, and a session just made takes their place. Gives it as it is stored.
  Awaitable<Session> replace_all(Session next, std::unique_ptr<storage::Transaction> transaction);
  Awaitable<> remove_others(std::string user_id, std::string kept_token);

  // For Users alone. Runs a statement that changes the user and returns Users' columns of the row, and with it, in one
  // transaction, what is to follow where it changed something: whatever is kept of the user's sessions, here and in
  // Redis, is right when this returns. Absent: it changed nothing.
  Awaitable<std::optional<User>> change_user(std::string user_id, Query change, std::optional<Query> then = {});
  // The user with all that belongs to it, and the sessions as remove_all() does. False: there is none.
  Awaitable<bool> remove_user(std::string user_id);

  struct Life {
    std::string token;
    WallTime expires_at;
  };
  // Ends, here in the process, those of the tokens that open nothing in the store any more, and gives the others: for
  // live tunnels and streams when something may have been missed. Asks the store for a hundred at once.
  Awaitable<std::vector<Life>> end_missing(std::vector<std::string> tokens);

 private:
  Awaitable<IdentityPtr> read_row(std::string token);
  Awaitable<IdentityPtr> load_once(std::string token, std::shared_ptr<LoadPermit> permit, bool& withdrawn);
  Awaitable<IdentityPtr> look_up(std::string token, std::shared_ptr<LoadPermit> permit);
  static Awaitable<> expect_granted(std::shared_ptr<LoadPermit> permit);
  Awaitable<IdentityPtr> read_or_find(std::string token, SecondarySessions::Finding finding, bool found);
  Awaitable<> probe(std::string token);
  Awaitable<> commit_end(std::string user_id, Session* next, std::unique_ptr<storage::Transaction> transaction);
  Awaitable<> remove_kept(std::string user_id, WallTime now);
  Awaitable<std::vector<std::string>> remove_returned(Query query);
  Awaitable<storage::ResultSet> run_both(Query change, Query then);
  Awaitable<> tell_changed(User user);
  std::vector<std::string> end_returned(const storage::ResultSet& removed);
  Awaitable<IdentityPtr> update_expiry(IdentityPtr identity, WallTime due_before);
  Awaitable<bool> update_row(Session session, WallTime ended, WallTime due_before);

  storage::Database& database_;
  SessionCache& cache_;
  const Clock& clock_;
  Random& random_;
  const config::SessionSettings settings_;
  storage::SchemaFacts schema_;
  SecondarySessions* const secondary_;
  const RowFields& fields_;
  const SessionStatements statements_;
};

}  // namespace gatehouse::auth
