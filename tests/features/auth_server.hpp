// The auth server in process: the dispatcher with all features over an SQLite database in memory, a clock that stands
// still, and a browser that keeps cookies. What it is made of is only named here, so that a test compiles what it uses:
// whoever calls a member includes its header.
#pragma once
#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/auth_request.hpp"
#include "base/clock.hpp"
#include "config/configuration.hpp"
#include "outbound/http_client.hpp"
#include "outbound/mailer.hpp"
#include "storage/database.hpp"
#include "tests/support/recording_audit.hpp"
#include "tests/support/run_coroutine.hpp"

namespace gatehouse {
class SystemRandom;
}

namespace gatehouse::crypto {
class PasswordHasher;
}

namespace gatehouse::auth {
class Accounts;
class AttemptCounts;
class BreachedPasswords;
class CookieCache;
class Dispatcher;
class RateLimitMemory;
class SessionCache;
class Sessions;
class Users;
class Verifications;
}  // namespace gatehouse::auth

namespace gatehouse::tests {

struct Answer {
  int status = 0;
  std::string body;
  auth::Headers headers;

  boost::json::value json() const;
  std::string header(std::string_view name) const;
  std::vector<std::string> cookies() const;
};

// Keeps the mails instead of sending them.
class RecordingMailer final : public outbound::Mailer {
 public:
  void send(outbound::Mail mail) override;
  bool is_available() const override { return available; }

  std::vector<outbound::Mail> mails;
  bool available = true;
};

// Answers instead of identity providers: at once, on the caller's thread.
class ScriptedHttp final : public outbound::HttpClient {
 public:
  void start(outbound::HttpRequest request, Completion completion) override;

  std::vector<outbound::HttpRequest> requests;
  std::function<outbound::HttpResponse(const outbound::HttpRequest&)> answer;
};

// Lets a statement of a test's come between those of the server.
class InterruptedDatabase final : public storage::Database {
 public:
  explicit InterruptedDatabase(std::unique_ptr<storage::Database> inner);

  // After that many more statements, once; a transaction is one.
  void interrupt_after(int statements, std::string_view sql);

  storage::Engine engine() const override { return inner_->engine(); }
  Awaitable<storage::ResultSet> query(storage::Statement statement, storage::Parameters parameters) override;
  Awaitable<std::unique_ptr<storage::Transaction>> begin() override;

 private:
  Awaitable<> count();

  std::unique_ptr<storage::Database> inner_;
  int left_ = -1;
  std::string_view sql_;
};

class AuthServer {
  struct Parts;
  const std::unique_ptr<Parts> parts_;

 public:
  explicit AuthServer(config::AuthSettings with = default_settings(), std::vector<std::string> trusted = {});
  ~AuthServer();

  static config::AuthSettings default_settings();

  Answer ask(auth::AuthRequest request);
  storage::ResultSet query(std::string_view sql);

  config::AuthSettings& settings;
  const Secret& secret;
  ManualClock& clock;
  SystemRandom& random;
  asio::io_context& context;
  InterruptedDatabase* const database;
  auth::SessionCache& cache;
  const auth::CookieCache& cookie_cache;
  auth::Sessions& sessions;
  auth::Users& users;
  auth::Verifications& verifications;
  crypto::PasswordHasher& passwords;
  RecordingMailer& mailer;
  RecordingAudit& audit;
  auth::Accounts& accounts;
  ScriptedHttp& http;
  auth::RateLimitMemory& rate_counts;
  auth::AttemptCounts& attempt_counts;
  auth::BreachedPasswords& breached;
  auth::Dispatcher* const dispatcher;
};

// Sends Origin and its cookies, and keeps those that it gets.
class Browser {
 public:
  explicit Browser(AuthServer& server) : server_(server) {}

  Answer send(std::string method, std::string path, std::optional<std::string> body = {}, auth::Headers headers = {});
  Answer get(std::string path, auth::Headers headers = {});
  Answer post(std::string path, const boost::json::value& body, auth::Headers headers = {});
  Answer sign_up(std::string email, std::string password = "correct horse battery");

  std::string cookie_header() const;

  std::map<std::string, std::string> cookies;
  std::string address = "192.0.2.1";

 private:
  void keep(const std::string& line);

  AuthServer& server_;
};

}  // namespace gatehouse::tests
