// The pipeline of one thread without sockets towards the client: an edge in memory in front, SQLite in memory and a
// scripted upstream behind, a clock that the test moves, and the access log in a file.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "auth/oauth/providers.hpp"
#include "auth/users.hpp"
#include "pipeline/context.hpp"
#include "pipeline/pipeline.hpp"
#include "storage/open.hpp"
#include "tests/support/memory_exchange.hpp"
#include "tests/support/recording_audit.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/scripted_upstream.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gatehouse::tests {

// Counts what the store is asked, and is down when the test says so.
class WatchedDatabase final : public storage::Database {
 public:
  explicit WatchedDatabase(std::unique_ptr<storage::Database> behind) : behind_(std::move(behind)) {}
  storage::Engine engine() const override { return behind_->engine(); }
  Awaitable<storage::ResultSet> query(storage::Statement statement, storage::Parameters parameters) override;
  Awaitable<std::unique_ptr<storage::Transaction>> begin() override;

  int queries = 0;
  bool is_down = false;
  bool is_broken = false;

 private:
  const std::unique_ptr<storage::Database> behind_;
};

// Endpoints that answer {"ok":true}: GET /ok, and POST /read, which reads JSON.
auth::Feature test_feature();

// Upstream "demo" is the scripted one; base_url is https://www.example.com.
config::Configuration configure(std::uint16_t upstream_port, const std::string& routes, const std::string& gateway);

class PipelineWorld {
 public:
  explicit PipelineWorld(const std::string& routes, const std::string& gateway = "");
  // What still waits (a renewal, a connection of the upstream) goes while all that it refers to is still there.
  ~PipelineWorld();

  using Client = std::unique_ptr<MemoryExchange>;
  Client make_client(MemoryRequest request);
  Client send(MemoryRequest request);
  Client get(std::string target, std::vector<std::pair<std::string, std::string>> fields = {});
  Client post(std::string target, std::vector<std::pair<std::string, std::string>> fields = {}, std::string body = "x");

  // A user with a session; returns the session.
  auth::Session sign_in(const std::string& id = "u1", std::chrono::seconds age = {});
  auth::Session sign_in_again(const std::string& id = "u1", std::chrono::seconds age = {});
  // As the browser sends it.
  std::string cookie_of(const auth::Session& session);

  // The head that the upstream got last, in whole.
  std::string upstream_saw();
  bool upstream_was_reached() const { return upstream.connections() > 0; }

  // The lines so far. Ends the log.
  std::vector<boost::json::object> log_lines();
  std::string log_path() const;

 private:
  const TemporaryFolder folder_;
  // Closed after the thread that writes to it has ended.
  struct LogFile {
    explicit LogFile(const std::string& path);
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;
    ~LogFile();
    const int descriptor;
  };
  const LogFile log_file_{log_path()};

 public:
  struct IoContext : asio::io_context {
    using asio::execution_context::shutdown;
  };
  IoContext io;
  ManualClock clock;
  SystemRandom random;
  Deadlines deadlines{clock.steady()};
  ScriptedUpstream upstream{io};
  const config::Configuration configuration;
  const config::AuthSettings& settings = configuration.gateway.auth;
  std::unique_ptr<storage::Store> store = storage::open_store(Secret("sqlite::memory:")).value();
  WatchedDatabase database{store->connect(io.get_executor())};
  auth::SessionCache cache{clock};
  auth::Sessions sessions{database, cache, clock, random, settings.session, {}};
  auth::Users users{database, sessions, clock};
  auth::SessionCookie cookies{settings, configuration.gateway.base_url, configuration.gateway.secret};
  crypto::PasswordHasher passwords{random, clock, {.threads = 1, .queue_max = 8}};
  auth::TrustedOrigins origins{configuration.gateway.base_url, configuration.gateway.trusted_origins};
  auth::AssertionSigner signer{configuration.gateway.secret, "https://www.example.com"};
  const auth::Secrets secrets{configuration.gateway};
  auth::Verifications verifications{database, nullptr, clock, random, settings.verification, {}};
  outbound::NoMailer mailer;
  const auth::CookieCache cookie_cache{settings.session.cookie_cache, secrets, random};
  auth::Accounts accounts{database, sessions, secrets, clock, random, settings.account};
  outbound::NoHttpClient http;
  RecordingAudit audit;
  auth::oauth::Providers providers{settings, http, clock};
  auth::Services services{.database = database,
                          .sessions = sessions,
                          .verifications = verifications,
                          .cookie = cookies,
                          .passwords = passwords,
                          .mailer = mailer,
                          .origins = origins,
                          .settings = settings,
                          .base_url = configuration.gateway.base_url,
                          .clock = clock,
                          .random = random,
                          .users = users,
                          .secrets = secrets,
                          .cookie_cache = cookie_cache,
                          .accounts = accounts,
                          .providers = providers,
                          .http = http,
                          .audit = audit};
  auth::Dispatcher dispatcher{services, {test_feature()}};
  pipeline::RateLimiter limiter{random, 4096};
  pipeline::LiveExchanges live;
  pipeline::AccessLog access_log{log_file_.descriptor};
  pipeline::ThreadMetrics metrics;
  pipeline::Pipeline pipeline{
      {io, deadlines, clock, random, sessions, cookies, dispatcher, origins, signer, limiter, live, access_log, audit,
       metrics, [](std::string_view server_name, std::string_view) { return server_name != "elsewhere.example"; }},
      std::make_shared<const pipeline::Site>(configuration)};
};

}  // namespace gatehouse::tests
