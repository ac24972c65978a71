// The audit trail's rows, in the table gatehouse_audit of our own: how entries get in, and how they are read again.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "auth/audit.hpp"
#include "auth/query.hpp"

namespace gatehouse::auth {

// `key` names the entry for ever: the same one is written once, however often that is tried.
Query insert_audit_entry(std::string key, const AuditEntry& entry);

// Where a reader is: after this entry, in the order of time and key.
struct AuditCursor {
  WallTime time = {};
  std::string key = {};  // empty: before all entries of that time
};

struct StoredAuditEntry {
  std::string key = {};
  WallTime time = {};
  std::string event = {};
  std::string outcome = {};
  // Empty: none.
  std::string reason = {};
  std::string actor = {};
  std::string target = {};
  std::string detail = {};
  std::string address = {};
  std::string user_agent = {};
  std::string request_id = {};
};

// Which entries are asked for. Empty: all.
struct AuditFilter {
  std::string user = {};  // the actor's or the target's id
  std::string event = {};
  std::string outcome = {};
  std::optional<WallTime> before = {};
};

// At most `limit` entries.
Awaitable<std::vector<StoredAuditEntry>> read_audit(storage::Database& database, AuditCursor after, AuditFilter filter,
                                                    std::int64_t limit);

}  // namespace gatehouse::auth
