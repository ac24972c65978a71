#include <doctest/doctest.h>

#include "auth/session_cache.hpp"
#include "auth/sessions.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

// The three lines that sign a browser out.
const std::vector<std::string> kCleared{"better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
                                        "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
                                        "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"};

std::string token_of(const Answer& answer) {
  return std::string(answer.json().at("token").as_string());
}

struct SignedIn {
  AuthServer server;
  Browser ann{server};
  std::string token = token_of(ann.sign_up("ann@example.test"));
};

}  // namespace

TEST_CASE("ok answers ok") {
  AuthServer server;
  Browser browser(server);
  const auto answer = browser.get("/ok");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"ok":true})");
  CHECK(answer.header("Content-Type") == "application/json");
}

TEST_CASE("error sends the browser to the start page with a harmless code") {
  AuthServer server;
  Browser browser(server);
  const auto location = [&](std::string path) {
    const auto answer = browser.get(std::move(path));
    CHECK(answer.status == 302);
    CHECK(answer.header("Content-Type").empty());
    return answer.header("Location");
  };
  CHECK(location("/error") == "/?error=UNKNOWN");
  CHECK(location("/error?error=state_mismatch") == "/?error=state_mismatch");
  CHECK(location("/error?error=%3Cscript%3E") == "/?error=UNKNOWN");
  CHECK(location("/error?error=a&error=b") == "/?error=a");
  CHECK(location("/error?error=access_denied&error_description=No%20%3Cb%3Eway%3C%2Fb%3E%20%26%20so") ==
        "/?error=access_denied&error_description=No+%3Cb%3Eway%3C%2Fb%3E+%26+so");
}

TEST_CASE("get-session without a session is null and sets nothing") {
  AuthServer server;
  Browser browser(server);
  const auto answer = browser.get("/get-session");
  CHECK(answer.status == 200);
  CHECK(answer.body == "null");
  CHECK(answer.header("Cache-Control") == "no-store");
  CHECK(answer.header("Pragma") == "no-cache");
  CHECK(answer.cookies().empty());
  browser.cookies["better-auth.session_token"] = "garbage";
  CHECK(browser.get("/get-session").cookies().empty());
}

TEST_CASE_FIXTURE(SignedIn, "get-session shows session and user with Better Auth's fields") {
  const auto answer = ann.get("/get-session");
  CHECK(answer.status == 200);
  CHECK(answer.cookies().empty());
  const auto body = answer.json();
  const auto& session = body.at("session").as_object();
  const auto& user = body.at("user").as_object();
  CHECK(session.size() == 8);
  CHECK(session.at("token").as_string() == token);
  CHECK(session.at("id").as_string().size() == 32);
  CHECK(session.at("userId") == user.at("id"));
  CHECK(session.at("expiresAt").as_string() == "2025-06-22T15:06:40.000Z");
  CHECK(session.at("createdAt").as_string() == "2025-06-15T15:06:40.000Z");
  CHECK(session.at("updatedAt").as_string() == "2025-06-15T15:06:40.000Z");
  CHECK(session.at("ipAddress").as_string() == "192.0.2.1");
  CHECK(session.at("userAgent").as_string() == "Test/1.0");
  CHECK(user.size() == 7);
  CHECK(user.at("email").as_string() == "ann@example.test");
  CHECK(user.at("name").as_string() == "Ann");
  CHECK(user.at("emailVerified").as_bool() == false);
  CHECK(user.at("image").is_null());
}

TEST_CASE_FIXTURE(SignedIn, "POST get-session is refused, as renewing is not deferred") {
  const auto answer = ann.post("/get-session", {});
  CHECK(answer.status == 405);
  CHECK(answer.json().at("code").as_string() == "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
}

TEST_CASE_FIXTURE(SignedIn, "a session is renewed once it is past updateAge, and not before") {
  server.clock.advance(24h - 1ms);
  CHECK(ann.get("/get-session").cookies().empty());
  server.clock.advance(1ms);
  CHECK(ann.get("/get-session?disableRefresh=false").cookies().empty());
  const auto answer = ann.get("/get-session");
  REQUIRE(answer.cookies().size() == 1);
  CHECK(answer.cookies()[0].find("; Max-Age=604800;") != std::string::npos);
  CHECK(answer.json().at("session").at("expiresAt").as_string() == "2025-06-23T15:06:40.000Z");
  CHECK(answer.json().at("session").at("updatedAt").as_string() == "2025-06-16T15:06:40.000Z");
  CHECK(ann.get("/get-session").cookies().empty());
}

TEST_CASE_FIXTURE(SignedIn, "other endpoints renew as well") {
  server.clock.advance(48h);
  CHECK(ann.post("/revoke-other-sessions", {}).cookies().size() == 1);
}

TEST_CASE_FIXTURE(SignedIn, "an expired session is null, clears the cookies and is deleted") {
  server.clock.advance(7 * 24h);
  const auto answer = ann.get("/get-session");
  CHECK(answer.body == "null");
  CHECK(answer.cookies() == kCleared);
  CHECK(server.query(R"(SELECT "id" FROM "session")").rows.empty());
}

TEST_CASE_FIXTURE(SignedIn, "an expired session at an endpoint that needs one is 401 and clears the cookies") {
  server.clock.advance(7 * 24h);
  const auto answer = ann.get("/list-sessions");
  CHECK(answer.status == 401);
  CHECK(answer.cookies() == kCleared);
}

TEST_CASE_FIXTURE(SignedIn, "a session_data cookie of an older deployment is expired") {
  ann.cookies["better-auth.session_data"] = "x";
  CHECK(ann.get("/get-session").cookies() ==
        std::vector<std::string>{"better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"});
}

TEST_CASE("endpoints that need a session answer 401 without one, after validation and the origin check") {
  AuthServer server;
  Browser browser(server);
  for (const char* path : {"/revoke-sessions", "/revoke-other-sessions"}) CHECK(browser.post(path, {}).status == 401);
  CHECK(browser.get("/list-sessions").body == R"({"message":"Unauthorized","code":"UNAUTHORIZED"})");
  CHECK(browser.post("/revoke-session", {{"token", "x"}}).status == 401);
  CHECK(browser.post("/revoke-session", boost::json::object{}).json().at("message").as_string() ==
        "[body.token] Invalid input: expected string, received undefined");
}

TEST_CASE_FIXTURE(SignedIn, "list-sessions shows unexpired sessions, oldest first, and needs a fresh one") {
  Browser other(server);
  server.clock.advance(1h);
  other.post("/sign-in/email",
             {{"email", "ann@example.test"}, {"password", "correct horse battery"}, {"rememberMe", false}});
  const auto list = ann.get("/list-sessions").json().as_array();
  REQUIRE(list.size() == 2);
  CHECK(list[0].at("token").as_string() == token);
  CHECK(list[1].at("expiresAt").as_string() == "2025-06-16T16:06:40.000Z");
  server.clock.advance(23h);
  const auto stale = ann.get("/list-sessions");
  CHECK(stale.status == 403);
  CHECK(stale.json().at("code").as_string() == "SESSION_NOT_FRESH");
  server.clock.advance(1h);
  CHECK(other.get("/list-sessions").status == 401);
}

TEST_CASE_FIXTURE(SignedIn, "revoke-session ends one of the user's own sessions and leaves a stranger's alone") {
  Browser other(server), ben(server);
  const auto theirs =
      token_of(other.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "correct horse battery"}}));
  const auto strangers = token_of(ben.sign_up("ben@example.test"));
  for (const auto& one : {theirs, strangers, std::string("no-such-token"), std::string("nul\0", 4)}) {
    CHECK(ann.post("/revoke-session", {{"token", one}}).body == R"({"status":true})");
  }
  CHECK(other.get("/get-session").body == "null");
  CHECK(ben.get("/get-session").body != "null");
  CHECK(ann.post("/revoke-session", {{"token", token}}).cookies() == kCleared);
  CHECK(ann.get("/get-session").body == "null");
}

TEST_CASE_FIXTURE(SignedIn, "revoke-other-sessions and revoke-sessions end what they say, and tell who listens") {
  std::vector<std::string> ended;
  server.cache.on_session_ended([&](const std::string& one) { ended.push_back(one); });
  Browser other(server);
  const auto theirs =
      token_of(other.post("/sign-in/email", {{"email", "ann@example.test"}, {"password", "correct horse battery"}}));
  CHECK(ann.post("/revoke-other-sessions", {}).body == R"({"status":true})");
  CHECK(ended == std::vector<std::string>{theirs});
  CHECK(ann.get("/get-session").body != "null");
  CHECK(ann.post("/revoke-sessions", {}).cookies() == kCleared);
  CHECK(ended == std::vector<std::string>{theirs, token});
}

TEST_CASE_FIXTURE(SignedIn, "sign-out deletes the session, clears the cookies and forgets what was cached") {
  CHECK(run_coroutine(server.context, server.sessions.load(token)) != nullptr);
  CHECK(server.sessions.find_cached(token) != nullptr);
  auto copy = ann;
  const auto answer = ann.send("POST", "/sign-out");
  CHECK(answer.body == R"({"success":true})");
  CHECK(answer.cookies() == kCleared);
  CHECK(server.sessions.find_cached(token) == nullptr);
  CHECK(run_coroutine(server.context, server.sessions.load(token)) == nullptr);
  CHECK(copy.get("/get-session").body == "null");
  CHECK(copy.post("/sign-out", boost::json::object{}).status == 200);
  CHECK(copy.send("POST", "/sign-out", "[]").json().at("message").as_string() ==
        "[body] Invalid input: expected object, received array");
}

TEST_CASE_FIXTURE(SignedIn, "load of a session that expires while it is cached gives none") {
  CHECK(run_coroutine(server.context, server.sessions.load(token)) != nullptr);
  server.query(R"(UPDATE "session" SET "expiresAt" = '2025-06-15T15:06:40.000Z')");
  server.cache.invalidate(token);
  CHECK(run_coroutine(server.context, server.sessions.load(token)) == nullptr);
}

TEST_CASE_FIXTURE(SignedIn, "refresh on proxied traffic renews once, and forgets what was cached") {
  auto identity = run_coroutine(server.context, server.sessions.load(token));
  CHECK_FALSE(server.sessions.wants_refresh(identity->session, server.clock.now()));
  server.clock.advance(24h);
  CHECK(server.sessions.wants_refresh(identity->session, server.clock.now()));
  REQUIRE(server.sessions.begin_refresh(identity->session));
  CHECK_FALSE(server.sessions.begin_refresh(identity->session));
  const auto renewed = run_coroutine(server.context, server.sessions.refresh(identity));
  REQUIRE(renewed != nullptr);
  CHECK(renewed->session.expires_at == server.clock.now() + 7 * 24h);
  CHECK(server.sessions.find_cached(token) == nullptr);
  // The same identity, still held by another request: the store says that it is done.
  CHECK(server.sessions.begin_refresh(identity->session));
  CHECK(run_coroutine(server.context, server.sessions.refresh(identity)) == nullptr);
  CHECK(run_coroutine(server.context, server.sessions.load(token))->session.expires_at == server.clock.now() + 7 * 24h);
}
