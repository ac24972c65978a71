// Against values that Better Auth 1.7.25 wrote.
#include "auth/secondary_storage.hpp"

#include <doctest/doctest.h>

#include "base/iso_time.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::auth::secondary_storage;
using namespace std::chrono_literals;

namespace {

const std::string kToken = "ftYjnFR6vf5aZt2vE3m7DS1CG0Kl7Cmp";
const std::string kUser = "IUb5lEhunOZ4U9E4gPLgLYc27mX45suO";

// With additional fields of session and user, and without the image that was never set.
const std::string kNode =
    R"({"session":{"id":"Z1OEzkRzLW632mIvXHBKPJgabaneQdhI","ipAddress":"","userAgent":"UA/1 \"q\"",)"
    R"("expiresAt":"2026-11-28T22:35:54.467Z","userId":"IUb5lEhunOZ4U9E4gPLgLYc27mX45suO",)"
    R"("token":"ftYjnFR6vf5aZt2vE3m7DS1CG0Kl7Cmp","createdAt":"2026-11-21T22:35:54.467Z",)"
    R"("updatedAt":"2026-11-21T22:35:54.467Z","device":"phone \"x\""},)"
    R"("user":{"name":"Ann Ö","email":"ann@example.test","emailVerified":false,"createdAt":"2026-11-21T22:35:54.459Z",)"
    R"("updatedAt":"2026-11-21T22:35:54.459Z","plan":"free","level":3,"id":"IUb5lEhunOZ4U9E4gPLgLYc27mX45suO"}})";

WallTime at(const char* iso) {
  return parse_iso(iso).value();
}

std::string without(std::string text, const std::string& part, const std::string& with = "") {
  const auto found = text.find(part);
  REQUIRE(found != std::string::npos);
  return text.replace(found, part.size(), with);
}

}  // namespace

TEST_CASE("a session that Better Auth wrote is read") {
  const auto document = SessionDocument::parse(kNode, kToken);
  REQUIRE(document);
  const auto& [session, user] = document->identity();
  CHECK(session.id == "Z1OEzkRzLW632mIvXHBKPJgabaneQdhI");
  CHECK(session.token == kToken);
  CHECK(session.user_id == kUser);
  CHECK(session.expires_at == at("2026-11-28T22:35:54.467Z"));
  CHECK(session.created_at == at("2026-11-21T22:35:54.467Z"));
  CHECK(session.updated_at == at("2026-11-21T22:35:54.467Z"));
  CHECK(session.ip_address == "");
  CHECK(session.user_agent == "UA/1 \"q\"");
  CHECK(user.id == kUser);
  CHECK(user.name == "Ann Ö");
  CHECK(user.email == "ann@example.test");
  CHECK_FALSE(user.email_verified);
  CHECK(user.image == std::nullopt);
  CHECK(user.created_at == at("2026-11-21T22:35:54.459Z"));
  CHECK(user.role == std::nullopt);
}

TEST_CASE("fields that the gateway does not know survive a change of a session") {
  auto document = SessionDocument::parse(kNode, kToken).value();
  auto session = document.identity().session;
  session.expires_at = at("2026-12-01T00:00:00.000Z");
  session.updated_at = at("2026-11-24T00:00:00.000Z");
  document.update(session);
  CHECK(document.to_text() ==
        R"({"session":{"id":"Z1OEzkRzLW632mIvXHBKPJgabaneQdhI","ipAddress":"","userAgent":"UA/1 \"q\"",)"
        R"("expiresAt":"2026-12-01T00:00:00.000Z","userId":"IUb5lEhunOZ4U9E4gPLgLYc27mX45suO",)"
        R"("token":"ftYjnFR6vf5aZt2vE3m7DS1CG0Kl7Cmp","createdAt":"2026-11-21T22:35:54.467Z",)"
        R"("updatedAt":"2026-11-24T00:00:00.000Z","device":"phone \"x\""},)"
        R"("user":{"name":"Ann Ö","email":"ann@example.test","emailVerified":false,)"
        R"("createdAt":"2026-11-21T22:35:54.459Z","updatedAt":"2026-11-21T22:35:54.459Z","plan":"free","level":3,)"
        R"("id":"IUb5lEhunOZ4U9E4gPLgLYc27mX45suO"}})");
}

TEST_CASE("an infinite number in a session is written as null, which everybody can read") {
  std::string text(kNode);
  text.replace(text.find("\"level\":3"), 9, "\"level\":1e999");
  const auto document = SessionDocument::parse(text, kToken).value();
  CHECK(document.to_text().contains("\"level\":null"));
}

TEST_CASE("a new session is written with the fields of both rows") {
  Identity identity;
  identity.session = {"s1",
                      "t1",
                      "u1",
                      at("2026-11-28T00:00:00.000Z"),
                      at("2026-11-21T00:00:00.000Z"),
                      at("2026-11-21T00:00:00.000Z"),
                      "192.0.2.1",
                      ""};
  identity.user = {"u1",
                   "Ann",
                   "ann@example.test",
                   true,
                   std::nullopt,
                   at("2026-11-20T00:00:00.000Z"),
                   at("2026-11-20T00:00:00.000Z"),
                   "admin"};
  const SessionDocument document(identity);
  CHECK(document.to_text() ==
        R"({"session":{"expiresAt":"2026-11-28T00:00:00.000Z","token":"t1","createdAt":"2026-11-21T00:00:00.000Z",)"
        R"("updatedAt":"2026-11-21T00:00:00.000Z","ipAddress":"192.0.2.1","userAgent":"","userId":"u1","id":"s1"},)"
        R"("user":{"name":"Ann","email":"ann@example.test","emailVerified":true,"image":null,)"
        R"("createdAt":"2026-11-20T00:00:00.000Z","updatedAt":"2026-11-20T00:00:00.000Z","id":"u1","role":"admin"}})");
  const auto read = SessionDocument::parse(document.to_text(), "t1");
  REQUIRE(read);
  CHECK(read->identity().user.role == "admin");
  CHECK(read->identity().session.ip_address == "192.0.2.1");
}

TEST_CASE("ids of serial columns, times as numbers and booleans as numbers are read") {
  auto text = without(kNode, "\"2026-11-28T22:35:54.467Z\"", "1795905354467");
  text = without(text, "\"emailVerified\":false", "\"emailVerified\":1");
  text = without(without(text, "\"" + kUser + "\"", "7"), "\"" + kUser + "\"", "7");
  const auto document = SessionDocument::parse(text, kToken);
  REQUIRE(document);
  CHECK(document->identity().session.expires_at == at("2026-11-28T22:35:54.467Z"));
  CHECK(document->identity().user.email_verified);
  CHECK(document->identity().user.id == "7");
}

TEST_CASE("what is not a session of the token with its user is not read") {
  CHECK_FALSE(SessionDocument::parse(kNode, "another"));
  CHECK_FALSE(SessionDocument::parse("", kToken));
  CHECK_FALSE(SessionDocument::parse("null", kToken));
  CHECK_FALSE(SessionDocument::parse("[]", kToken));
  CHECK_FALSE(SessionDocument::parse("{\"session\":{},\"user\":null}", kToken));
  CHECK_FALSE(SessionDocument::parse(kNode.substr(0, kNode.size() - 1), kToken));
  CHECK_FALSE(SessionDocument::parse(without(kNode, "\"expiresAt\":\"2026-11-28T22:35:54.467Z\","), kToken));
  CHECK_FALSE(SessionDocument::parse(without(kNode, "2026-11-28T22:35:54.467Z", "soon"), kToken));
  CHECK_FALSE(SessionDocument::parse(without(kNode, "\"2026-11-28T22:35:54.467Z\"", "1e300"), kToken));
  CHECK_FALSE(SessionDocument::parse(without(kNode, "\"emailVerified\":false", "\"emailVerified\":\"no\""), kToken));
  CHECK_FALSE(SessionDocument::parse(without(kNode, "\"userId\":\"" + kUser, "\"userId\":\"other"), kToken));
  CHECK_FALSE(SessionDocument::parse(without(kNode, "Ann Ö", std::string(kSessionBytesMax, 'a')), kToken));
}

TEST_CASE("the list of a user's sessions is read and written as Better Auth does") {
  const std::string node = R"([{"token":"r1LO2dIJ8SyWIOqySrJa2bxmJGEnQ7Nd","expiresAt":1795386954743},)"
                           R"({"token":"ftYjnFR6vf5aZt2vE3m7DS1CG0Kl7Cmp","expiresAt":1795905354467}])";
  const auto sessions = parse_active_sessions(node);
  REQUIRE(sessions.size() == 2);
  CHECK(sessions[0] == ActiveSession{"r1LO2dIJ8SyWIOqySrJa2bxmJGEnQ7Nd", WallTime{1795386954743ms}});
  CHECK(to_text({sessions[1], sessions[0]}) == node);
  CHECK(to_text(std::vector<ActiveSession>{}) == "[]");
}

TEST_CASE("entries of the list that are none are left out") {
  CHECK(parse_active_sessions("").empty());
  CHECK(parse_active_sessions("{}").empty());
  const auto sessions = parse_active_sessions(
      R"([null,{"token":"a","expiresAt":2},{"token":"a","expiresAt":3},{"token":"b"},{"token":"","expiresAt":1},)"
      R"({"token":5,"expiresAt":1},{"token":"c","expiresAt":1e300}])");
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0] == ActiveSession{"a", WallTime{2ms}});
}

TEST_CASE("names of keys, times of revocation and lives are those of Better Auth") {
  CHECK(active_sessions_key("u1") == "active-sessions-u1");
  CHECK(revoked_before_key("u1") == "revoked-sessions-before-u1");
  CHECK(parse_revoked_before("1795300555513") == WallTime{1795300555513ms});
  CHECK(to_text(WallTime{1795300555513ms}) == "1795300555513");
  CHECK_FALSE(parse_revoked_before(""));
  CHECK_FALSE(parse_revoked_before("NaN"));
  CHECK_FALSE(parse_revoked_before("9223372036854775807"));
  CHECK(life_until(WallTime{9'999ms}, WallTime{1'000ms}) == 8s);
  CHECK(life_until(WallTime{1'000ms}, WallTime{9'999ms}) == 0s);
}
