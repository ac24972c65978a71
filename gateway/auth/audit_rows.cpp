#include "auth/audit_rows.hpp"

#include <utility>

namespace gatehouse::auth {

namespace {

storage::Value text_or_null(const std::string& text) {
  return text.empty() ? storage::Value{nullptr} : storage::Value{text};
}

}  // namespace

Query insert_audit_entry(std::string key, const AuditEntry& entry) {
  const AuditNote& note = entry.note;
  storage::Parameters values{std::move(key), entry.time, std::string(to_string(note.event)),
                             std::string(to_string(note.outcome))};
  for (const auto* text :
       {&note.reason, &note.actor, &note.target, &entry.address, &entry.user_agent, &entry.request_id, &note.detail})
    values.push_back(text_or_null(*text));
  return {{R"(INSERT INTO "gatehouse_audit" ("entry", "time", "event", "outcome", "reason", "actor", "target", )"
           R"("address", "userAgent", "requestId", "detail") )"
           R"(VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT ("entry") DO NOTHING)"},
          std::move(values)};
}

Awaitable<std::vector<StoredAuditEntry>> read_audit(storage::Database& database, AuditCursor after, AuditFilter filter,
                                                    std::int64_t limit) {
  std::string sql =
      R"(SELECT "entry", "time", "event", "outcome", "reason", "actor", "target", "detail", "address", "userAgent", )"
      R"("requestId" FROM "gatehouse_audit" WHERE ("time", "entry") > ($1, $2))";
  storage::Parameters values{after.time, std::move(after.key), limit};
  const auto bind = [&](storage::Value value) {
    values.emplace_back(std::move(value));
    return "$" + std::to_string(values.size());
  };
  if (!filter.user.empty()) {
    const std::string place = bind(std::move(filter.user));
    sql += R"( AND ("actor" = )" + place + R"( OR "target" = )" + place + ")";
  }
  if (!filter.event.empty()) sql += R"( AND "event" = )" + bind(std::move(filter.event));
  if (!filter.outcome.empty()) sql += R"( AND "outcome" = )" + bind(std::move(filter.outcome));
  if (filter.before) sql += R"( AND "time" < )" + bind(*filter.before);
  sql += R"( ORDER BY "time", "entry" LIMIT $3)";
  const auto found = co_await database.query({sql}, std::move(values));
  std::vector<StoredAuditEntry> entries;
  for (const auto& row : found.rows) {
    StoredAuditEntry entry{.key = row.text(0), .time = row.time(1), .event = row.text(2), .outcome = row.text(3)};
    entry.reason = row.optional_text(4).value_or("");
    entry.actor = row.optional_text(5).value_or("");
    entry.target = row.optional_text(6).value_or("");
    entry.detail = row.optional_text(7).value_or("");
    entry.address = row.optional_text(8).value_or("");
    entry.user_agent = row.optional_text(9).value_or("");
    entry.request_id = row.optional_text(10).value_or("");
    entries.push_back(std::move(entry));
  }
  co_return entries;
}

}  // namespace gatehouse::auth
