#include "auth/sessions.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "auth/row_id.hpp"
#include "auth/users.hpp"

namespace gatehouse::auth {

namespace {

using std::chrono::hours;

constexpr hours kUnrememberedLife{24};

// Reads id, token, userId, expiresAt, createdAt, updatedAt, ipAddress, userAgent.
Session read_session(const storage::Row& row) {
  Session session;
  session.id = row.text(0);
  session.token = row.text(1);
  session.user_id = row.text(2);
  session.expires_at = row.time(3);
  session.created_at = row.time(4);
  session.updated_at = row.time(5);
  session.ip_address = row.optional_text(6);
  session.user_agent = row.optional_text(7);
  return session;
}

constexpr std::size_t kSessionColumns = 8;
constexpr std::size_t kUserColumns = 7;

Query select_identity(std::string token, bool with_role) {
  static constexpr std::string_view kPlain =
      R"(SELECT s."id", s."token", s."userId", s."expiresAt", s."createdAt", s."updatedAt", s."ipAddress", s."userAgent",
                u."id", u."name", u."email", u."emailVerified", u."image", u."createdAt", u."updatedAt"
         FROM "session" s JOIN "user" u ON u."id" = s."userId" WHERE s."token" = $1)";
  static constexpr std::string_view kWithRole =
      R"(SELECT s."id", s."token", s."userId", s."expiresAt", s."createdAt", s."updatedAt", s."ipAddress", s."userAgent",
                u."id", u."name", u."email", u."emailVerified", u."image", u."createdAt", u."updatedAt", u."role"
         FROM "session" s JOIN "user" u ON u."id" = s."userId" WHERE s."token" = $1)";
  return {{with_role ? kWithRole : kPlain}, {std::move(token)}};
}

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
                   const config::SessionSettings& settings, const storage::SchemaFacts& schema)
    : database_(database), cache_(cache), clock_(clock), random_(random), settings_(settings), schema_(schema) {}

Awaitable<IdentityPtr> Sessions::read(std::string token) {
  if (!is_storable(token)) co_return nullptr;
  auto result = co_await run(database_, select_identity(std::move(token), schema_.user_has_role));
  if (result.rows.empty()) co_return nullptr;
  const storage::Row& row = result.rows.front();
  auto identity = std::make_shared<Identity>();
  identity->session = read_session(row);
  identity->user = read_user(row, kSessionColumns);
  if (schema_.user_has_role) identity->user.role = row.optional_text(kSessionColumns + kUserColumns);
  co_return identity;
}

Awaitable<IdentityPtr> Sessions::load(std::string token) {
  SessionCache::Loader loader = [this](std::string of) { return read(std::move(of)); };
  auto identity = co_await cache_.load(std::move(token), std::move(loader));
  co_return without_expired(std::move(identity), clock_.now());
}

bool Sessions::wants_refresh(const Session& session, WallTime now) const {
  return session.expires_at - settings_.expires_in + settings_.update_age <= now;
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
  const InvalidateAtEnd invalidate{cache_, renewed->session.token};
  storage::ResultSet result;
  if (due_before == WallTime::max()) {
    Query query{{R"(UPDATE "session" SET "expiresAt" = $1, "updatedAt" = $2 WHERE "token" = $3)"},
                {renewed->session.expires_at, now, renewed->session.token}};
    result = co_await run(database_, std::move(query));
  } else {
    Query query{{R"(UPDATE "session" SET "expiresAt" = $1, "updatedAt" = $2 WHERE "token" = $3 AND "expiresAt" <= $4)"},
                {renewed->session.expires_at, now, renewed->session.token, due_before}};
    result = co_await run(database_, std::move(query));
  }
  if (result.affected == 0) co_return nullptr;
  co_return renewed;
}

Session Sessions::make(NewSession values) {
  Session session;
  session.id = make_row_id(schema_.session_ids, random_);
  session.token = random_.text(32);
  session.user_id = std::move(values.user_id);
  session.created_at = clock_.now();
  session.updated_at = session.created_at;
  session.expires_at = session.created_at + (values.remember ? settings_.expires_in : kUnrememberedLife);
  session.ip_address = std::move(values.ip_address);
  session.user_agent = shortened(std::move(values.user_agent), schema_.user_agent_characters_max);
  return session;
}

Query Sessions::insert(const Session& session) {
  storage::Parameters values{session.expires_at,
                             session.token,
                             session.created_at,
                             session.updated_at,
                             session.ip_address.value_or(""),
                             session.user_agent.value_or(""),
                             session.user_id};
  if (session.id.empty()) {
    return {
        {R"(INSERT INTO "session" ("expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
                VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING "id")"},
        std::move(values)};
  }
  values.emplace_back(session.id);
  return {
      {R"(INSERT INTO "session" ("expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId", "id")
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING "id")"},
      std::move(values)};
}

Awaitable<std::vector<Session>> Sessions::list(std::string user_id) {
  Query query{{R"(SELECT "id", "token", "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent"
                  FROM "session" WHERE "userId" = $1 AND "expiresAt" > $2 ORDER BY "createdAt")"},
              {std::move(user_id), clock_.now()}};
  auto result = co_await run(database_, std::move(query));
  std::vector<Session> sessions;
  sessions.reserve(result.rows.size());
  for (const auto& row : result.rows) sessions.push_back(read_session(row));
  co_return sessions;
}

Awaitable<> Sessions::remove(std::string token) {
  if (!is_storable(token)) co_return;
  const InvalidateAtEnd invalidate{cache_, token};
  Query query{{R"(DELETE FROM "session" WHERE "token" = $1)"}, {token}};
  co_await run(database_, std::move(query));
  cache_.end(token);
}

Awaitable<> Sessions::remove_all(std::string user_id) {
  Query query{{R"(DELETE FROM "session" WHERE "userId" = $1 RETURNING "token")"}, {user_id}};
  const InvalidateUserAtEnd invalidate{cache_, user_id};
  co_await remove_returned(std::move(query));
}

Awaitable<> Sessions::remove_others(std::string user_id, std::string kept_token) {
  Query query{{R"(DELETE FROM "session" WHERE "userId" = $1 AND "token" <> $2 AND "expiresAt" > $3 RETURNING "token")"},
              {user_id, std::move(kept_token), clock_.now()}};
  const InvalidateUserAtEnd invalidate{cache_, user_id};
  co_await remove_returned(std::move(query));
}

Awaitable<std::vector<Sessions::Life>> Sessions::end_missing(std::vector<std::string> tokens) {
  std::vector<Life> alive;
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

Awaitable<> Sessions::remove_returned(Query query) {
  auto result = co_await run(database_, std::move(query));
  for (const auto& row : result.rows) cache_.end(row.text(0));
}

}  // namespace gatehouse::auth
