#include "auth/sessions.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <set>

#include "auth/row_id.hpp"
#include "auth/users.hpp"
#include "base/failure.hpp"

namespace gatehouse::auth {

namespace {

using std::chrono::hours;

constexpr hours kUnrememberedLife{24};

// To so many characters; 0: as it is.
std::string shortened(std::string text, std::size_t characters_max) {
  if (characters_max == 0) return text;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool starts_character = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts_character && ++characters > characters_max) return text.substr(0, at);
  }
  return text;
}

// `preserves`: the rows stay, and end now.
Query end_of_all(std::string user_id, WallTime now, bool preserves) {
  if (!preserves) return {{R"(DELETE FROM "session" WHERE "userId" = $1 RETURNING "token")"}, {std::move(user_id)}};
  return {{R"(UPDATE "session" SET "expiresAt" = $2, "updatedAt" = $2
              WHERE "userId" = $1 AND "expiresAt" > $2 RETURNING "token")"},
          {std::move(user_id), now}};
}

IdentityPtr without_expired(IdentityPtr identity, WallTime now) {
  return identity && identity->session.expires_at > now ? identity : nullptr;
}

constexpr std::size_t kBatch = 100;

// Of $2 … $101, those that open something at $1.
storage::Statement select_live_tokens() {
  static const std::string text = [] {
    std::string sql =
        R"(SELECT s."token", s."expiresAt" FROM "session" s JOIN "user" u ON u."id" = s."userId" WHERE s."expiresAt" > $1 AND s."token" IN ()";
    for (std::size_t i = 0; i < kBatch; ++i) sql += (i == 0 ? "$" : ", $") + std::to_string(i + 2);
    return sql + ")";
  }();
  return {text};
}

// Invalidates when it goes: after the statement, whether it succeeded, failed, or its answer was lost.
struct InvalidateAtEnd {
  SessionCache& cache;
  const std::string& token;
  ~InvalidateAtEnd() { cache.invalidate(token); }
};

struct InvalidateUserAtEnd {
  SessionCache& cache;
  const std::string& user_id;
  ~InvalidateUserAtEnd() { cache.invalidate_user(user_id); }
};

struct EndRefresh {
  SessionCache& cache;
  const std::string& token;
  ~EndRefresh() { cache.end_refresh(token); }
};

}  // namespace

Sessions::Sessions(storage::Database& database, SessionCache& cache, const Clock& clock, Random& random,
                   const config::SessionSettings& settings, const storage::SchemaFacts& schema,
                   SecondarySessions* secondary, const RowFields& fields)
    : database_(database),
      cache_(cache),
      clock_(clock),
      random_(random),
      settings_(settings),
      schema_(schema),
      secondary_(secondary),
      fields_(fields),
      statements_(fields) {}

Awaitable<IdentityPtr> Sessions::read(std::string token) {
  return has_rows() ? read_row(std::move(token)) : secondary_->read(std::move(token));
}

Awaitable<IdentityPtr> Sessions::read_row(std::string token) {
  if (!is_storable(token)) co_return nullptr;
  auto result = co_await run(database_, statements_.select_identity(std::move(token), schema_.user_has_role));
  if (result.rows.empty()) co_return nullptr;
  co_return statements_.read_identity(result.rows.front(), schema_.user_has_role);
}

Awaitable<IdentityPtr> Sessions::load(std::string token) {
  SessionCache::Loader loader = [this](std::string of) { return look_up(std::move(of)); };
  auto identity = co_await cache_.load(std::move(token), std::move(loader));
  co_return without_expired(std::move(identity), clock_.now());
}

// What Redis holds counts while the change feed is followed, for what changed was taken out of it; and while the
// database does not answer.
Awaitable<IdentityPtr> Sessions::look_up(std::string token) {
  if (!secondary_ || !has_rows()) {
    auto identity = co_await read(std::move(token));
    co_return identity;
  }
  const bool down = secondary_->trust().database_is_down();
  const bool ask_first = down || cache_.is_fresh();
  SecondarySessions::Finding finding;
  if (ask_first) finding = co_await secondary_->find(token);
  if (!finding.identity) {
    auto identity = co_await read_or_find(std::move(token), std::move(finding), ask_first);
    co_return identity;
  }
  const Executor executor = co_await asio::this_coro::executor;
  if (down && secondary_->trust().may_probe()) asio::co_spawn(executor, probe(token), [](const std::exception_ptr&) {});
  co_return finding.identity;
}

Awaitable<IdentityPtr> Sessions::read_or_find(std::string token, SecondarySessions::Finding finding, bool found) {
  std::exception_ptr failed;
  IdentityPtr identity;
  try {
    identity = co_await read_row(token);
    secondary_->trust().database_answered();
  } catch (const Failure&) {
    failed = std::current_exception();
    secondary_->trust().database_failed();
  }
  if (failed && !found) finding = co_await secondary_->find(token);
  if (failed && !finding.identity) std::rethrow_exception(failed);
  if (failed) co_return finding.identity;
  if (identity) co_await secondary_->fill(std::move(finding), identity);
  co_return identity;
}

Awaitable<> Sessions::probe(std::string token) {
  try {
    co_await read_row(std::move(token));
    secondary_->trust().database_answered();
  } catch (const Failure&) {
    secondary_->trust().database_failed();
  }
}

bool Sessions::wants_refresh(const Session& session, WallTime now) const {
  return !settings_.disable_session_refresh && session.expires_at - settings_.expires_in + settings_.update_age <= now;
}

Awaitable<IdentityPtr> Sessions::renew(IdentityPtr identity) {
  return update_expiry(std::move(identity), WallTime::max());
}

Awaitable<IdentityPtr> Sessions::refresh(IdentityPtr identity) {
  const std::string token = identity->session.token;
  const EndRefresh end{cache_, token};
  const WallTime due = clock_.now() + settings_.expires_in - settings_.update_age;
  auto renewed = co_await update_expiry(std::move(identity), due);
  co_return renewed;
}

// Only a session that ends by `due_before` is changed: another replica may have renewed it since it was read here.
Awaitable<IdentityPtr> Sessions::update_expiry(IdentityPtr identity, WallTime due_before) {
  const WallTime now = clock_.now();
  auto renewed = std::make_shared<Identity>(*identity);
  renewed->session.expires_at = now + settings_.expires_in;
  renewed->session.updated_at = now;
  const std::string token = renewed->session.token;
  const InvalidateAtEnd invalidate{cache_, token};
  if (!has_rows()) {
    if (identity->session.expires_at > due_before) co_return nullptr;
    auto stored = co_await secondary_->renew(renewed->session);
    co_return stored;
  }
  std::optional<SessionTrust::Change> untold;
  if (secondary_) untold.emplace(secondary_->trust(), token);
  const bool stored = co_await update_row(renewed->session, identity->session.expires_at, due_before);
  if (!stored) co_return nullptr;
  if (secondary_) co_await secondary_->change(renewed);
  co_return renewed;
}

// One that was ended since it was read may still have its row, which then ends sooner than it did.
Awaitable<bool> Sessions::update_row(Session session, WallTime ended, WallTime due_before) {
  Query query{{R"(UPDATE "session" SET "expiresAt" = $1, "updatedAt" = $2 WHERE "token" = $3 AND "expiresAt" >= $4)"},
              {session.expires_at, session.updated_at, session.token, ended}};
  if (due_before != WallTime::max()) {
    query.statement = {R"(UPDATE "session" SET "expiresAt" = $1, "updatedAt" = $2
                          WHERE "token" = $3 AND "expiresAt" >= $4 AND "expiresAt" <= $5)"};
    query.parameters.emplace_back(due_before);
  }
  const auto result = co_await run(database_, std::move(query));
  co_return result.affected > 0;
}

Awaitable<std::optional<Session>> Sessions::update(IdentityPtr identity, boost::json::object changes) {
  auto changed = std::make_shared<Identity>(*identity);
  Session& session = changed->session;
  session.updated_at = clock_.now();
  const std::string token = session.token;
  const InvalidateAtEnd invalidate{cache_, token};
  if (!has_rows()) {
    auto values = fields_.session.values_of(session.additional);
    for (const auto& [name, value] : changes) values[name] = value;
    session.additional = fields_.session.make_values(values);
    const auto stored = co_await secondary_->renew(session);
    if (!stored) co_return std::nullopt;
    co_return stored->session;
  }
  std::optional<SessionTrust::Change> untold;
  if (secondary_) untold.emplace(secondary_->trust(), token);
  const auto result = co_await run(database_, statements_.update(token, session.updated_at, changes));
  if (result.rows.empty()) co_return std::nullopt;
  session = statements_.read_session(result.rows.front());
  if (secondary_) co_await secondary_->change(changed);
  co_return changed->session;
}

Session Sessions::make(NewSession values) {
  Session session;
  session.id = make_row_id(has_rows() ? schema_.session_ids : storage::IdKind::text, random_);
  session.token = random_.text(32);
  session.user_id = std::move(values.user_id);
  session.created_at = clock_.now();
  session.updated_at = session.created_at;
  session.expires_at = session.created_at + (values.remember ? settings_.expires_in : kUnrememberedLife);
  session.ip_address = std::move(values.ip_address);
  session.additional = fields_.session.make_values(fields_.session.defaults());
  session.user_agent = shortened(std::move(values.user_agent), schema_.user_agent_characters_max);
  return session;
}

Query Sessions::insert(const Session& session) const {
  return statements_.insert(session);
}

Awaitable<Session> Sessions::store(Session session) {
  if (has_rows()) {
    const auto stored = co_await run(database_, insert(session));
    session.id = stored.rows.at(0).text(0);
  }
  co_await publish(session);
  co_return session;
}

Awaitable<> Sessions::publish(Session session) {
  if (!secondary_) co_return;
  if (!has_rows()) {
    auto result = co_await run(database_, statements_.select_user(session.user_id, schema_.user_has_role));
    if (result.rows.empty()) co_return;
    auto identity = std::make_shared<Identity>();
    identity->session = std::move(session);
    identity->user = statements_.read_user(result.rows.front(), 0, schema_.user_has_role);
    co_await secondary_->create(std::move(identity));
    co_return;
  }
  auto finding = co_await secondary_->find(session.token);
  if (!finding.fillable) co_return;
  IdentityPtr identity;
  try {
    identity = co_await read_row(session.token);
  } catch (const Failure&) {
    // The session is stored; who asks for it next puts it into Redis.
  }
  if (identity) co_await secondary_->add(std::move(finding), std::move(identity));
}

Awaitable<std::vector<Session>> Sessions::list(std::string user_id) {
  if (!has_rows()) {
    auto kept = co_await secondary_->list(std::move(user_id));
    co_return kept;
  }
  auto result = co_await run(database_, statements_.select_list(std::move(user_id), clock_.now()));
  std::vector<Session> sessions;
  sessions.reserve(result.rows.size());
  for (const auto& row : result.rows) sessions.push_back(statements_.read_session(row));
  co_return sessions;
}

Awaitable<> Sessions::remove(std::string token) {
  if (!is_storable(token)) co_return;
  const InvalidateAtEnd invalidate{cache_, token};
  if (!has_rows()) {
    co_await secondary_->remove(token);
    cache_.end(token);
    co_return;
  }
  std::optional<SessionTrust::Change> untold;
  if (secondary_) untold.emplace(secondary_->trust(), token);
  Query query{{R"(DELETE FROM "session" WHERE "token" = $1)"}, {token}};
  if (settings_.preserve_session_in_database) {
    query = {{R"(UPDATE "session" SET "expiresAt" = $2, "updatedAt" = $2 WHERE "token" = $1 AND "expiresAt" > $2)"},
             {token, clock_.now()}};
  }
  co_await run(database_, std::move(query));
  cache_.end(token);
  if (secondary_) co_await secondary_->end(token);
}

Awaitable<> Sessions::remove_all(std::string user_id) {
  const InvalidateUserAtEnd invalidate{cache_, user_id};
  const WallTime now = clock_.now();
  if (!has_rows()) {
    co_await remove_kept(user_id, now);
    co_return;
  }
  std::optional<SessionTrust::Change> untold;
  if (secondary_) untold.emplace(secondary_->trust(), user_id);
  auto removed = co_await remove_returned(end_of_all(user_id, now, settings_.preserve_session_in_database));
  if (secondary_) co_await secondary_->end_all(user_id, std::move(removed), now);
}

Awaitable<> Sessions::remove_all(std::string user_id, std::unique_ptr<storage::Transaction> transaction) {
  co_await commit_end(std::move(user_id), nullptr, std::move(transaction));
}

Awaitable<Session> Sessions::replace_all(Session next, std::unique_ptr<storage::Transaction> transaction) {
  co_await commit_end(next.user_id, &next, std::move(transaction));
  co_await publish(next);
  co_return next;
}

// `next`: the session that takes the place of all, or null; gets its id.
Awaitable<> Sessions::commit_end(std::string user_id, Session* next,
                                 std::unique_ptr<storage::Transaction> transaction) {
  const InvalidateUserAtEnd invalidate{cache_, user_id};
  const WallTime now = next ? next->created_at : clock_.now();
  if (!has_rows()) {
    // Before the commit: what the transaction changes must not hold while the sessions stay.
    co_await remove_kept(user_id, now);
    co_await transaction->commit();
    co_return;
  }
  std::optional<SessionTrust::Change> untold;
  if (secondary_) untold.emplace(secondary_->trust(), user_id);
  const auto result = co_await run(*transaction, end_of_all(user_id, now, settings_.preserve_session_in_database));
  if (next) {
    const auto stored = co_await run(*transaction, insert(*next));
    next->id = stored.rows.at(0).text(0);
  }
  co_await transaction->commit();
  transaction.reset();
  auto removed = end_returned(result);
  if (secondary_) co_await secondary_->end_all(user_id, std::move(removed), now);
}

Awaitable<> Sessions::remove_others(std::string user_id, std::string kept_token) {
  const InvalidateUserAtEnd invalidate{cache_, user_id};
  if (!has_rows()) {
    const auto removed = co_await secondary_->remove_others(user_id, std::move(kept_token));
    for (const auto& token : removed) cache_.end(token);
    co_return;
  }
  std::optional<SessionTrust::Change> untold;
  if (secondary_) untold.emplace(secondary_->trust(), user_id);
  Query query{{R"(DELETE FROM "session" WHERE "userId" = $1 AND "token" <> $2 AND "expiresAt" > $3 RETURNING "token")"},
              {user_id, std::move(kept_token), clock_.now()}};
  if (settings_.preserve_session_in_database) {
    query.statement = {R"(UPDATE "session" SET "expiresAt" = $3, "updatedAt" = $3
                          WHERE "userId" = $1 AND "token" <> $2 AND "expiresAt" > $3 RETURNING "token")"};
  }
  auto removed = co_await remove_returned(std::move(query));
  if (secondary_) co_await secondary_->end_some(user_id, std::move(removed));
}

Awaitable<std::optional<User>> Sessions::change_user(std::string user_id, Query change, std::optional<Query> then) {
  const InvalidateUserAtEnd invalidate{cache_, user_id};
  std::optional<SessionTrust::Change> untold;
  if (secondary_ && has_rows()) untold.emplace(secondary_->trust(), user_id);
  storage::ResultSet result;
  if (then) {
    result = co_await run_both(std::move(change), std::move(*then));
  } else {
    result = co_await run(database_, std::move(change));
  }
  if (result.rows.empty()) co_return std::nullopt;
  const User changed = statements_.read_user(result.rows.front(), 0, false);
  if (secondary_) co_await tell_changed(changed);
  co_return changed;
}

Awaitable<storage::ResultSet> Sessions::run_both(Query change, Query then) {
  auto transaction = co_await database_.begin();
  auto changed = co_await run(*transaction, std::move(change));
  if (changed.rows.empty()) co_return changed;
  co_await run(*transaction, std::move(then));
  co_await transaction->commit();
  co_return changed;
}

Awaitable<> Sessions::tell_changed(User user) {
  if (schema_.user_has_role) {
    const auto result = co_await run(database_, statements_.select_user(user.id, true));
    if (!result.rows.empty()) user = statements_.read_user(result.rows.front(), 0, true);
  }
  if (!has_rows()) {
    co_await secondary_->rewrite(std::move(user));
    co_return;
  }
  std::optional<std::vector<std::string>> tokens;
  try {
    Query query{{R"(SELECT "token" FROM "session" WHERE "userId" = $1)"}, {user.id}};
    const auto found = co_await run(database_, std::move(query));
    tokens.emplace();
    for (const auto& row : found.rows) tokens->push_back(row.text(0));
  } catch (const Failure&) {
    // The user is changed all the same.
    secondary_->trust().distrust();
  }
  if (tokens) co_await secondary_->change_user(std::move(user), std::move(*tokens));
}

// The sessions' rows go by a statement of their own, because it tells their tokens; one that is made meanwhile goes
// with the user's row, and the change feed tells it.
Awaitable<bool> Sessions::remove_user(std::string user_id) {
  const InvalidateUserAtEnd invalidate{cache_, user_id};
  std::optional<SessionTrust::Change> untold;
  if (secondary_ && has_rows()) untold.emplace(secondary_->trust(), user_id);
  const WallTime now = clock_.now();
  // First: a user must not be gone whose sessions stay. And last: for one that is made meanwhile.
  if (!has_rows()) co_await remove_kept(user_id, now);
  auto transaction = co_await database_.begin();
  std::vector<std::string> tokens;
  if (has_rows()) {
    const auto ended = co_await run(*transaction, end_of_all(user_id, now, false));
    for (const auto& row : ended.rows) tokens.push_back(row.text(0));
  }
  co_await transaction->query({R"(DELETE FROM "account" WHERE "userId" = $1)"}, {user_id});
  co_await transaction->query({R"(DELETE FROM "verification" WHERE "value" = $1)"}, {user_id});
  const auto removed = co_await transaction->query({R"(DELETE FROM "user" WHERE "id" = $1)"}, {user_id});
  co_await transaction->commit();
  transaction.reset();
  for (const auto& token : tokens) cache_.end(token);
  if (!has_rows()) {
    co_await remove_kept(user_id, now);
  } else if (secondary_) {
    co_await secondary_->end_all(user_id, std::move(tokens), now);
  }
  co_return removed.affected > 0;
}

// Where Redis alone has them.
Awaitable<> Sessions::remove_kept(std::string user_id, WallTime now) {
  const auto removed = co_await secondary_->remove_all(std::move(user_id), now);
  for (const auto& token : removed) cache_.end(token);
}

Awaitable<std::vector<Sessions::Life>> Sessions::end_missing(std::vector<std::string> tokens) {
  std::vector<Life> alive;
  if (!has_rows()) {
    for (const auto& token : tokens) {
      const auto identity = co_await secondary_->read(token);
      if (identity && !has_expired(identity->session)) {
        alive.push_back({token, identity->session.expires_at});
      } else {
        cache_.end(token);
      }
    }
    co_return alive;
  }
  for (std::size_t first = 0; first < tokens.size(); first += kBatch) {
    const auto last = std::min(first + kBatch, tokens.size());
    storage::Parameters parameters{clock_.now()};
    std::set<std::string_view> missing;
    for (std::size_t i = first; i < first + kBatch; ++i) {
      const std::string& token = tokens[std::min(i, last - 1)];  // a statement has one number of parameters
      parameters.emplace_back(token);
      missing.emplace(token);
    }
    const auto found = co_await database_.query(select_live_tokens(), std::move(parameters));
    for (const auto& row : found.rows) {
      missing.erase(row.text(0));
      alive.push_back({row.text(0), row.time(1)});
    }
    for (const auto token : missing) cache_.end(std::string(token));
  }
  co_return alive;
}

Awaitable<std::vector<std::string>> Sessions::remove_returned(Query query) {
  const auto result = co_await run(database_, std::move(query));
  co_return end_returned(result);
}

std::vector<std::string> Sessions::end_returned(const storage::ResultSet& removed) {
  std::vector<std::string> tokens;
  for (const auto& row : removed.rows) tokens.push_back(row.text(0));
  for (const auto& token : tokens) cache_.end(token);
  return tokens;
}

}  // namespace gatehouse::auth
