// session.bind: a session that works only with the browser or from the network that it began in, so that a stolen token
// is worth less. Checked wherever a session was found, on proxied routes and auth endpoints; Better Auth has nothing
// like it.
#pragma once
#include <optional>
#include <string_view>

#include "auth/audit.hpp"
#include "auth/identity.hpp"
#include "base/ip_address.hpp"
#include "config/configuration.hpp"

namespace gatehouse::auth {

// The reason code in logs and metrics.
inline constexpr std::string_view kBoundElsewhere = "session_bound_elsewhere";

enum class BindingMismatch { none, user_agent, address };

// Where a request comes from.
struct RequestOrigin {
  std::string_view user_agent;       // as sent; empty: none
  std::optional<IpAddress> address;  // absent: unknown
};

// What is not known of the session binds it to nothing: rows of a Node server may have neither address nor user agent.
BindingMismatch find_mismatch(const config::SessionBinding& binding, const Session& session,
                              const RequestOrigin& origin);

// One line, with the session's id and never with its token.
void log_mismatch(BindingMismatch mismatch, const Session& session);
// For the audit trail.
AuditNote note_of(BindingMismatch mismatch, const Session& session);

}  // namespace gatehouse::auth
