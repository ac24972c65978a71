#include "auth/users.hpp"

namespace gatehouse::auth {

namespace {

storage::Value optional_text(const std::optional<std::string>& text) {
  return text ? storage::Value(*text) : storage::Value(nullptr);
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

}  // namespace gatehouse::auth
