#include "auth/secondary_storage.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <tuple>
#include <unordered_set>

#include "auth/rows_json.hpp"
#include "auth/script_json.hpp"
#include "base/iso_time.hpp"

namespace gatehouse::auth::secondary_storage {

namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

// From the year 1 to 9999: what the text of a time has digits for.
constexpr double kTimeMin = -62'135'596'800'000;
constexpr double kTimeMax = 253'402'300'799'999;

std::optional<json::value> parse_document(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return std::nullopt;
  json::parse_options options;
  options.max_depth = 64;
  boost::system::error_code error;
  auto value = json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  replace_infinities(value);
  return value;
}

std::optional<WallTime> to_time(double since_epoch) {
  if (!(since_epoch >= kTimeMin && since_epoch <= kTimeMax)) return std::nullopt;
  return WallTime{milliseconds{static_cast<std::int64_t>(since_epoch)}};
}

std::optional<double> to_number(const json::value& value) {
  if (const auto* integer = value.if_int64()) return static_cast<double>(*integer);
  if (const auto* natural = value.if_uint64()) return static_cast<double>(*natural);
  if (const auto* real = value.if_double()) return *real;
  return std::nullopt;
}

// Reads the fields of one row. A field that is missing or of another kind makes the whole unreadable.
class RowReader {
 public:
  explicit RowReader(const json::object& row) : row_(row) {}

  bool failed() const { return failed_; }

  std::string text(std::string_view name) {
    const auto* value = row_.if_contains(name);
    const auto* found = value ? value->if_string() : nullptr;
    if (!found) return fail<std::string>();
    return std::string(*found);
  }

  // An id may also be the number of a serial column.
  std::string id(std::string_view name) {
    const auto* value = row_.if_contains(name);
    if (value && value->is_int64()) return std::to_string(value->get_int64());
    auto found = text(name);
    return found.empty() ? fail<std::string>() : found;
  }

  std::optional<std::string> optional_text(std::string_view name) {
    const auto* value = row_.if_contains(name);
    if (!value || value->is_null()) return std::nullopt;
    return text(name);
  }

  // Databases without booleans give 0 and 1.
  bool boolean(std::string_view name) {
    const auto* value = row_.if_contains(name);
    if (value && value->is_bool()) return value->get_bool();
    const auto number = value ? to_number(*value) : std::nullopt;
    if (number != 0.0 && number != 1.0) return fail<bool>();
    return *number == 1.0;
  }

  WallTime time(std::string_view name) {
    const auto* value = row_.if_contains(name);
    if (!value) return fail<WallTime>();
    const auto* found = value->if_string();
    const auto number = to_number(*value);
    const auto time = found ? parse_iso(std::string_view(*found)) : number ? to_time(*number) : std::nullopt;
    return time ? *time : fail<WallTime>();
  }

 private:
  template <class T>
  T fail() {
    failed_ = true;
    return {};
  }

  const json::object& row_;
  bool failed_ = false;
};

std::optional<Session> read_session(const json::object& row) {
  RowReader reader(row);
  Session session;
  session.id = reader.id("id");
  session.token = reader.text("token");
  session.user_id = reader.id("userId");
  session.expires_at = reader.time("expiresAt");
  session.created_at = reader.time("createdAt");
  session.updated_at = reader.time("updatedAt");
  session.ip_address = reader.optional_text("ipAddress");
  session.user_agent = reader.optional_text("userAgent");
  if (reader.failed()) return std::nullopt;
  return session;
}

std::optional<User> read_user(const json::object& row) {
  RowReader reader(row);
  User user;
  user.id = reader.id("id");
  user.name = reader.text("name");
  user.email = reader.text("email");
  user.email_verified = reader.boolean("emailVerified");
  user.image = reader.optional_text("image");
  user.created_at = reader.time("createdAt");
  user.updated_at = reader.time("updatedAt");
  user.role = reader.optional_text("role");
  if (reader.failed()) return std::nullopt;
  return user;
}

void add_hidden(json::object& row, const AdditionalValuesPtr& additional) {
  if (!additional) return;
  for (const auto& [name, value] : additional->hidden) row[name] = value;
}

json::object to_row(const User& user) {
  auto row = to_json(user);
  if (user.role) row["role"] = *user.role;
  add_hidden(row, user.additional);
  return row;
}

json::object to_row(const Session& session) {
  auto row = to_json(session);
  add_hidden(row, session.additional);
  return row;
}

void take_over(json::value& row, const json::object& fields) {
  auto& object = row.as_object();
  for (const auto& [name, value] : fields) object[name] = value;
}

const json::object* find_object(const json::object& document, std::string_view name) {
  const auto* value = document.if_contains(name);
  return value ? value->if_object() : nullptr;
}

}  // namespace

std::string active_sessions_key(std::string_view user_id) {
  return "active-sessions-" + std::string(user_id);
}

std::string revoked_before_key(std::string_view user_id) {
  return "revoked-sessions-before-" + std::string(user_id);
}

std::chrono::seconds life_until(WallTime end, WallTime now) {
  return std::max(std::chrono::floor<std::chrono::seconds>(end - now), std::chrono::seconds{0});
}

std::optional<SessionDocument> SessionDocument::parse(std::string_view text, std::string_view token,
                                                      const RowFields& fields) {
  auto value = parse_document(text, kSessionBytesMax);
  if (!value || !value->is_object()) return std::nullopt;
  SessionDocument parsed;
  parsed.document_ = std::move(value->get_object());
  const auto* session_row = find_object(parsed.document_, "session");
  const auto* user_row = find_object(parsed.document_, "user");
  if (!session_row || !user_row) return std::nullopt;
  auto session = read_session(*session_row);
  auto user = read_user(*user_row);
  if (!session || !user || session->token != token || session->user_id != user->id) return std::nullopt;
  session->additional = fields.session.read(*session_row);
  user->additional = fields.user.read(*user_row);
  parsed.identity_ = {std::move(*session), std::move(*user)};
  return parsed;
}

SessionDocument::SessionDocument(const Identity& identity)
    : document_{{"session", to_row(identity.session)}, {"user", to_row(identity.user)}}, identity_(identity) {}

std::string SessionDocument::to_text() const {
  return json::serialize(document_);
}

void SessionDocument::update(const Session& session) {
  identity_.session = session;
  take_over(document_["session"], to_row(session));
}

void SessionDocument::update(const User& user) {
  identity_.user = user;
  take_over(document_["user"], to_row(user));
}

std::optional<std::string> SessionDocument::note(std::string_view name) const {
  const auto* value = document_.if_contains(name);
  const auto* text = value ? value->if_string() : nullptr;
  if (!text) return std::nullopt;
  return std::string(*text);
}

void SessionDocument::set_note(std::string_view name, std::string_view text) {
  document_[name] = text;
}

std::vector<ActiveSession> parse_active_sessions(std::string_view text) {
  std::vector<ActiveSession> sessions;
  const auto value = parse_document(text, kListBytesMax);
  if (!value || !value->is_array()) return sessions;
  std::unordered_set<std::string> seen;
  for (const auto& item : value->get_array()) {
    const auto* entry = item.if_object();
    const auto* token = entry ? entry->if_contains("token") : nullptr;
    const auto* end = entry ? entry->if_contains("expiresAt") : nullptr;
    const auto number = end ? to_number(*end) : std::nullopt;
    const auto expires_at = number ? to_time(*number) : std::nullopt;
    if (!token || !token->is_string() || token->get_string().empty() || !expires_at) continue;
    std::string name(token->get_string());
    if (seen.insert(name).second) sessions.push_back({std::move(name), *expires_at});
  }
  return sessions;
}

std::string to_text(std::vector<ActiveSession> sessions) {
  std::ranges::sort(sessions, [](const ActiveSession& a, const ActiveSession& b) {
    return std::tie(a.expires_at, a.token) < std::tie(b.expires_at, b.token);
  });
  json::array list;
  for (const auto& session : sessions)
    list.push_back({{"token", session.token}, {"expiresAt", session.expires_at.time_since_epoch().count()}});
  return json::serialize(list);
}

std::optional<WallTime> parse_revoked_before(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return to_time(static_cast<double>(number));
}

std::string to_text(WallTime revoked_before) {
  return std::to_string(revoked_before.time_since_epoch().count());
}

}  // namespace gatehouse::auth::secondary_storage
