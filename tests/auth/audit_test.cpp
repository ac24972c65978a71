// The audit trail's entries as values, as lines and as rows.
#include "auth/audit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "auth/audit_rows.hpp"
#include "storage/migrator.hpp"
#include "tests/contracts/database_backends.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

AuditEntry make(AuditNote note, std::string_view user_agent = "Test/1.0") {
  return make_audit_entry(std::move(note), WallTime{std::chrono::milliseconds{1'750'000'000'123}}, "192.0.2.1",
                          user_agent, "0123456789abcdef0123456789abcdef");
}

AuditNote wrong_password() {
  return {.event = AuditEvent::sign_in, .outcome = AuditOutcome::failed, .reason = "wrong_password", .target = "u1"};
}

template <class Backend>
struct Trail : Opened<Backend> {
  Trail() : Opened<Backend>(storage::migration_options()) {
    auto migrator = storage::make_migrator(*this->database, clock, {"audit"});
    run_coroutine(this->context, migrator.apply());
  }
  void add(std::string key, AuditNote note, WallTime time) {
    auto entry = make(std::move(note));
    entry.time = time;
    run_coroutine(this->context, run(*this->database, insert_audit_entry(std::move(key), entry)));
  }
  std::vector<std::string> keys(AuditCursor after, AuditFilter filter = {}, std::int64_t limit = 100) {
    std::vector<std::string> keys;
    for (const auto& entry :
         run_coroutine(this->context, read_audit(*this->database, std::move(after), std::move(filter), limit)))
      keys.push_back(entry.key);
    return keys;
  }

  ManualClock clock;
};

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("every event has a name of its own") {
  const auto names = audit_event_names();
  CHECK(std::set<std::string_view>(names.begin(), names.end()).size() == names.size());
  CHECK(to_string(AuditEvent::sign_up) == "sign_up");
  CHECK(to_string(AuditEvent::auth_limited) == "auth_limited");
  CHECK(to_string(AuditEvent::impersonation_ended) == "impersonation_ended");
}

TEST_CASE("an entry is one line of JSON, without what is not known") {
  std::string line;
  append_audit_line(line, make(wrong_password()));
  CHECK(line ==
        "{\"time\":\"2025-06-15T15:06:40.123Z\",\"audit\":\"sign_in\",\"outcome\":\"failed\","
        "\"reason\":\"wrong_password\",\"target\":\"u1\",\"address\":\"192.0.2.1\",\"user_agent\":\"Test/1.0\","
        "\"request_id\":\"0123456789abcdef0123456789abcdef\"}\n");
}

TEST_CASE("a user agent is cut between two characters, and control bytes and broken UTF-8 do not come through") {
  CHECK(make({}, std::string(500, 'x')).user_agent == std::string(160, 'x'));
  CHECK(make({}, std::string(159, 'x') + "\u00e4\u00e4").user_agent == std::string(159, 'x'));
  CHECK(make({}, std::string(158, 'x') + "\u00e4\u00e4").user_agent == std::string(158, 'x') + "\u00e4");
  CHECK(make({}, std::string("a\nb\x1b[31m\x7f\0c", 11)).user_agent == "a b [31m  c");
  CHECK(make({},
             "a\xc2\x9b"
             "31m")
            .user_agent == "a  31m");
  CHECK(make({}, "a\xff").user_agent == "a\uFFFD");
}

TEST_CASE_TEMPLATE("entries are read in the order of time, a page at a time, by user, event and time", Backend,
                   SqliteBackend, PostgresBackend) {
  Trail<Backend> trail;
  const auto now = trail.clock.now();
  trail.add("c", wrong_password(), now - minutes{1});
  trail.add("b", {.event = AuditEvent::sign_in, .actor = "u2", .target = "u2"}, now - minutes{1});
  trail.add("a", {.event = AuditEvent::sign_up, .actor = "u1", .target = "u1"}, now - minutes{2});
  trail.add("d", {.event = AuditEvent::user_deleted, .actor = "u2", .target = "u1"}, now);
  trail.add("e", {.event = AuditEvent::sign_in}, now - hours{3});
  const AuditCursor start{now - hours{1}, ""};
  CHECK(trail.keys(start) == Keys{"a", "b", "c", "d"});
  CHECK(trail.keys(start, {}, 2) == Keys{"a", "b"});
  CHECK(trail.keys({now - minutes{1}, "b"}) == Keys{"c", "d"});
  CHECK(trail.keys({now - minutes{1}, ""}) == Keys{"b", "c", "d"});
  CHECK(trail.keys(start, {.user = "u1"}) == Keys{"a", "c", "d"});
  CHECK(trail.keys(start, {.user = "u2"}) == Keys{"b", "d"});
  CHECK(trail.keys(start, {.event = "sign_in"}) == Keys{"b", "c"});
  CHECK(trail.keys(start, {.user = "u1", .event = "sign_in"}) == Keys{"c"});
  CHECK(trail.keys(start, {.outcome = "failed"}) == Keys{"c"});
  CHECK(trail.keys(start, {.event = "sign_in", .outcome = "ok"}) == Keys{"b"});
  CHECK(trail.keys(start, {.before = now - minutes{1}}) == Keys{"a"});
  CHECK(trail.keys(start, {.before = now}) == Keys{"a", "b", "c"});
  CHECK(trail.keys(start, {.user = "u2", .before = now}) == Keys{"b"});
}

TEST_CASE_TEMPLATE("an entry is read as it was written, and the same one is written once", Backend, SqliteBackend,
                   PostgresBackend) {
  Trail<Backend> trail;
  const auto now = trail.clock.now();
  for (int i = 0; i < 2; ++i) trail.add("a", wrong_password(), now);
  const auto entries = run_coroutine(trail.context, read_audit(*trail.database, {now - hours{1}, ""}, {}, 10));
  REQUIRE(entries.size() == 1);
  const auto& entry = entries[0];
  CHECK(entry.key == "a");
  CHECK(entry.time == now);
  CHECK(entry.event == "sign_in");
  CHECK(entry.outcome == "failed");
  CHECK(entry.reason == "wrong_password");
  CHECK(entry.actor.empty());
  CHECK(entry.target == "u1");
  CHECK(entry.detail.empty());
  CHECK(entry.address == "192.0.2.1");
  CHECK(entry.user_agent == "Test/1.0");
  CHECK(entry.request_id == "0123456789abcdef0123456789abcdef");
}
