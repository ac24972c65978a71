// The auth server in process: the dispatcher with all features over an SQLite database in memory, a clock that stands
// still, and a browser that keeps cookies.
#pragma once
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/dispatcher.hpp"
#include "auth/oauth/providers.hpp"
#include "base/failure.hpp"
#include "features/accounts/accounts_feature.hpp"
#include "features/email_password/email_password_feature.hpp"
#include "features/email_verification/email_verification_feature.hpp"
#include "features/password_reset/password_reset_feature.hpp"
#include "features/sessions/sessions_feature.hpp"
#include "features/social_sign_in/social_sign_in_feature.hpp"
#include "features/user_profile/user_profile_feature.hpp"
#include "storage/field_migrations.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"
#include "tests/support/recording_audit.hpp"
#include "tests/support/run_coroutine.hpp"

namespace gatehouse::tests {

struct Answer {
  int status = 0;
  std::string body;
  auth::Headers headers;

  boost::json::value json() const { return boost::json::parse(body); }
  std::string header(std::string_view name) const {
    for (const auto& [one, value] : headers) {
      if (one == name) return value;
    }
    return "";
  }
  std::vector<std::string> cookies() const {
    std::vector<std::string> lines;
    for (const auto& [one, value] : headers) {
      if (one == "Set-Cookie") lines.push_back(value);
    }
    return lines;
  }
};

// Keeps the mails instead of sending them.
class RecordingMailer final : public outbound::Mailer {
 public:
  void send(outbound::Mail mail) override { mails.push_back(std::move(mail)); }
  bool is_available() const override { return available; }

  std::vector<outbound::Mail> mails;
  bool available = true;
};

// Answers instead of identity providers: at once, on the caller's thread.
class ScriptedHttp final : public outbound::HttpClient {
 public:
  void start(outbound::HttpRequest request, Completion completion) override {
    requests.push_back(request);
    if (!answer) {
      completion(std::make_exception_ptr(Failure(502, "outbound_unreachable", "nobody is there")), {});
    } else {
      completion(nullptr, answer(request));
    }
  }

  std::vector<outbound::HttpRequest> requests;
  std::function<outbound::HttpResponse(const outbound::HttpRequest&)> answer;
};

// Lets a statement of a test's come between those of the server.
class InterruptedDatabase final : public storage::Database {
 public:
  explicit InterruptedDatabase(std::unique_ptr<storage::Database> inner) : inner_(std::move(inner)) {}

  // After that many more statements, once; a transaction is one.
  void interrupt_after(int statements, std::string_view sql) {
    left_ = statements;
    sql_ = sql;
  }

  storage::Engine engine() const override { return inner_->engine(); }
  Awaitable<storage::ResultSet> query(storage::Statement statement, storage::Parameters parameters) override {
    co_await count();
    auto result = co_await inner_->query(statement, std::move(parameters));
    co_return result;
  }
  Awaitable<std::unique_ptr<storage::Transaction>> begin() override {
    co_await count();
    auto transaction = co_await inner_->begin();
    co_return transaction;
  }

 private:
  Awaitable<> count() {
    if (left_-- == 0) co_await inner_->query({sql_}, {});
  }

  std::unique_ptr<storage::Database> inner_;
  int left_ = -1;
  std::string_view sql_;
};

class AuthServer {
 public:
  explicit AuthServer(config::AuthSettings with = default_settings(), std::vector<std::string> trusted = {})
      : settings(std::move(with)), origins(base_url, trusted) {
    auto migrator = storage::make_migrator(*database, clock, {"rate_limit"},
                                           storage::field_migrations(settings, database->engine()));
    run_coroutine(context, migrator.apply());
    auth::Services services{.database = *database,
                            .sessions = sessions,
                            .verifications = verifications,
                            .cookie = cookie,
                            .passwords = passwords,
                            .mailer = mailer,
                            .origins = origins,
                            .settings = settings,
                            .base_url = base_url,
                            .clock = clock,
                            .random = random,
                            .users = users,
                            .secrets = secrets,
                            .cookie_cache = cookie_cache,
                            .accounts = accounts,
                            .providers = providers,
                            .http = http,
                            .audit = audit};
    dispatcher.emplace(
        services,
        std::vector<auth::Feature>{features::email_password(), features::sessions(), features::password_reset(),
                                   features::user_profile(), features::email_verification(), features::social_sign_in(),
                                   features::accounts()},
        &rate_limit);
  }
  ~AuthServer() { cache.stop(); }

  static config::AuthSettings default_settings() {
    config::AuthSettings settings;
    settings.email_and_password.enabled = true;
    return settings;
  }

  Answer ask(auth::AuthRequest request) {
    auto refused = run_coroutine(context, dispatcher->admit(request));
    if (refused) return {refused->status, std::move(refused->body), std::move(refused->headers)};
    auto response = run_coroutine(context, dispatcher->dispatch(std::move(request)));
    return {response.status, std::move(response.body), std::move(response.headers)};
  }

  storage::ResultSet query(std::string_view sql) { return run_coroutine(context, database->query({sql}, {})); }

  config::AuthSettings settings;
  config::Origin base_url{"http", "auth.example.test", 80};
  Secret secret{"a secret of at least 32 bytes, yes!"};
  const auth::Secrets secrets{{}, secret};
  ManualClock clock;
  SystemRandom random;
  asio::io_context context;
  std::unique_ptr<storage::Store> store = storage::open_store(Secret("sqlite::memory:")).value();
  std::unique_ptr<InterruptedDatabase> database =
      std::make_unique<InterruptedDatabase>(store->connect(context.get_executor()));
  auth::SessionCache cache{clock};
  const auth::RowFields fields{auth::AdditionalFields(settings.user.additional_fields),
                               auth::AdditionalFields(settings.session.additional_fields)};
  const auth::CookieCache cookie_cache{settings.session.cookie_cache, secrets, random, fields};
  auth::Sessions sessions{*database, cache, clock, random, settings.session, {}, nullptr, fields};
  auth::Users users{*database, sessions, clock, fields.user};
  auth::Verifications verifications{*database, nullptr, clock, random, settings.verification, {}};
  auth::SessionCookie cookie{settings, base_url, secret};
  crypto::PasswordHasher passwords{random, {.threads = 1, .queue_max = 32}};
  RecordingMailer mailer;
  RecordingAudit audit;
  auth::Accounts accounts{*database, sessions, secrets, clock, random, settings.account};
  ScriptedHttp http;
  auth::oauth::Providers providers{settings, http, clock};
  auth::TrustedOrigins origins;
  auth::RateLimitMemory rate_counts{clock};
  auth::RateLimit rate_limit{{settings, rate_counts, *database, nullptr, clock, random}};
  std::optional<auth::Dispatcher> dispatcher;
};

// Sends Origin and its cookies, and keeps those that it gets.
class Browser {
 public:
  explicit Browser(AuthServer& server) : server_(server) {}

  Answer send(std::string method, std::string path, std::optional<std::string> body = {}, auth::Headers headers = {}) {
    auth::AuthRequest request;
    request.method = std::move(method);
    const auto query = path.find('?');
    request.path = path.substr(0, query);
    if (query != std::string::npos) request.query = path.substr(query + 1);
    request.client_address = "192.0.2.1";
    request.headers = std::move(headers);
    if (!request.header("origin")) request.headers.emplace_back("origin", "http://auth.example.test");
    if (!request.header("user-agent")) request.headers.emplace_back("user-agent", "Test/1.0");
    if (body && !request.header("content-type")) request.headers.emplace_back("content-type", "application/json");
    if (!cookies.empty() && !request.header("cookie")) request.headers.emplace_back("cookie", cookie_header());
    request.body = std::move(body);
    auto answer = server_.ask(std::move(request));
    for (const auto& line : answer.cookies()) keep(line);
    return answer;
  }
  Answer get(std::string path, auth::Headers headers = {}) {
    return send("GET", std::move(path), {}, std::move(headers));
  }
  Answer post(std::string path, const boost::json::value& body, auth::Headers headers = {}) {
    return send("POST", std::move(path), boost::json::serialize(body), std::move(headers));
  }
  Answer sign_up(std::string email, std::string password = "correct horse battery") {
    return post("/sign-up/email", {{"name", "Ann"}, {"email", email}, {"password", password}});
  }

  std::string cookie_header() const {
    std::string all;
    for (const auto& [name, value] : cookies) all += (all.empty() ? "" : "; ") + name + "=" + value;
    return all;
  }

  std::map<std::string, std::string> cookies;

 private:
  void keep(const std::string& line) {
    const auto equals = line.find('=');
    const auto end = line.find(';');
    const auto name = line.substr(0, equals);
    if (line.find("Max-Age=0;") != std::string::npos) {
      cookies.erase(name);
    } else {
      cookies[name] = line.substr(equals + 1, end - equals - 1);
    }
  }

  AuthServer& server_;
};

}  // namespace gatehouse::tests
