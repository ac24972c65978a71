#include "auth/session_statements.hpp"

#include "auth/users.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::size_t kSessionColumns = 8;
constexpr std::size_t kUserColumns = 7;

std::string session_columns(const RowFields& fields, std::string_view alias = {}) {
  std::string text;
  for (const char* name : {"id", "token", "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent"})
    text += (text.empty() ? "" : ", ") + std::string(alias) + '"' + name + '"';
  return text + fields.session.columns(alias);
}

std::string user_columns(const RowFields& fields, std::string_view alias = {}) {
  std::string text;
  for (const char* name : {"id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt"})
    text += (text.empty() ? "" : ", ") + std::string(alias) + '"' + name + '"';
  return text + fields.user.columns(alias);
}

std::string select_identity_text(const RowFields& fields, std::string_view role) {
  return "SELECT " + session_columns(fields, "s.") + ", " + user_columns(fields, "u.") + std::string(role) +
         R"( FROM "session" s JOIN "user" u ON u."id" = s."userId" WHERE s."token" = $1)";
}

std::string select_user_text(const RowFields& fields, std::string_view role) {
  return "SELECT " + user_columns(fields) + std::string(role) + R"( FROM "user" WHERE "id" = $1)";
}

// Seven values, those of the fields, and the id where the gateway makes it.
std::string insert_text(const RowFields& fields, bool with_id) {
  std::string columns = R"("expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")";
  std::string values = "$1, $2, $3, $4, $5, $6, $7" + fields.session.placeholders(8);
  columns += fields.session.columns();
  if (with_id) {
    columns += R"(, "id")";
    values += ", $" + std::to_string(8 + fields.session.size());
  }
  return R"(INSERT INTO "session" ()" + columns + ") VALUES (" + values + R"() RETURNING "id")";
}

}  // namespace

SessionStatements::SessionStatements(const RowFields& fields)
    : fields_(fields),
      identity_(select_identity_text(fields, "")),
      identity_with_role_(select_identity_text(fields, R"(, u."role")")),
      user_(select_user_text(fields, "")),
      user_with_role_(select_user_text(fields, R"(, "role")")),
      insert_(insert_text(fields, true)),
      insert_counted_(insert_text(fields, false)),
      list_("SELECT " + session_columns(fields) +
            R"( FROM "session" WHERE "userId" = $1 AND "expiresAt" > $2 ORDER BY "createdAt")"),
      update_(R"(UPDATE "session" SET "updatedAt" = $2)" + fields.session.assignments(3) +
              R"( WHERE "token" = $1 RETURNING )" + session_columns(fields)) {}

Query SessionStatements::select_identity(std::string token, bool with_role) const {
  return {{with_role ? identity_with_role_ : identity_}, {std::move(token)}};
}

IdentityPtr SessionStatements::read_identity(const storage::Row& row, bool with_role) const {
  auto identity = std::make_shared<Identity>();
  identity->session = read_session(row);
  identity->user = read_user(row, kSessionColumns + fields_.session.size(), with_role);
  return identity;
}

Query SessionStatements::select_user(std::string id, bool with_role) const {
  return {{with_role ? user_with_role_ : user_}, {std::move(id)}};
}

User SessionStatements::read_user(const storage::Row& row, std::size_t first, bool with_role) const {
  User user = auth::read_user(row, first);
  user.additional = fields_.user.read(row, first + kUserColumns);
  if (with_role) user.role = row.optional_text(first + kUserColumns + fields_.user.size());
  return user;
}

Query SessionStatements::insert(const Session& session) const {
  storage::Parameters values{session.expires_at,
                             session.token,
                             session.created_at,
                             session.updated_at,
                             session.ip_address.value_or(""),
                             session.user_agent.value_or(""),
                             session.user_id};
  fields_.session.append_values(values, session.additional);
  if (session.id.empty()) return {{insert_counted_}, std::move(values)};
  values.emplace_back(session.id);
  return {{insert_}, std::move(values)};
}

Query SessionStatements::select_list(std::string user_id, WallTime now) const {
  return {{list_}, {std::move(user_id), now}};
}

Query SessionStatements::update(std::string token, WallTime now, const boost::json::object& changes) const {
  storage::Parameters values{std::move(token), now};
  fields_.session.append_changes(values, changes);
  return {{update_}, std::move(values)};
}

Session SessionStatements::read_session(const storage::Row& row) const {
  Session session;
  session.id = row.text(0);
  session.token = row.text(1);
  session.user_id = row.text(2);
  session.expires_at = row.time(3);
  session.created_at = row.time(4);
  session.updated_at = row.time(5);
  session.ip_address = row.optional_text(6);
  session.user_agent = row.optional_text(7);
  session.additional = fields_.session.read(row, kSessionColumns);
  return session;
}

}  // namespace gatehouse::auth
