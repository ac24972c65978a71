// The abuse ladder at the endpoints that look at a secret.
#include <doctest/doctest.h>

#include "auth/attempt_counts.hpp"
#include "tests/features/auth_server.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::minutes;

namespace {

constexpr const char* kPassword = "correct horse battery";
constexpr const char* kEmail = "ann@example.test";

struct Fixture {
  AuthServer server;
  Browser owner{server};
  Browser stranger{server};

  Fixture() {
    REQUIRE(owner.sign_up(kEmail).status == 200);
    owner.address = "198.51.100.1";
  }
  Answer sign_in(Browser& browser, const std::string& email = kEmail, const std::string& password = kPassword) {
    return browser.post("/sign-in/email", {{"email", email}, {"password", password}});
  }
  Answer guess(const std::string& email = kEmail) { return sign_in(stranger, email, "not the password"); }
  // Each waits for its turn.
  void climb_to_lock() {
    for (int i = 0; i < 10; ++i) {
      server.clock.advance(minutes{1});
      REQUIRE(guess().status == 401);
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "wrong passwords make the next ones wait, the right one too, in the words of the rate limit") {
  for (int i = 0; i < 5; ++i) CHECK(guess().status == 401);
  for (const char* password : {"not the password", kPassword}) {
    const auto refused = sign_in(stranger, kEmail, password);
    CHECK(refused.status == 429);
    CHECK(refused.body == R"({"message":"Too many requests. Please try again later."})");
    CHECK(refused.header("Retry-After") == "1");
    CHECK(refused.header("X-Retry-After") == "1");
    CHECK(refused.cookies().empty());
  }
  server.clock.advance(std::chrono::seconds{1});
  CHECK(sign_in(stranger).status == 200);
  CHECK(guess().status == 401);
}

TEST_CASE_FIXTURE(Fixture,
                  "a locked account is locked for strangers; sessions of its owner live, and do what they did") {
  climb_to_lock();
  CHECK(sign_in(stranger).status == 429);
  CHECK(sign_in(stranger).header("Retry-After") == "900");
  CHECK(owner.get("/get-session").json().at("user").at("email").as_string() == kEmail);
  CHECK(owner.post("/verify-password", {{"password", kPassword}}).status == 200);
  CHECK(owner.post("/change-password", {{"currentPassword", kPassword}, {"newPassword", "another long one"}}).status ==
        200);
  server.clock.advance(minutes{15});
  CHECK(sign_in(stranger, kEmail, "another long one").status == 200);
}

TEST_CASE_FIXTURE(Fixture, "a network from which the owner has signed in is judged by itself") {
  REQUIRE(sign_in(owner).status == 200);
  climb_to_lock();
  CHECK(sign_in(stranger).status == 429);
  CHECK(sign_in(owner).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "no spelling of the address and no other network is another count") {
  for (const char* email : {"ANN@example.test", "Ann@Example.Test", kEmail, "ann@EXAMPLE.test", "aNN@example.test"}) {
    stranger.address += "1";
    CHECK(guess(email).status == 401);
  }
  stranger.address = "203.0.113.9";
  CHECK(guess("ANN@EXAMPLE.TEST").status == 429);
  CHECK(guess("ann+x@example.test").status == 401);
}

TEST_CASE_FIXTURE(Fixture, "the answers tell nobody whether there is such an account") {
  for (int i = 0; i < 8; ++i) {
    const auto known = guess();
    const auto unknown = guess("nobody@example.test");
    CHECK(known.status == unknown.status);
    CHECK(known.body == unknown.body);
    CHECK(known.headers == unknown.headers);
  }
}

TEST_CASE_FIXTURE(Fixture, "a network that tries many accounts is limited whatever they are, and no other is") {
  for (int i = 0; i < 50; ++i) REQUIRE(guess("user" + std::to_string(i) + "@example.test").status == 401);
  CHECK(guess("user50@example.test").status == 429);
  CHECK(sign_in(stranger).status == 429);
  CHECK(sign_in(owner).status == 200);
}

TEST_CASE_FIXTURE(
    Fixture, "what a signed-in user gets wrong counts for that user: password, change and deletion are one count") {
  server.settings.user.delete_user.enabled = true;
  for (int i = 0; i < 3; ++i) CHECK(owner.post("/verify-password", {{"password", "not the password"}}).status == 400);
  for (int i = 0; i < 2; ++i) {
    CHECK(owner.post("/change-password", {{"currentPassword", "not the password"}, {"newPassword", "another long one"}})
              .status == 400);
  }
  for (const char* password : {"not the password", kPassword}) {
    CHECK(owner.post("/verify-password", {{"password", password}}).status == 429);
    CHECK(owner.post("/change-password", {{"currentPassword", password}, {"newPassword", "another long one"}}).status ==
          429);
    CHECK(owner.post("/delete-user", {{"password", password}}).status == 429);
  }
  CHECK(sign_in(owner).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "an address is sent so many reset mails, known or not, and signing in is no part of it") {
  for (const std::string email : {kEmail, "nobody@example.test"}) {
    for (int i = 0; i < 5; ++i) CHECK(stranger.post("/request-password-reset", {{"email", email}}).status == 200);
    CHECK(stranger.post("/request-password-reset", {{"email", email}}).status == 429);
  }
  CHECK(server.mailer.mails.size() == 5);
  CHECK(sign_in(owner).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "a mailbox is sent so many verification mails, from however many networks, known or not") {
  const auto ask = [&](const std::string& path, const std::string& email, int network) {
    Browser browser(server);
    browser.address = "203.0.113." + std::to_string(network);
    return browser.post(path, {{"email", email}});
  };
  for (const std::string name : {"ann", "nobody"}) {
    // Reset mails are mails to the same mailbox.
    for (int network = 1; network <= 2; ++network)
      CHECK(ask("/request-password-reset", name + "@example.test", network).status == 200);
    for (int network = 3; network <= 5; ++network)
      CHECK(ask("/send-verification-email", name + "@example.test", network).status == 200);
    const auto refused = ask("/send-verification-email", name + "@EXAMPLE.test", 6);
    CHECK(refused.status == 429);
    CHECK(refused.body == R"({"message":"Too many requests. Please try again later."})");
    CHECK(refused.header("Retry-After") == "1");
    CHECK(ask("/request-password-reset", name + "@example.test", 7).status == 429);
  }
  CHECK(server.mailer.mails.size() == 5);
}

TEST_CASE_FIXTURE(Fixture, "strangers who flood a mailbox do not keep its owner, who is signed in, from a mail") {
  for (int i = 0; i < 10; ++i) {
    server.clock.advance(minutes{1});
    REQUIRE(stranger.post("/request-password-reset", {{"email", kEmail}}).status == 200);
  }
  CHECK(stranger.post("/send-verification-email", {{"email", kEmail}}).header("Retry-After") == "900");
  server.mailer.mails.clear();
  // What sends no mail does not count.
  for (int i = 0; i < 9; ++i)
    CHECK(owner.post("/send-verification-email", {{"email", "nobody@example.test"}}).status == 400);
  for (int i = 0; i < 5; ++i) CHECK(owner.post("/send-verification-email", {{"email", kEmail}}).status == 200);
  CHECK(owner.post("/send-verification-email", {{"email", kEmail}}).status == 429);
  CHECK(server.mailer.mails.size() == 5);
  CHECK(sign_in(owner).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "who has an account of somebody's address does not flood that mailbox, nor another one") {
  server.settings.user.change_email.enabled = true;
  server.settings.user.delete_user.enabled = true;
  server.settings.user.delete_user.send_delete_account_verification = true;
  for (int i = 0; i < 3; ++i) CHECK(owner.post("/delete-user", {{"callbackURL", "/"}}).status == 200);
  // Whether the address is somebody's does not show here either.
  REQUIRE(stranger.sign_up("bob@example.test").status == 200);
  for (const char* address : {"new@example.test", "bob@example.test"})
    CHECK(owner.post("/change-email", {{"newEmail", address}}).status == 200);
  for (const char* address : {"new@example.test", "bob@example.test"}) {
    const auto refused = owner.post("/change-email", {{"newEmail", address}});
    CHECK(refused.status == 429);
    CHECK(refused.header("Retry-After") == "1");
  }
  CHECK(owner.post("/delete-user", {{"callbackURL", "/"}}).status == 429);
  CHECK(owner.post("/send-verification-email", {{"email", kEmail}}).status == 429);
  CHECK(server.mailer.mails.size() == 4);
  CHECK(sign_in(owner).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "a sign-in that sends a mail sends no more of them than fit into a mailbox") {
  server.settings.email_and_password.require_email_verification = true;
  server.settings.email_verification.send_on_sign_in = true;
  for (int i = 0; i < 8; ++i) {
    const auto answer = sign_in(owner);
    CHECK(answer.status == 403);
    CHECK(answer.header("Retry-After") == "");
  }
  CHECK(server.mailer.mails.size() == 5);
}

TEST_CASE_FIXTURE(Fixture, "invented reset tokens count for the network, a right one does not") {
  REQUIRE(owner.post("/request-password-reset", {{"email", kEmail}}).status == 200);
  const auto& url = server.mailer.mails.at(0).url;
  const auto from = url.rfind('/') + 1;
  const auto token = url.substr(from, url.find('?') - from);
  for (int i = 0; i < 50; ++i) {
    REQUIRE(stranger.post("/reset-password", {{"token", "invented"}, {"newPassword", "another long one"}}).status ==
            400);
  }
  CHECK(stranger.post("/reset-password", {{"token", token}, {"newPassword", "another long one"}}).status == 429);
  CHECK(owner.post("/reset-password", {{"token", token}, {"newPassword", "another long one"}}).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "a mailbox is locked no longer the more often it is asked for") {
  const auto ask = [&] { return stranger.post("/request-password-reset", {{"email", kEmail}}); };
  for (int i = 0; i < 10; ++i) {
    server.clock.advance(minutes{1});
    REQUIRE(ask().status == 200);
  }
  for (int i = 0; i < 3; ++i) {
    CHECK(ask().header("Retry-After") == "900");
    server.clock.advance(minutes{15});
    CHECK(ask().status == 200);
  }
  CHECK(server.mailer.mails.size() == 13);
}

TEST_CASE_FIXTURE(Fixture, "who sets a new password by mail can sign in with it, whatever strangers have tried") {
  Browser elsewhere(server);
  elsewhere.address = "198.51.100.77";
  REQUIRE(elsewhere.post("/request-password-reset", {{"email", kEmail}}).status == 200);
  const auto& url = server.mailer.mails.at(0).url;
  const auto from = url.rfind('/') + 1;
  const auto token = url.substr(from, url.find('?') - from);
  climb_to_lock();
  CHECK(sign_in(elsewhere).status == 429);
  const auto reset = [&](const char* with) {
    return elsewhere.post("/reset-password", {{"token", with}, {"newPassword", "another long one"}}).status;
  };
  CHECK(reset("invented") == 400);
  CHECK(sign_in(elsewhere, kEmail, "another long one").status == 429);
  CHECK(reset(token.c_str()) == 200);
  CHECK(sign_in(elsewhere, kEmail, "another long one").status == 200);
  // From then on it is the owner's network: strangers lock out strangers.
  climb_to_lock();
  CHECK(sign_in(stranger, kEmail, "another long one").status == 429);
  CHECK(sign_in(elsewhere, kEmail, "another long one").status == 200);
}

TEST_CASE_FIXTURE(Fixture, "a lock is an entry of the audit trail and a number, once") {
  climb_to_lock();
  for (int i = 0; i < 3; ++i) guess();
  int entries = 0;
  for (const auto& entry : server.audit.entries) {
    if (entry.note.event != auth::AuditEvent::attempts_locked) continue;
    ++entries;
    CHECK(entry.note.reason == "account");
    CHECK(entry.note.detail == "/sign-in/email");
    CHECK(entry.note.target.size() == 32);
  }
  CHECK(entries == 1);
  CHECK(server.attempt_counts.account_locks() == 1);
  CHECK(server.attempt_counts.network_locks() == 0);
}

TEST_CASE_FIXTURE(Fixture, "an attempt that is refused unseen is an entry of the audit trail, without what was typed") {
  const auto reasons = [&] {
    std::vector<std::string> seen;
    for (const auto& entry : server.audit.entries) {
      if (entry.note.event != auth::AuditEvent::auth_limited) continue;
      CHECK(entry.note.outcome == auth::AuditOutcome::failed);
      CHECK(entry.note.detail == "/sign-in/email");
      CHECK(entry.note.target == "");
      seen.push_back(entry.note.reason);
    }
    return seen;
  };
  for (int i = 0; i < 5; ++i) guess();
  CHECK(reasons().empty());
  CHECK(sign_in(stranger).status == 429);
  CHECK(reasons() == std::vector<std::string>{"ladder_wait"});
  server.audit.entries.clear();
  for (int i = 0; i < 5; ++i) {
    server.clock.advance(minutes{1});
    REQUIRE(guess().status == 401);
  }
  CHECK(sign_in(stranger).status == 429);
  CHECK(reasons() == std::vector<std::string>{"ladder_locked"});
}

TEST_CASE("what was never evaluated does not count, and neither does what was not allowed to be") {
  AuthServer server;
  Browser browser(server);
  REQUIRE(browser.sign_up(kEmail).status == 200);
  Browser other(server);
  const auto sign_in = [&](const char* password) {
    return other.post("/sign-in/email", {{"email", kEmail}, {"password", password}}).status;
  };
  for (int i = 0; i < 8; ++i) {
    // The statement after the look-up fails: the endpoint answers 500.
    server.database->interrupt_after(0, "SELECT nothing");
    CHECK(sign_in(kPassword) == 500);
    CHECK(other.post("/sign-in/email", {{"email", "no address"}, {"password", "x"}}).status == 400);
    CHECK(other.post("/sign-in/email", {{"email", kEmail}, {"password", std::string(129, 'x')}}).status == 400);
  }
  CHECK(sign_in(kPassword) == 200);
}

TEST_CASE("switched off, nothing waits") {
  auto settings = AuthServer::default_settings();
  settings.abuse_ladder.enabled = false;
  AuthServer server(settings);
  Browser browser(server);
  for (int i = 0; i < 12; ++i) {
    CHECK(browser.post("/sign-in/email", {{"email", kEmail}, {"password", "not the password"}}).status == 401);
  }
}
