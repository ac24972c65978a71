#include "auth/sessions.hpp"

#include <boost/asio/co_spawn.hpp>
#include <chrono>

#include "auth/invalidate_at_end.hpp"
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

IdentityPtr without_expired(IdentityPtr identity, WallTime now) {
  return identity && identity->session.expires_at > now ? identity : nullptr;
}

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

Awaitable<IdentityPtr> Sessions::load(std::string token, std::shared_ptr<LoadPermit> permit) {
  for (;;) {
    bool withdrawn = false;
    auto identity = co_await load_once(token, permit, withdrawn);
    if (!withdrawn) co_return without_expired(std::move(identity), clock_.now());
  }
}

// `withdrawn`: another request's load was joined, which then had no permit.
Awaitable<IdentityPtr> Sessions::load_once(std::string token, std::shared_ptr<LoadPermit> permit, bool& withdrawn) {
  SessionCache::Loader loader = [this, permit](std::string of) { return look_up(std::move(of), permit); };
  try {
    auto identity = co_await cache_.load(std::move(token), std::move(loader));
    co_return identity;
  } catch (const LoadWithdrawn&) {
    if (permit && permit->is_refused()) throw;
    withdrawn = true;
  }
  co_return nullptr;
}

Awaitable<> Sessions::expect_granted(std::shared_ptr<LoadPermit> permit) {
  if (!permit) co_return;
  co_await permit->wait();
  if (permit->is_refused()) throw LoadWithdrawn();
}

// What Redis holds counts while the change feed is followed, for what changed was taken out of it; and while the
// database does not answer.
Awaitable<IdentityPtr> Sessions::look_up(std::string token, std::shared_ptr<LoadPermit> permit) {
  if (!secondary_ || !has_rows()) {
    if (has_rows()) co_await expect_granted(std::move(permit));
    auto identity = co_await read(std::move(token));
    co_return identity;
  }
  const bool down = secondary_->trust().database_is_down();
  const bool ask_first = down || cache_.is_fresh();
  SecondarySessions::Finding finding;
  if (ask_first) finding = co_await secondary_->find(token);
  if (!finding.identity || down) co_await expect_granted(std::move(permit));
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

}  // namespace gatehouse::auth
