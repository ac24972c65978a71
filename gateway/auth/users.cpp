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
    return id.size() == 36 && std::ranges::all_of(id, [](char c) { return hex_digit(c) >= 0 || c == '-'; });
  return is_storable(id);
}

constexpr std::size_t kColumns = 7;

// As read_user() reads them, then the additional ones.
std::string column_list(const AdditionalFields& fields, std::string_view alias = {}) {
  std::string text;
  for (const char* name : {"id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt"})
    text += (text.empty() ? "" : ", ") + std::string(alias) + '"' + name + '"';
  return text + fields.columns(alias);
}

// Six values, those of the fields, and the id where the gateway makes it.
std::string insert_text(const AdditionalFields& fields, bool with_id) {
  std::string columns = R"("name", "email", "emailVerified", "image", "createdAt", "updatedAt")" + fields.columns();
  std::string values = "$1, $2, $3, $4, $5, $6" + fields.placeholders(7);
  if (with_id) {
    columns += R"(, "id")";
    values += ", $" + std::to_string(7 + fields.size());
  }
  return R"(INSERT INTO "user" ()" + columns + ") VALUES (" + values + R"() RETURNING "id")";
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

Query select_next_user_id(storage::Engine engine) {
  if (engine == storage::Engine::sqlite) return {{R"(SELECT COALESCE(max("id"), 0) + 1 FROM "user")"}, {}};
  // A column may count by a sequence that is not its own.
  return {{R"(SELECT COALESCE(nextval(pg_get_serial_sequence('"user"', 'id')),
                              (SELECT COALESCE(max("id"), 0) + 1 FROM "user")))"},
          {}};
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

Users::Users(storage::Database& database, Sessions& sessions, const Clock& clock, const AdditionalFields& fields)
    : database_(database),
      sessions_(sessions),
      clock_(clock),
      fields_(fields),
      by_id_("SELECT " + column_list(fields) + R"( FROM "user" WHERE "id" = $1)"),
      by_email_("SELECT " + column_list(fields) + R"( FROM "user" WHERE "email" = $1)"),
      with_password_("SELECT " + column_list(fields, "u.") + R"(, a."password" FROM "user" u
          LEFT JOIN "account" a ON a."userId" = u."id" AND a."providerId" = 'credential' AND a."accountId" = CAST(u."id" AS text)
          WHERE u."email" = $1 ORDER BY a."createdAt" LIMIT 1)"),
      insert_(insert_text(fields, true)),
      insert_counted_(insert_text(fields, false)),
      update_(R"(UPDATE "user" SET "name" = COALESCE($2, "name"), "email" = COALESCE($3, "email"),
          "emailVerified" = COALESCE($4, "emailVerified"), "image" = CASE WHEN $5 THEN $6 ELSE "image" END,
          "updatedAt" = $7)" +
              fields.assignments(10) +
              R"( WHERE "id" = $1 AND "email" = COALESCE($8, "email") AND (NOT $9 OR NOT "emailVerified") RETURNING )" +
              column_list(fields)) {}

User Users::read(const storage::Row& row) const {
  User user = read_user(row, 0);
  user.additional = fields_.read(row, kColumns);
  return user;
}

Awaitable<std::optional<User>> Users::find(std::string id) {
  if (!may_be_id(sessions_.schema().user_ids, id)) co_return std::nullopt;
  Query query{{by_id_}, {std::move(id)}};
  const auto result = co_await run(database_, std::move(query));
  if (result.rows.empty()) co_return std::nullopt;
  co_return read(result.rows.front());
}

Awaitable<std::optional<User>> Users::find_by_email(std::string email) {
  if (!is_storable(email)) co_return std::nullopt;
  Query query{{by_email_}, {std::move(email)}};
  const auto result = co_await run(database_, std::move(query));
  if (result.rows.empty()) co_return std::nullopt;
  co_return read(result.rows.front());
}

Awaitable<std::optional<Users::Found>> Users::find_with_password(std::string email) {
  if (!is_storable(email)) co_return std::nullopt;
  Query query{{with_password_}, {std::move(email)}};
  const auto result = co_await run(database_, std::move(query));
  if (result.rows.empty()) co_return std::nullopt;
  const storage::Row& row = result.rows.front();
  co_return Found{read(row), row.optional_text(kColumns + fields_.size())};
}

Query Users::insert(User user) const {
  if (!user.additional) user.additional = fields_.make_values(fields_.defaults());
  storage::Parameters values{user.name,       user.email,     user.email_verified, optional_text(user.image),
                             user.created_at, user.updated_at};
  fields_.append_values(values, user.additional);
  if (user.id.empty()) return {{insert_counted_}, std::move(values)};
  values.emplace_back(std::move(user.id));
  return {{insert_}, std::move(values)};
}

Awaitable<std::optional<User>> Users::update(std::string id, UserChanges changes) {
  storage::Parameters values{id,
                             optional_text(changes.name),
                             optional_text(changes.email),
                             storage::nullable(changes.email_verified),
                             changes.image.has_value(),
                             optional_text(changes.image.value_or(std::nullopt)),
                             clock_.now(),
                             optional_text(changes.while_email),
                             changes.while_unverified};
  fields_.append_changes(values, changes.additional);
  Query query{{update_}, std::move(values)};
  // What was sent to the old address does nothing for who reads mails there later.
  std::optional<Query> end_of_links;
  if (changes.email) end_of_links = {{R"(DELETE FROM "verification" WHERE "value" = $1)"}, {id}};
  auto user = co_await sessions_.change_user(std::move(id), std::move(query), std::move(end_of_links));
  co_return user;
}

Awaitable<bool> Users::remove(std::string id) {
  return sessions_.remove_user(std::move(id));
}

}  // namespace gatehouse::auth
