#include "auth/session_binding.hpp"

#include "base/log.hpp"
#include "base/utf8.hpp"

namespace gatehouse::auth {

namespace {

constexpr unsigned kV4Bits = 24;
constexpr unsigned kV6Bits = 64;

// A column of a certain length holds the beginning of a long one.
bool is_same_browser(std::string_view began_with, std::string_view user_agent) {
  const std::string sent = replace_invalid_utf8(user_agent);
  return sent == began_with || (began_with.size() >= 255 && sent.starts_with(began_with));
}

bool is_same_network(const IpAddress& a, const std::optional<IpAddress>& b) {
  if (!b || a.is_v4() != b->is_v4()) return false;
  const unsigned bits = a.is_v4() ? kV4Bits : kV6Bits;
  return a.masked(bits) == b->masked(bits);
}

}  // namespace

BindingMismatch find_mismatch(const config::SessionBinding& binding, const Session& session,
                              const RequestOrigin& origin) {
  if (binding.user_agent && session.user_agent && !is_same_browser(*session.user_agent, origin.user_agent))
    return BindingMismatch::user_agent;
  if (!binding.address_prefix) return BindingMismatch::none;
  const auto began_at = parse_ip(session.ip_address.value_or(""));
  return began_at && !is_same_network(*began_at, origin.address) ? BindingMismatch::address : BindingMismatch::none;
}

void log_mismatch(BindingMismatch mismatch, const Session& session) {
  log::warn("{}: session {} of user {} was used {} and is refused there", kBoundElsewhere, session.id, session.user_id,
            mismatch == BindingMismatch::user_agent ? "with another user agent" : "from another network");
}

AuditNote note_of(BindingMismatch mismatch, const Session& session) {
  return {.event = AuditEvent::session_bound_elsewhere,
          .outcome = AuditOutcome::failed,
          .reason = mismatch == BindingMismatch::user_agent ? "user_agent" : "address",
          .target = session.user_id,
          .detail = session.id};
}

}  // namespace gatehouse::auth
