// How sessions end: one, all of a user, all but one, with the user, and those that ended elsewhere.
#include <algorithm>
#include <set>

#include "auth/invalidate_at_end.hpp"
#include "auth/row_id.hpp"
#include "auth/sessions.hpp"

namespace gatehouse::auth {

namespace {

// `preserves`: the rows stay, and end now.
Query end_of_all(std::string user_id, WallTime now, bool preserves) {
  if (!preserves) return {{R"(DELETE FROM "session" WHERE "userId" = $1 RETURNING "token")"}, {std::move(user_id)}};
  return {{R"(UPDATE "session" SET "expiresAt" = $2, "updatedAt" = $2
              WHERE "userId" = $1 AND "expiresAt" > $2 RETURNING "token")"},
          {std::move(user_id), now}};
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

}  // namespace

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
