// What Better Auth keeps of sessions in its secondary storage (Redis): names of keys and the JSON under them, written
// so that a Node server beside us reads it and read whatever it wrote. Nothing here waits.
// Source: Better Auth 1.7.25, keys without a prefix, lives in whole seconds, rounded down.
//
//   TOKEN                            {"session": …, "user": …}: the two rows, dates as ISO text
//   active-sessions-USER             [{"token", "expiresAt": milliseconds}, …], the one that ends first in front
//   revoked-sessions-before-USER     milliseconds: the user's sessions that are older open nothing
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/additional_fields.hpp"
#include "auth/identity.hpp"

namespace gatehouse::auth::secondary_storage {

// More is not believed: nobody's session is as large.
inline constexpr std::size_t kSessionBytesMax = 64 * 1024;
inline constexpr std::size_t kListBytesMax = 1024 * 1024;

std::string active_sessions_key(std::string_view user_id);
std::string revoked_before_key(std::string_view user_id);

// The whole seconds from `now` to `end`; 0 if it has passed.
std::chrono::seconds life_until(WallTime end, WallTime now);

// The document under a token. Fields that the gateway does not know (additional fields, plugins' columns) stay as they
// are through changes.
class SessionDocument {
 public:
  // Absent: too large, no JSON, not a session with its user, or one of another token than `token`.
  static std::optional<SessionDocument> parse(std::string_view text, std::string_view token,
                                              const RowFields& fields = no_additional_fields());
  explicit SessionDocument(const Identity& identity);

  const Identity& identity() const { return identity_; }
  std::string to_text() const;

  // Takes over the fields that the gateway knows.
  void update(const Session& session);
  void update(const User& user);
  // A field beside the two; absent: there is none, or it is no text.
  std::optional<std::string> note(std::string_view name) const;
  void set_note(std::string_view name, std::string_view text);

 private:
  SessionDocument() = default;

  boost::json::object document_;
  Identity identity_;
};

struct ActiveSession {
  std::string token;
  WallTime expires_at;
  bool operator==(const ActiveSession&) const = default;
};

// What is no such list has no entries; entries that are none, or of a token that is there already, are left out.
std::vector<ActiveSession> parse_active_sessions(std::string_view text);
// Sorted by their ends.
std::string to_text(std::vector<ActiveSession> sessions);

// Absent: not a time.
std::optional<WallTime> parse_revoked_before(std::string_view text);
std::string to_text(WallTime revoked_before);

}  // namespace gatehouse::auth::secondary_storage
