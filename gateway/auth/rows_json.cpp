#include "auth/rows_json.hpp"

#include "base/iso_time.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

}  // namespace

json::object to_json(const User& user) {
  return {{"name", user.name},
          {"email", user.email},
          {"emailVerified", user.email_verified},
          {"image", text_or_null(user.image)},
          {"createdAt", to_iso(user.created_at)},
          {"updatedAt", to_iso(user.updated_at)},
          {"id", user.id}};
}

json::object to_json(const Session& session) {
  return {{"expiresAt", to_iso(session.expires_at)},
          {"token", session.token},
          {"createdAt", to_iso(session.created_at)},
          {"updatedAt", to_iso(session.updated_at)},
          {"ipAddress", text_or_null(session.ip_address)},
          {"userAgent", text_or_null(session.user_agent)},
          {"userId", session.user_id},
          {"id", session.id}};
}

}  // namespace gatehouse::auth
