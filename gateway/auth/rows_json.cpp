#include "auth/rows_json.hpp"

#include "base/iso_time.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

json::object with_shown(json::object row, const AdditionalValuesPtr& additional) {
  if (!additional) return row;
  for (const auto& [name, value] : additional->shown) row[name] = value;
  return row;
}

}  // namespace

json::object to_json(const User& user) {
  json::object row{{"name", user.name},
                   {"email", user.email},
                   {"emailVerified", user.email_verified},
                   {"image", text_or_null(user.image)},
                   {"createdAt", to_iso(user.created_at)},
                   {"updatedAt", to_iso(user.updated_at)},
                   {"id", user.id}};
  return with_shown(std::move(row), user.additional);
}

json::object to_json(const Session& session) {
  json::object row{{"expiresAt", to_iso(session.expires_at)},
                   {"token", session.token},
                   {"createdAt", to_iso(session.created_at)},
                   {"updatedAt", to_iso(session.updated_at)},
                   {"ipAddress", text_or_null(session.ip_address)},
                   {"userAgent", text_or_null(session.user_agent)},
                   {"userId", session.user_id},
                   {"id", session.id}};
  return with_shown(std::move(row), session.additional);
}

}  // namespace gatehouse::auth
