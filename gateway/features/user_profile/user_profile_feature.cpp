#include "features/user_profile/user_profile_feature.hpp"

#include <boost/json/serialize.hpp>

#include "auth/current_session.hpp"
#include "auth/error_codes.hpp"
#include "auth/row_id.hpp"
#include "auth/rows_json.hpp"
#include "auth/script_json.hpp"
#include "features/user_profile/change_email.hpp"
#include "features/user_profile/delete_user.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

std::unexpected<ApiError> fail_without_code(std::string message) {
  return gatehouse::fail(400, "", std::move(message));
}

// Columns of text take numbers too, as they do with Better Auth, and write them as JavaScript does.
// Differs from Better Auth: what is neither is refused, and not written as some text.
Result<std::string> to_column_text(std::string_view field, const json::value& value) {
  std::string text;
  if (value.is_string()) text = value.get_string();
  if (value.is_int64() || value.is_uint64()) text = json::serialize(value);
  const bool fits = value.is_string() || value.is_int64() || value.is_uint64();
  if (fits && is_storable(text)) return text;
  return gatehouse::fail(400, "VALIDATION_ERROR", "[body." + std::string(field) + "] Invalid input");
}

Result<UserChanges> read_changes(const json::object& body, const AdditionalFields& fields) {
  UserChanges changes;
  if (const auto* email = body.if_contains("email"); email && is_truthy(*email)) {
    return auth::fail(400, error::kEmailCanNotBeUpdated);
  }
  const auto* name = body.if_contains("name");
  const auto* image = body.if_contains("image");
  auto additional = fields.read_changes(body);
  if (!additional) return std::unexpected(std::move(additional.error()));
  changes.additional = std::move(*additional);
  if (!name && !image && changes.additional.empty()) return fail_without_code("No fields to update");
  if (name) {
    auto text = to_column_text("name", *name);
    if (!text) return std::unexpected(std::move(text.error()));
    changes.name = std::move(*text);
  }
  if (image && image->is_null()) changes.image.emplace();
  if (image && !image->is_null()) {
    auto text = to_column_text("image", *image);
    if (!text) return std::unexpected(std::move(text.error()));
    changes.image = std::move(*text);
  }
  return changes;
}

Awaitable<Result<Reply>> update_user(EndpointCall& call) {
  auto changes = read_changes(call.body->get_object(), call.services.users.fields());
  if (!changes) co_return std::unexpected(std::move(changes.error()));
  const Identity& identity = *call.identity;
  bool refused = false;
  std::optional<User> updated;
  try {
    updated = co_await call.services.users.update(identity.user.id, std::move(*changes));
  } catch (const storage::ConstraintError&) {
    refused = true;  // a value that is unique, or does not fit the column
  }
  if (refused) co_return auth::fail(422, error::kFailedToUpdateUser);
  if (!updated) co_return auth::fail(401, error::kUnauthorized);
  add_session_cookies(call, identity.session, *updated);
  co_return reply_json({{"status", true}});
}

Awaitable<Result<Reply>> update_session(EndpointCall& call) {
  const Services& services = call.services;
  auto changes = services.sessions.fields().session.read_changes(call.body->get_object());
  if (!changes) co_return std::unexpected(std::move(changes.error()));
  if (changes->empty()) co_return fail_without_code("No fields to update");
  bool refused = false;
  std::optional<Session> updated;
  try {
    updated = co_await services.sessions.update(call.identity, std::move(*changes));
  } catch (const storage::ConstraintError&) {
    refused = true;
  }
  if (refused) co_return auth::fail(422, error::kFailedToUpdateSession);
  if (!updated) {
    call.add_cookies(services.cookie.clear_all(call.cookies));
    co_return auth::fail(401, error::kFailedToGetSession);
  }
  add_session_cookies(call, *updated, call.identity->user);
  co_return reply_json({{"session", to_json(*updated)}});
}

const BodySchema kRecord{BodySchema::Kind::record, {}};

}  // namespace

// Differs from Better Auth: the store is asked also for update-user and update-session, where the cookie cache is on.
// Both set its cookie again, which would prolong a session that has ended.
Feature user_profile() {
  constexpr auto kJson = BodyKind::json;
  constexpr auto kUnchecked = FormCheck::no;
  return {"user_profile",
          {
              {"POST", "/update-user", kJson, SessionNeed::authoritative, kUnchecked, kRecord, update_user},
              {"POST", "/update-session", kJson, SessionNeed::authoritative, kUnchecked, kRecord, update_session},
              {"POST", "/change-email", kJson, SessionNeed::authoritative, kUnchecked, kChangeEmail, change_email},
              {"POST", "/delete-user", kJson, SessionNeed::authoritative, kUnchecked, kDeleteUser, delete_user, true},
              {"GET", "/delete-user/callback", BodyKind::none, SessionNeed::none, kUnchecked, {}, delete_user_by_link},
          }};
}

}  // namespace gatehouse::features
