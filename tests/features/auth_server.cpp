#include "tests/features/auth_server.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "auth/breached_passwords.hpp"
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

namespace gatehouse::tests {

boost::json::value Answer::json() const {
  return boost::json::parse(body);
}

std::string Answer::header(std::string_view name) const {
  for (const auto& [one, value] : headers) {
    if (one == name) return value;
  }
  return "";
}

std::vector<std::string> Answer::cookies() const {
  std::vector<std::string> lines;
  for (const auto& [one, value] : headers) {
    if (one == "Set-Cookie") lines.push_back(value);
  }
  return lines;
}

void RecordingMailer::send(outbound::Mail mail) {
  mails.push_back(std::move(mail));
}

void ScriptedHttp::start(outbound::HttpRequest request, Completion completion) {
  requests.push_back(request);
  if (!answer) {
    completion(std::make_exception_ptr(Failure(502, "outbound_unreachable", "nobody is there")), {});
  } else {
    completion(nullptr, answer(request));
  }
}

InterruptedDatabase::InterruptedDatabase(std::unique_ptr<storage::Database> inner) : inner_(std::move(inner)) {}

void InterruptedDatabase::interrupt_after(int statements, std::string_view sql) {
  left_ = statements;
  sql_ = sql;
}

Awaitable<storage::ResultSet> InterruptedDatabase::query(storage::Statement statement, storage::Parameters parameters) {
  co_await count();
  auto result = co_await inner_->query(statement, std::move(parameters));
  co_return result;
}

Awaitable<std::unique_ptr<storage::Transaction>> InterruptedDatabase::begin() {
  co_await count();
  auto transaction = co_await inner_->begin();
  co_return transaction;
}

Awaitable<> InterruptedDatabase::count() {
  if (left_-- == 0) co_await inner_->query({sql_}, {});
}

struct AuthServer::Parts {
  Parts(config::AuthSettings with, std::vector<std::string> trusted)
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
                            .audit = audit,
                            .attempts = &attempts,
                            .breached = settings.breached_passwords.enabled ? &breached : nullptr};
    dispatcher.emplace(
        services,
        std::vector<auth::Feature>{features::email_password(), features::sessions(), features::password_reset(),
                                   features::user_profile(), features::email_verification(), features::social_sign_in(),
                                   features::accounts()},
        &rate_limit);
  }
  ~Parts() { cache.stop(); }

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
  crypto::PasswordHasher passwords{
      random, clock, {.threads = 1, .queue_max = 32, .wait_max = std::chrono::minutes{10}}};
  RecordingMailer mailer;
  RecordingAudit audit;
  auth::Accounts accounts{*database, sessions, secrets, clock, random, settings.account};
  ScriptedHttp http;
  auth::oauth::Providers providers{settings, http, clock};
  auth::TrustedOrigins origins;
  auth::RateLimitMemory rate_counts{clock};
  auth::RateLimit rate_limit{{settings, rate_counts, *database, nullptr, clock, random}};
  auth::AttemptCounts attempt_counts;
  auth::Attempts attempts{{settings.abuse_ladder, attempt_counts, nullptr, clock, secret.reveal()}};
  auth::BreachedPasswords breached{settings.breached_passwords, http, clock};
  std::optional<auth::Dispatcher> dispatcher;
};

AuthServer::AuthServer(config::AuthSettings with, std::vector<std::string> trusted)
    : parts_(std::make_unique<Parts>(std::move(with), std::move(trusted))),
      settings(parts_->settings),
      secret(parts_->secret),
      clock(parts_->clock),
      random(parts_->random),
      context(parts_->context),
      database(parts_->database.get()),
      cache(parts_->cache),
      cookie_cache(parts_->cookie_cache),
      sessions(parts_->sessions),
      users(parts_->users),
      verifications(parts_->verifications),
      passwords(parts_->passwords),
      mailer(parts_->mailer),
      audit(parts_->audit),
      accounts(parts_->accounts),
      http(parts_->http),
      rate_counts(parts_->rate_counts),
      attempt_counts(parts_->attempt_counts),
      breached(parts_->breached),
      dispatcher(&*parts_->dispatcher) {}

AuthServer::~AuthServer() = default;

config::AuthSettings AuthServer::default_settings() {
  config::AuthSettings settings;
  settings.email_and_password.enabled = true;
  return settings;
}

Answer AuthServer::ask(auth::AuthRequest request) {
  auto refused = run_coroutine(context, dispatcher->admit(request));
  if (refused) return {refused->status, std::move(refused->body), std::move(refused->headers)};
  auto response = run_coroutine(context, dispatcher->dispatch(std::move(request)));
  return {response.status, std::move(response.body), std::move(response.headers)};
}

storage::ResultSet AuthServer::query(std::string_view sql) {
  return run_coroutine(context, database->query({sql}, {}));
}

Answer Browser::send(std::string method, std::string path, std::optional<std::string> body, auth::Headers headers) {
  auth::AuthRequest request;
  request.method = std::move(method);
  const auto query = path.find('?');
  request.path = path.substr(0, query);
  if (query != std::string::npos) request.query = path.substr(query + 1);
  request.client_address = address;
  request.network = address;
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

Answer Browser::get(std::string path, auth::Headers headers) {
  return send("GET", std::move(path), {}, std::move(headers));
}

Answer Browser::post(std::string path, const boost::json::value& body, auth::Headers headers) {
  return send("POST", std::move(path), boost::json::serialize(body), std::move(headers));
}

Answer Browser::sign_up(std::string email, std::string password) {
  return post("/sign-up/email", {{"name", "Ann"}, {"email", email}, {"password", password}});
}

std::string Browser::cookie_header() const {
  std::string all;
  for (const auto& [name, value] : cookies) all += (all.empty() ? "" : "; ") + name + "=" + value;
  return all;
}

void Browser::keep(const std::string& line) {
  const auto equals = line.find('=');
  const auto end = line.find(';');
  const auto name = line.substr(0, equals);
  if (line.find("Max-Age=0;") != std::string::npos) {
    cookies.erase(name);
  } else {
    cookies[name] = line.substr(equals + 1, end - equals - 1);
  }
}

}  // namespace gatehouse::tests
