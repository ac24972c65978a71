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
  return {{R"(INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt")
              VALUES ($1, $2, $3, $4, $5, $6, $7))"},
          {user.id, user.name, user.email, user.email_verified, optional_text(user.image), user.created_at,
           user.updated_at}};
}

Query select_user_with_password(std::string email) {
  return {
      {R"(SELECT u."id", u."name", u."email", u."emailVerified", u."image", u."createdAt", u."updatedAt", a."password"
              FROM "user" u
              LEFT JOIN "account" a ON a."userId" = u."id" AND a."providerId" = 'credential' AND a."accountId" = u."id"
              WHERE u."email" = $1 ORDER BY a."createdAt" LIMIT 1)"},
      {std::move(email)}};
}

Query insert_password_account(std::string id, const User& user, std::string password_hash) {
  return {{R"(INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
              VALUES ($1, $2, 'credential', $2, $3, $4, $4))"},
          {std::move(id), user.id, std::move(password_hash), user.created_at}};
}

}  // namespace gatehouse::auth
