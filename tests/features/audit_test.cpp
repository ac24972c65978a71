// Which endpoint notes what in the audit trail, by whom and about whom.
#include <doctest/doctest.h>

#include "tests/features/social_sign_in/mock_provider.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;
using boost::json::object;

namespace {

const std::string kPassword = "correct horse battery";

config::AuthSettings settings_of_all() {
  auto settings = MockProvider::settings();
  settings.user.delete_user.enabled = true;
  settings.user.change_email.enabled = true;
  settings.account.account_linking.trusted_providers = {"plain"};
  return settings;
}

std::string path_of(const std::string& url) {
  return url.substr(std::string("http://auth.example.test/api/auth").size());
}

struct World {
  explicit World(config::AuthSettings settings = settings_of_all()) : server(std::move(settings)), provider(server) {}

  // What was noted since the last call: "event outcome reason actor>target", with names for the ids.
  std::vector<std::string> noted() {
    std::vector<std::string> lines;
    for (const auto& entry : server.audit.entries) {
      const auto& note = entry.note;
      CHECK(entry.address == "192.0.2.1");
      CHECK(entry.user_agent == "Test/1.0");
      CHECK(entry.time == server.clock.now());
      std::string line(to_string(note.event));
      line.append(" ").append(to_string(note.outcome));
      if (!note.reason.empty()) line.append(" ").append(note.reason);
      line.append(" ").append(name_of(note.actor)).append(">").append(name_of(note.target));
      lines.push_back(std::move(line));
    }
    server.audit.entries.clear();
    return lines;
  }
  std::string name_of(const std::string& id) {
    if (id.empty()) return "-";
    const auto found =
        run_coroutine(server.context, server.database->query({R"(SELECT "name" FROM "user" WHERE "id" = $1)"}, {id}));
    return found.rows.empty() ? "gone" : found.rows[0].text(0);
  }
  Answer sign_in(Browser& browser, std::string email, std::string password) {
    return browser.post("/sign-in/email", {{"email", email}, {"password", password}});
  }

  AuthServer server;
  MockProvider provider;
  Browser ann{server};
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("sign-up, sign-in and sign-out are noted, refused ones with why, and no address that nobody has") {
  World world;
  world.ann.sign_up("ann@example.test");
  CHECK(world.noted() == Lines{"sign_up ok Ann>Ann"});
  world.ann.sign_up("ann@example.test");
  CHECK(world.noted() == Lines{"sign_up failed email_taken ->Ann"});
  Browser other(world.server);
  world.sign_in(other, "ann@example.test", "something else");
  CHECK(world.noted() == Lines{"sign_in failed wrong_password ->Ann"});
  world.sign_in(other, "nobody@example.test", kPassword);
  REQUIRE(world.server.audit.entries.size() == 1);
  std::string line;
  append_audit_line(line, world.server.audit.entries[0]);
  CHECK(line.find("nobody") == std::string::npos);
  CHECK(world.noted() == Lines{"sign_in failed unknown_user ->-"});
  world.sign_in(other, "ANN@example.test", kPassword);
  CHECK(world.noted() == Lines{"sign_in ok Ann>Ann"});
  other.post("/sign-out", object{});
  CHECK(world.noted() == Lines{"sign_out ok Ann>Ann"});
  other.post("/sign-out", object{});
  CHECK(world.noted().empty());
}

TEST_CASE("sessions that are revoked are noted, and who tries a token of somebody else") {
  World world;
  world.ann.sign_up("ann@example.test");
  Browser bob(world.server);
  bob.post("/sign-up/email", {{"name", "Bob"}, {"email", "bob@example.test"}, {"password", kPassword}});
  Browser phone(world.server);
  const auto token = world.sign_in(phone, "ann@example.test", kPassword).json().at("token");
  world.noted();
  bob.post("/revoke-session", {{"token", token}});
  CHECK(world.noted() == Lines{"session_revoked failed not_own Bob>Ann"});
  world.ann.post("/revoke-session", {{"token", token}});
  world.ann.post("/revoke-session", {{"token", token}});
  CHECK(world.noted() == Lines{"session_revoked ok Ann>Ann"});
  world.ann.post("/revoke-other-sessions", object{});
  world.ann.post("/revoke-sessions", object{});
  CHECK(world.noted() == Lines{"sessions_revoked ok Ann>Ann", "sessions_revoked ok Ann>Ann"});
}

TEST_CASE("what becomes of a password is noted") {
  World world;
  world.ann.sign_up("ann@example.test");
  world.noted();
  const std::string next = "another long password";
  world.ann.post("/verify-password", {{"password", "something else"}});
  world.ann.post("/verify-password", {{"password", kPassword}});
  CHECK(world.noted() == Lines{"password_check failed wrong_password Ann>Ann", "password_check ok Ann>Ann"});
  world.ann.post("/change-password", {{"currentPassword", "something else"}, {"newPassword", next}});
  CHECK(world.noted() == Lines{"password_changed failed wrong_password Ann>Ann"});
  world.ann.post("/change-password",
                 {{"currentPassword", kPassword}, {"newPassword", next}, {"revokeOtherSessions", true}});
  CHECK(world.noted() == Lines{"password_changed ok Ann>Ann", "sessions_revoked ok Ann>Ann"});
  Browser stranger(world.server);
  stranger.post("/request-password-reset", {{"email", "nobody@example.test"}});
  stranger.post("/request-password-reset", {{"email", "ann@example.test"}});
  CHECK(world.noted() ==
        Lines{"password_reset_requested failed unknown_user ->-", "password_reset_requested ok ->Ann"});
  const auto url = path_of(world.server.mailer.mails.back().url);
  const auto token = url.substr(url.find("/reset-password/") + 16, 24);
  for (const std::string& tried : {std::string("wrongwrongwrongwrongwron"), token, token})
    stranger.post("/reset-password", {{"newPassword", kPassword}, {"token", tried}});
  CHECK(world.noted() == Lines{"password_reset failed invalid_token ->-", "password_reset ok ->Ann",
                               "sessions_revoked ok ->Ann", "password_reset failed invalid_token ->-"});
}

TEST_CASE("what becomes of an address is noted, and the end of a user") {
  World world;
  world.ann.sign_up("ann@example.test");
  world.noted();
  world.ann.post("/send-verification-email", {{"email", "ann@example.test"}});
  world.ann.get(path_of(world.server.mailer.mails.back().url));
  CHECK(world.noted() == Lines{"email_verified ok ->Ann"});
  world.ann.post("/change-email", {{"newEmail", "ann@new.example"}});
  CHECK(world.noted() == Lines{"email_change_requested ok Ann>Ann"});
  world.ann.get(path_of(world.server.mailer.mails.back().url));
  CHECK(world.noted() == Lines{"email_changed ok ->Ann"});
  world.ann.post("/delete-user", {{"password", "something else"}});
  CHECK(world.noted() == Lines{"user_deleted failed invalid_password Ann>Ann"});
  world.ann.post("/delete-user", {{"password", kPassword}});
  CHECK(world.noted() == Lines{"user_deleted ok gone>gone"});
}

TEST_CASE("sign-in by a provider, links of accounts and refused callbacks are noted with the provider") {
  World world;
  const auto visit = [&](Browser& browser, const char* start) {
    const auto answer = browser.post(start, {{"provider", "gitlab"}, {"callbackURL", "/home"}});
    const std::string url(answer.json().at("url").as_string());
    return world.provider.approve(url);
  };
  const auto details = [&] {
    std::vector<std::string> all;
    for (const auto& entry : world.server.audit.entries) all.push_back(entry.note.detail);
    return all;
  };
  Browser browser(world.server);
  browser.get(visit(browser, "/sign-in/social"));
  CHECK(details() == Lines{"gitlab", "gitlab"});
  CHECK(world.noted() == Lines{"sign_up ok Ann of the provider>Ann of the provider",
                               "sign_in ok Ann of the provider>Ann of the provider"});
  browser.get(visit(browser, "/sign-in/social"));
  CHECK(world.noted() == Lines{"sign_in ok Ann of the provider>Ann of the provider"});
  world.provider.wrong_signature = true;
  const auto callback = visit(browser, "/sign-in/social");
  world.provider.instead["/oauth/token"] = {400, "application/json", R"({"error":"invalid_grant"})"};
  browser.get(callback);
  CHECK(details() == Lines{"gitlab"});
  CHECK(world.noted() == Lines{"provider_refused failed invalid_code ->-"});
  browser.get(callback);
  REQUIRE(world.server.audit.entries.size() == 1);
  CHECK(world.server.audit.entries[0].note.event == auth::AuditEvent::provider_refused);
  world.noted();
  browser.get("/callback/gitlab?error=%3Cscript%3E&state=x");
  CHECK(world.noted().size() == 1);
}

TEST_CASE("an account that a signed-in user links and unlinks is noted") {
  World world;
  world.ann.sign_up("ann@example.test");
  world.noted();
  const auto start = world.ann.post("/link-social", {{"provider", "gitlab"}, {"callbackURL", "/home"}});
  const std::string url(start.json().at("url").as_string());
  world.ann.get(world.provider.approve(url));
  CHECK(world.noted() == Lines{"account_linked ok Ann>Ann"});
  std::string id;
  for (const auto& account : world.ann.get("/list-accounts").json().as_array()) {
    if (account.at("providerId") == "gitlab") id = account.at("id").as_string();
  }
  world.ann.post("/unlink-account", {{"accountId", id}});
  CHECK(world.noted() == Lines{"account_unlinked ok Ann>Ann"});
}

TEST_CASE("a session that is used from elsewhere is noted, and a limit that is hit") {
  auto settings = settings_of_all();
  settings.session.bind.user_agent = true;
  settings.rate_limit.enabled = true;
  settings.rate_limit.custom_rules = {{"/ok", config::AuthRateRule{std::chrono::seconds(5), 1}}};
  World world(settings);
  world.ann.sign_up("ann@example.test");
  world.noted();
  world.ann.get("/get-session", {{"user-agent", "Other/2.0"}});
  REQUIRE(world.server.audit.entries.size() == 1);
  CHECK(world.server.audit.entries[0].note.event == auth::AuditEvent::session_bound_elsewhere);
  CHECK(world.server.audit.entries[0].note.reason == "user_agent");
  CHECK(world.server.audit.entries[0].user_agent == "Other/2.0");
  world.server.audit.entries.clear();
  world.ann.get("/ok");
  CHECK(world.noted().empty());
  CHECK(world.ann.get("/ok").status == 429);
  REQUIRE(world.server.audit.entries.size() == 1);
  CHECK(world.server.audit.entries[0].note.detail == "/ok");
  CHECK(world.noted() == Lines{"auth_limited failed limited_auth ->-"});
}
