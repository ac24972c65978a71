// The pipeline of one thread without sockets towards the client: an edge in memory in front, SQLite in memory and a
// scripted upstream behind, a clock that the test moves, and the access log in a file.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "auth/oauth/providers.hpp"
#include "auth/query.hpp"
#include "auth/users.hpp"
#include "pipeline/context.hpp"
#include "pipeline/pipeline.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"
#include "tests/config/loading.hpp"
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
  Awaitable<storage::ResultSet> query(storage::Statement statement, storage::Parameters parameters) override {
    ++queries;
    if (is_down) throw Failure(503, "database_unavailable", "the test took the store away");
    if (is_broken) throw storage::StatementError("the test broke the statement");
    return behind_->query(statement, std::move(parameters));
  }
  Awaitable<std::unique_ptr<storage::Transaction>> begin() override { return behind_->begin(); }

  int queries = 0;
  bool is_down = false;
  bool is_broken = false;

 private:
  const std::unique_ptr<storage::Database> behind_;
};

inline Awaitable<Result<auth::Reply>> answer_ok(auth::EndpointCall&) {
  co_return auth::Reply{.status = 200, .content_type = "application/json", .body = "{\"ok\":true}"};
}

inline auth::Feature test_feature() {
  auth::Feature feature;
  feature.name = "test";
  auth::Endpoint endpoint;
  endpoint.method = "GET";
  endpoint.path = "/ok";
  endpoint.handler = answer_ok;
  feature.endpoints.push_back(std::move(endpoint));
  endpoint = {};
  endpoint.method = "POST";
  endpoint.path = "/read";
  endpoint.body_kind = auth::BodyKind::json;
  endpoint.handler = answer_ok;
  feature.endpoints.push_back(std::move(endpoint));
  return feature;
}

// Upstream "demo" is the scripted one; base_url is https://www.example.com.
inline config::Configuration configure(std::uint16_t upstream_port, const std::string& routes,
                                       const std::string& gateway) {
  return config::load_text("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}" + gateway +
                           "}\nupstreams:\n  demo: {servers: [\"http://127.0.0.1:" + std::to_string(upstream_port) +
                           "\"]}\nroutes:\n" + routes);
}

class PipelineWorld {
 public:
  explicit PipelineWorld(const std::string& routes, const std::string& gateway = "")
      : configuration(configure(upstream.port(), routes, gateway)) {
    auto migrator = storage::make_migrator(database, clock);
    run_coroutine(io, migrator.apply());
    database.queries = 0;
    upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  }
  // What still waits (a renewal, a connection of the upstream) goes while all that it refers to is still there.
  ~PipelineWorld() {
    cache.stop();
    io.shutdown();
  }

  using Client = std::unique_ptr<MemoryExchange>;
  Client make_client(MemoryRequest request) {
    if (request.host == "app.example") request.host = "www.example.com";
    auto client = std::make_unique<MemoryExchange>(io, std::move(request));
    client->exchange().started = clock.steady();
    return client;
  }
  Client send(MemoryRequest request) {
    auto client = make_client(std::move(request));
    run_coroutine(io, pipeline.handle(client->exchange()));
    return client;
  }
  Client get(std::string target, std::vector<std::pair<std::string, std::string>> fields = {}) {
    return send({.target = std::move(target), .fields = std::move(fields)});
  }
  Client post(std::string target, std::vector<std::pair<std::string, std::string>> fields = {},
              std::string body = "x") {
    return send({.method = "POST", .target = std::move(target), .fields = std::move(fields), .body = std::move(body)});
  }

  // A user with a session; returns the session.
  auth::Session sign_in(const std::string& id = "u1", std::chrono::seconds age = {}) {
    auth::User user;
    user.id = id;
    user.name = "Ann";
    user.email = id + "@example.com";
    user.created_at = user.updated_at = clock.now();
    run_coroutine(io, auth::run(database, users.insert(user)));
    return sign_in_again(id, age);
  }
  auth::Session sign_in_again(const std::string& id = "u1", std::chrono::seconds age = {}) {
    auth::NewSession values;
    values.user_id = id;
    auto session = sessions.make(std::move(values));
    session.created_at = session.updated_at = clock.now() - age;
    session.expires_at -= age;
    run_coroutine(io, auth::run(database, sessions.insert(session)));
    database.queries = 0;
    return session;
  }
  // As the browser sends it.
  std::string cookie_of(const auth::Session& session) {
    const auto line = cookies.set_session(session.token, true);
    return line.substr(0, line.find(';'));
  }

  // The head that the upstream got last, in whole.
  std::string upstream_saw() {
    const std::string all = upstream.connections() == 0 ? "" : upstream.peer(upstream.connections() - 1).received();
    const auto end = all.rfind("\r\n\r\n");
    if (end == std::string::npos) return "";
    const auto before = all.rfind("\r\n\r\n", end - 1);
    return all.substr(before == std::string::npos ? 0 : before + 4);
  }
  bool upstream_was_reached() const { return upstream.connections() > 0; }

  // The lines so far. Ends the log.
  std::vector<boost::json::object> log_lines() {
    pipeline.tick();
    access_log.stop();
    std::ifstream file(log_path());
    std::vector<boost::json::object> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(boost::json::parse(line).as_object());
    return lines;
  }
  std::string log_path() const { return (folder_.path() / "access.log").string(); }

 private:
  const TemporaryFolder folder_;
  // Closed after the thread that writes to it has ended.
  struct LogFile {
    explicit LogFile(const std::string& path)
        : descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;
    ~LogFile() { ::close(descriptor); }
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
  crypto::PasswordHasher passwords{random, {.threads = 1, .queue_max = 8}};
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
