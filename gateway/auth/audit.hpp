// The audit trail: what happened to accounts and sessions, who did it, to whom, and from where. Features say what
// happened by EndpointCall::note; where the request came from is added there. Who keeps entries stands behind
// AuditTrail (app/audit_writer.hpp), off the way of every request.
//
// An entry holds ids of rows and codes, never a secret and never what a stranger typed: people type passwords into the
// wrong field.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gatehouse::auth {

enum class AuditEvent : std::uint8_t {
  sign_up,
  sign_in,
  sign_out,
  session_revoked,
  sessions_revoked,
  session_bound_elsewhere,  // a session was used from elsewhere than it is bound to (session.bind)
  password_check,           // a signed-in user's password, asked for once more
  password_changed,
  password_reset_requested,
  password_reset,
  email_change_requested,
  email_changed,
  email_verified,
  account_linked,
  account_unlinked,
  user_deletion_requested,
  user_deleted,
  provider_refused,  // an identity provider's callback did not come to a sign-in
  auth_limited,      // the rate limit of the auth endpoints was hit
  attempts_locked,   // so many wrong attempts at a secret that further ones are not looked at for a while
  // Named before there are features that note them, so that readers of a trail know all of them.
  two_factor,
  two_factor_enabled,
  two_factor_disabled,
  user_banned,
  user_unbanned,
  role_changed,
  api_key_created,
  api_key_deleted,
  impersonation_started,
  impersonation_ended,
};

// The names, as they are stored, in the order of AuditEvent.
std::span<const std::string_view> audit_event_names();
std::string_view to_string(AuditEvent event);

enum class AuditOutcome : std::uint8_t { ok, failed };
std::string_view to_string(AuditOutcome outcome);

// Whether it may come with each request of one client, so that only the first in a while is worth an entry.
bool is_repetitive(AuditEvent event);

// What is said of it by whoever saw it happen.
struct AuditNote {
  AuditEvent event = AuditEvent::sign_in;
  AuditOutcome outcome = AuditOutcome::ok;
  std::string reason = {};  // why it failed: a code
  std::string actor = {};   // id of the user who did it; empty: nobody who is signed in
  std::string target = {};  // id of the user whom it is about; empty: not known
  std::string detail = {};  // what else it is about: a provider, an endpoint, the id of a session
};

struct AuditEntry {
  WallTime time = {};
  AuditNote note;
  std::string address = {};  // of the client, as sessions keep it; empty: not known, or not to be tracked
  std::string user_agent = {};
  std::string request_id = {};
};

// An entry that any store takes and any terminal shows: texts are valid UTF-8 without control bytes and have limits,
// the user agent's is 160 bytes.
AuditEntry make_audit_entry(AuditNote note, WallTime time, std::string_view address, std::string_view user_agent,
                            std::string_view request_id);

// One line of JSON with its line end; empty texts are left out.
void append_audit_line(std::string& out, const AuditEntry& entry);

// Any thread.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  // Never waits, and never fails a request: what cannot be kept is counted.
  virtual void note(AuditEntry entry) = 0;
};

}  // namespace gatehouse::auth
