#include "auth/users.hpp"

#include <algorithm>

#include "auth/row_id.hpp"
#include "base/ascii.hpp"

namespace gatehouse::auth {

namespace {

storage::Value optional_text(const std::optional<std::string>& text) {
  return text ? storage::Value(*text) : storage::Value(nullptr);
}

// PostgreSQL refuses to compare a column with text that is none of its type.
bool may_be_id(storage::IdKind kind, std::string_view id) {
  if (kind == storage::IdKind::serial)
    return !id.empty() && id.size() <= 18 && std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
  if (kind == storage::IdKind::uuid)
    return id.size() == 36 && std::ranges::all_of(id, [](char c) { return is_alphanumeric(c) || c == '-'; });
  return is_storable(id);
}

Query select_user_by_email(std::string email) {
  return {
      {R"(SELECT "id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt" FROM "user" WHERE "email" = $1)"},
      {std::move(email)}};
}

Query select_user_by_id(std::string id) {
  return {
      {R"(SELECT "id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt" FROM "user" WHERE "id" = $1)"},
      {std::move(id)}};
}

Query update_user(std::string id, UserChanges changes, WallTime now) {
  return {{R"(UPDATE "user" SET "name" = COALESCE($2, "name"), "email" = COALESCE($3, "email"),
                                "emailVerified" = COALESCE($4, "emailVerified"),
                                "image" = CASE WHEN $5 THEN $6 ELSE "image" END, "updatedAt" = $7
              WHERE "id" = $1 AND "email" = COALESCE($8, "email")
              RETURNING "id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt")"},
          {std::move(id), optional_text(changes.name), optional_text(changes.email),
           storage::nullable(changes.email_verified), changes.image.has_value(),
           optional_text(changes.image.value_or(std::nullopt)), now, optional_text(changes.while_email)}};
}

std::optional<User> read_only_user(const storage::ResultSet& result) {
  if (result.rows.empty()) return std::nullopt;
  return read_user(result.rows.front(), 0);
}

}  // namespace

User read_user(const storage::Row& row, std::size_t first) {
  User user;
  user.id = row.text(first);
  user.name = row.text(first + 1);
  user.email = row.text(first + 2);
  user.email_verified = row.boolean(first + 3);
  user.image = row.optional_text(first + 4);
  user.created_at = row.time(first + 5);
  user.updated_at = row.time(first + 6);
  return user;
}

Query insert_user(const User& user) {
  storage::Parameters values{user.name,       user.email,     user.email_verified, optional_text(user.image),
                             user.created_at, user.updated_at};
  if (user.id.empty()) {
    return {{R"(INSERT INTO "user" ("name", "email", "emailVerified", "image", "createdAt", "updatedAt")
                VALUES ($1, $2, $3, $4, $5, $6) RETURNING "id")"},
            std::move(values)};
  }
  values.emplace_back(user.id);
  return {{R"(INSERT INTO "user" ("name", "email", "emailVerified", "image", "createdAt", "updatedAt", "id")
              VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING "id")"},
          std::move(values)};
}

Query select_next_user_id(storage::Engine engine) {
  if (engine == storage::Engine::sqlite) return {{R"(SELECT COALESCE(max("id"), 0) + 1 FROM "user")"}, {}};
  // A column may count by a sequence that is not its own.
  return {{R"(SELECT COALESCE(nextval(pg_get_serial_sequence('"user"', 'id')),
                              (SELECT COALESCE(max("id"), 0) + 1 FROM "user")))"},
          {}};
}

Query select_user_with_password(std::string email) {
  return {
      {R"(SELECT u."id", u."name", u."email", u."emailVerified", u."image", u."createdAt", u."updatedAt", a."password"
              FROM "user" u
              LEFT JOIN "account" a ON a."userId" = u."id" AND a."providerId" = 'credential' AND a."accountId" = CAST(u."id" AS text)
              WHERE u."email" = $1 ORDER BY a."createdAt" LIMIT 1)"},
      {std::move(email)}};
}

Query insert_password_account(std::string id, const User& user, std::string password_hash) {
  storage::Parameters values{user.id, user.id, std::move(password_hash), user.created_at};
  if (id.empty()) {
    return {
        {R"(INSERT INTO "account" ("accountId", "userId", "providerId", "issuer", "password", "createdAt", "updatedAt")
                VALUES ($1, $2, 'credential', 'local:credential', $3, $4, $4))"},
        std::move(values)};
  }
  values.emplace_back(std::move(id));
  return {
      {R"(INSERT INTO "account" ("accountId", "userId", "providerId", "issuer", "password", "createdAt", "updatedAt", "id")
              VALUES ($1, $2, 'credential', 'local:credential', $3, $4, $4, $5))"},
      std::move(values)};
}

Awaitable<std::optional<User>> Users::find(std::string id) {
  if (!may_be_id(sessions_.schema().user_ids, id)) co_return std::nullopt;
  const auto result = co_await run(database_, select_user_by_id(std::move(id)));
  co_return read_only_user(result);
}

Awaitable<std::optional<User>> Users::find_by_email(std::string email) {
  if (!is_storable(email)) co_return std::nullopt;
  const auto result = co_await run(database_, select_user_by_email(std::move(email)));
  co_return read_only_user(result);
}

Awaitable<std::optional<User>> Users::update(std::string id, UserChanges changes) {
  auto query = update_user(id, std::move(changes), clock_.now());
  auto user = co_await sessions_.change_user(std::move(id), std::move(query));
  co_return user;
}

Awaitable<bool> Users::remove(std::string id) {
  return sessions_.remove_user(std::move(id));
}

}  // namespace gatehouse::auth
