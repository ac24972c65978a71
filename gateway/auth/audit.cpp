#include "auth/audit.hpp"

#include <array>
#include <utility>

#include "base/iso_time.hpp"
#include "base/json_text.hpp"
#include "base/utf8.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::array<std::string_view, 30> kNames{
    "sign_up",
    "sign_in",
    "sign_out",
    "session_revoked",
    "sessions_revoked",
    "session_bound_elsewhere",
    "password_check",
    "password_changed",
    "password_reset_requested",
    "password_reset",
    "email_change_requested",
    "email_changed",
    "email_verified",
    "account_linked",
    "account_unlinked",
    "user_deletion_requested",
    "user_deleted",
    "provider_refused",
    "auth_limited",
    "attempts_locked",
    "two_factor",
    "two_factor_enabled",
    "two_factor_disabled",
    "user_banned",
    "user_unbanned",
    "role_changed",
    "api_key_created",
    "api_key_deleted",
    "impersonation_started",
    "impersonation_ended",
};
static_assert(kNames.at(static_cast<std::size_t>(AuditEvent::impersonation_ended)) == "impersonation_ended");

constexpr std::size_t kCodeMax = 64, kIdMax = 128, kTextMax = 160;

// Cut between characters.
std::string clean(std::string_view text, std::size_t bytes_max) {
  // An invalid byte becomes three.
  std::string cleaned = replace_invalid_utf8(text.substr(0, bytes_max + 4));
  std::size_t size = 0;
  while (size < cleaned.size()) {
    const auto length = utf8_sequence_length(std::string_view(cleaned).substr(size));
    if (size + length > bytes_max) break;
    const auto first = static_cast<unsigned char>(cleaned[size]);
    const bool is_c1 = first == 0xC2 && static_cast<unsigned char>(cleaned[size + 1]) < 0xA0;
    if (first < 0x20 || first == 0x7F) cleaned[size] = ' ';
    if (is_c1) cleaned.replace(size, 2, "  ");
    size += length;
  }
  cleaned.resize(size);
  return cleaned;
}

void add_text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(",\"").append(name).append("\":");
  append_json_quoted(out, value);
}

}  // namespace

std::span<const std::string_view> audit_event_names() {
  return kNames;
}

std::string_view to_string(AuditEvent event) {
  return kNames.at(static_cast<std::size_t>(event));
}

std::string_view to_string(AuditOutcome outcome) {
  return outcome == AuditOutcome::ok ? "ok" : "failed";
}

bool is_repetitive(AuditEvent event) {
  return event == AuditEvent::auth_limited || event == AuditEvent::session_bound_elsewhere;
}

AuditEntry make_audit_entry(AuditNote note, WallTime time, std::string_view address, std::string_view user_agent,
                            std::string_view request_id) {
  note.reason = clean(note.reason, kCodeMax);
  note.actor = clean(note.actor, kIdMax);
  note.target = clean(note.target, kIdMax);
  note.detail = clean(note.detail, kTextMax);
  return {time, std::move(note), clean(address, kCodeMax), clean(user_agent, kTextMax), clean(request_id, kCodeMax)};
}

void append_audit_line(std::string& out, const AuditEntry& entry) {
  out.append("{\"time\":\"").append(to_iso(entry.time)).append("\"");
  add_text(out, "audit", to_string(entry.note.event));
  add_text(out, "outcome", to_string(entry.note.outcome));
  add_text(out, "reason", entry.note.reason);
  add_text(out, "actor", entry.note.actor);
  add_text(out, "target", entry.note.target);
  add_text(out, "detail", entry.note.detail);
  add_text(out, "address", entry.address);
  add_text(out, "user_agent", entry.user_agent);
  add_text(out, "request_id", entry.request_id);
  out.append("}\n");
}

}  // namespace gatehouse::auth
