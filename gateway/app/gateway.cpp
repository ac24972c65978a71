#include "app/gateway.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <thread>

#include "app/change_follower.hpp"
#include "app/migrated_features.hpp"
#include "app/worker.hpp"
#include "base/failure.hpp"
#include "base/iso_time.hpp"
#include "base/log.hpp"
#include "edge/listener.hpp"
#include "outbound/outbox.hpp"
#include "outbound/queued_mailer.hpp"
#include "outbound/smtp_transport.hpp"
#include "storage/field_migrations.hpp"
#include "storage/migrator.hpp"
#include "storage/purge.hpp"

namespace gatehouse::app {

namespace {

constexpr std::uint32_t kInternalConnectionsMax = 256;
constexpr std::chrono::seconds kStoreCheckEvery{2};
constexpr std::chrono::milliseconds kPurgeTime{200};  // of each second, while there is something to purge
constexpr std::chrono::days kCertificateWarnBefore{21};

// Runs one coroutine of the main thread to its end. Not the io_context to its own: an idle connection to PostgreSQL
// keeps waiting for its server to go away.
template <class T>
T run_to_end(asio::io_context& io, Awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr failed;
  // What happened since the last call: a connection that the server has closed must not be used.
  io.restart();
  io.poll();
  asio::co_spawn(io.get_executor(), std::move(work), [&](const std::exception_ptr& error, T value) {
    failed = error;
    if (!error) result = std::move(value);
  });
  io.restart();
  while (!failed && !result) io.run_one();
  if (failed) std::rethrow_exception(failed);
  return std::move(*result);
}

// Every connection needs a descriptor, and one more at its upstream.
void raise_descriptor_limit(std::uint32_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = rlim_t{connections} * 2 + 256;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < rlim_t{connections} * 2)
    log::warn("only {} file descriptors for limits.connections {}", limit.rlim_cur, connections);
}

std::unique_ptr<storage::Store> open_store_or_throw(const Secret& url) {
  auto store = storage::open_store(url);
  if (!store) throw StartError("database: " + store.error());
  return std::move(*store);
}

// Prepared statements of other clients are there, and ours are not.
std::string_view pooler_hint(std::string_view error) {
  if (!error.contains("SQLSTATE 42P05") && !error.contains("SQLSTATE 26000")) return "";
  return "is there a pooler in transaction mode? Give the gateway a direct connection, or session mode: ";
}

std::unique_ptr<cache::SharedCache> open_redis_or_throw(const Secret& url) {
  if (url.reveal().empty()) return nullptr;
  auto redis = cache::open_redis(url);
  if (!redis) throw StartError("redis: " + redis.error());
  return std::move(*redis);
}

std::unique_ptr<outbound::QueuedMailer> make_mailer(const config::Gateway& settings, const Clock& clock,
                                                    Random& random) {
  const config::MailSettings& mail = settings.mail;
  if (mail.host.empty() && mail.outbox.empty()) return nullptr;
  try {
    outbound::MailTemplates templates(settings.auth.app_name, mail.templates);
    std::unique_ptr<outbound::MailTransport> transport;
    if (mail.host.empty()) {
      transport = std::make_unique<outbound::Outbox>(mail.outbox);
    } else {
      transport = std::make_unique<outbound::SmtpTransport>(mail, settings.base_url.host);
    }
    const outbound::QueuedMailer::Settings queue{.from = mail.from, .queue_max = mail.queue};
    return std::make_unique<outbound::QueuedMailer>(queue, std::move(templates), std::move(transport), clock, random);
  } catch (const std::runtime_error& error) {
    throw StartError(fmt::format("mail: {}", error.what()));
  }
}

// Absent: the table of counters is not used.
std::optional<std::chrono::seconds> find_rate_limit_window(const config::Gateway& settings) {
  if (!counts_in_database(settings.auth)) return std::nullopt;
  return auth::longest_window(settings.auth.rate_limit);
}

// As OpenSSL's own tools read it: who has certificates of an authority of their own names them there.
std::string process_ca_file() {
  const char* file = std::getenv("SSL_CERT_FILE");
  return file != nullptr ? file : "";
}

std::unique_ptr<edge::TlsContext> make_tls(const config::Gateway& settings) {
  if (!settings.listen.https) return nullptr;
  try {
    return std::make_unique<edge::TlsContext>(settings.tls);
  } catch (const std::exception& error) {
    throw StartError(fmt::format("tls: {}", error.what()));
  }
}

}  // namespace

class Gateway::Parts {
 public:
  Parts(config::Configuration configuration, int access_log);

  void reload(config::Configuration configuration);
  bool drain();
  void tick();

 private:
  void open_workers();
  Readiness readiness() const;
  std::string_view redis_state() const;
  std::vector<int> open_listener(const std::optional<config::SocketAddress>& address, const char* name);
  void add_metrics();
  void add_outbound_metrics();
  void add_redis_metrics();
  void add_mail_metrics();
  Awaitable<storage::SchemaFacts> prepare_schema();
  void check_store();
  void purge_expired();
  void reload_certificates();

  pipeline::SitePtr site_;
  const config::Gateway settings_;
  const unsigned threads_;
  SystemClock clock_;
  SystemRandom random_;
  asio::io_context main_io_{1};
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Database> main_database_;
  storage::Purger purger_;
  std::unique_ptr<cache::SharedCache> redis_;
  std::optional<auth::SessionTrust> session_trust_;
  std::unique_ptr<edge::TlsContext> tls_;
  edge::ConnectionLimits connection_limits_;
  edge::ConnectionLimits internal_limits_{kInternalConnectionsMax, kInternalConnectionsMax};
  auth::SessionCache session_cache_;
  auth::RateLimitMemory auth_rate_counts_{clock_};
  crypto::PasswordHasher passwords_;
  outbound::NoMailer no_mailer_;
  std::unique_ptr<outbound::QueuedMailer> mailer_;  // null: no mails can be sent
  outbound::CurlHttpClient http_;
  auth::oauth::Providers providers_;
  auth::TrustedOrigins origins_;
  const auth::Secrets secrets_;
  const auth::CookieCache cookie_cache_;
  auth::AssertionSigner signer_;
  pipeline::RateLimiter limiter_;
  pipeline::LiveExchanges live_;
  pipeline::AccessLog access_log_;
  pipeline::Metrics metrics_;
  InternalSources internal_;
  std::atomic<bool> store_ready_{false};
  std::atomic<bool> draining_{false};
  bool schema_ready_ = false;
  storage::SchemaFacts schema_;
  std::string schema_problem_;  // told already
  SteadyTime store_checked_{};
  SteadyTime next_purge_{};
  SteadyTime certificate_warned_{};
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  ChangeFollower follower_;  // ends exchanges on the workers' threads
};

Gateway::Parts::Parts(config::Configuration configuration, int access_log)
    : site_(std::make_shared<const pipeline::Site>(std::move(configuration))),
      settings_(site_->configuration.gateway),
      threads_(settings_.threads > 0 ? settings_.threads : std::max(1u, std::thread::hardware_concurrency())),
      store_(open_store_or_throw(settings_.database.url)),
      main_database_(store_->connect(main_io_.get_executor())),
      purger_(*main_database_, clock_,
              {.sessions = settings_.auth.session.preserve_session_in_database,
               .verifications = settings_.auth.verification.disable_cleanup},
              find_rate_limit_window(settings_)),
      redis_(open_redis_or_throw(settings_.redis)),
      tls_(make_tls(settings_)),
      connection_limits_(settings_.limits.connections, settings_.limits.per_address),
      session_cache_(clock_, {.staleness_max = settings_.auth.session.staleness_max,
                              .serve_on_outage = settings_.auth.session.serve_cached_on_outage}),
      passwords_(random_, {}),
      mailer_(make_mailer(settings_, clock_, random_)),
      http_({.ca_file = process_ca_file()}),
      providers_(settings_.auth, http_, clock_),
      origins_(settings_.base_url, settings_.trusted_origins),
      secrets_(settings_),
      cookie_cache_(settings_.auth.session.cookie_cache, secrets_, random_,
                    {auth::AdditionalFields(settings_.auth.user.additional_fields),
                     auth::AdditionalFields(settings_.auth.session.additional_fields)}),
      signer_(secrets_.current(), site_->base_url),
      limiter_(random_),
      access_log_(access_log),
      follower_({*store_, session_cache_, live_, clock_, random_, settings_.auth.session, redis_.get(),
                 redis_ ? &session_trust_.emplace(*redis_, clock_) : nullptr}) {
  raise_descriptor_limit(settings_.limits.connections);
  for (const auto& text : site_->configuration.unsafe) log::warn("insecure setting: {}", text);
  for (const auto& text : site_->configuration.notes) log::info("{}", text);
  check_store();
  session_cache_.on_session_ended([this](const std::string& token) { live_.end_session(token); });
  internal_.readiness = [this] { return readiness(); };
  internal_.metrics = [this] { return metrics_.to_text(); };
  internal_.jwks = signer_.jwks();
  follower_.add_metrics(metrics_);
  add_metrics();
  follower_.start();
  open_workers();
}

// A feed that does not follow makes requests dearer and tunnels end later, but no answer wrong; so does Redis, unless
// it alone has the sessions.
Readiness Gateway::Parts::readiness() const {
  const bool store = store_ready_.load(std::memory_order_relaxed);
  const bool draining = draining_.load(std::memory_order_relaxed);
  const bool needs_redis = redis_ && !settings_.auth.session.store_in_database;
  const bool redis = !needs_redis || redis_->health().up;
  return {store && redis && !draining,
          fmt::format("database: {}\nfeed: {}\n{}{}", store ? "ready" : "not ready", follower_.state(),
                      redis_ ? fmt::format("redis: {}\n", redis_state()) : "", draining ? "draining\n" : "")};
}

// For people.
std::string_view Gateway::Parts::redis_state() const {
  if (!redis_->health().up) return "not ready";
  const bool counts = !settings_.auth.session.store_in_database || !session_trust_->view().epoch.empty();
  return counts ? "ready" : "connected";
}

void Gateway::Parts::open_workers() {
  const auto& listen = settings_.listen;
  const auto https = open_listener(listen.https, "https");
  const auto http = open_listener(listen.http, "http");
  const auto insecure_http = open_listener(listen.insecure_http, "insecure_http");
  const auto internal = open_listener(listen.internal, "internal");
  shared_ = std::make_unique<Shared>(Shared{.settings = settings_,
                                            .clock = clock_,
                                            .random = random_,
                                            .store = *store_,
                                            .redis = redis_.get(),
                                            .session_trust = session_trust_ ? &*session_trust_ : nullptr,
                                            .session_cache = session_cache_,
                                            .auth_rate_counts = auth_rate_counts_,
                                            .passwords = passwords_,
                                            .mailer = mailer_ ? static_cast<outbound::Mailer&>(*mailer_) : no_mailer_,
                                            .http = http_,
                                            .providers = providers_,
                                            .origins = origins_,
                                            .secrets = secrets_,
                                            .cookie_cache = cookie_cache_,
                                            .signer = signer_,
                                            .limiter = limiter_,
                                            .live = live_,
                                            .access_log = access_log_,
                                            .connection_limits = connection_limits_,
                                            .internal_limits = internal_limits_,
                                            .tls = tls_.get(),
                                            .internal = internal_,
                                            .schema = schema_});
  const auto of = [](const std::vector<int>& descriptors, unsigned i) {
    return descriptors.empty() ? -1 : descriptors[i];
  };
  for (unsigned i = 0; i < threads_; ++i) {
    const WorkerListeners listeners{of(https, i), of(http, i), of(insecure_http, i), of(internal, i)};
    workers_.push_back(std::make_unique<Worker>(*shared_, site_, listeners, metrics_.add_thread()));
  }
  for (const auto& worker : workers_) worker->start();
}

std::vector<int> Gateway::Parts::open_listener(const std::optional<config::SocketAddress>& address, const char* name) {
  if (!address) return {};
  try {
    auto listeners = edge::open_listeners(*address, threads_);
    log::info("listening listener={} address={}", name, edge::to_string(listeners.address));
    return std::move(listeners.descriptors);
  } catch (const std::exception& error) {
    throw StartError(fmt::format("listen.{}: {}", name, error.what()));
  }
}

void Gateway::Parts::add_metrics() {
  metrics_.add_value("gatehouse_connections_open", "Client connections that are open.", "gauge",
                     [this] { return connection_limits_.open(); });
  metrics_.add_value("gatehouse_connections_refused_total", "Client connections closed at accept because of a limit.",
                     "counter", [this] { return static_cast<double>(connection_limits_.refused()); });
  metrics_.add_value("gatehouse_sessions_cached", "Sessions in the in-process cache.", "gauge",
                     [this] { return static_cast<double>(session_cache_.size()); });
  metrics_.add_value("gatehouse_live_exchanges", "Tunnels and streams that are open under a session.", "gauge",
                     [this] { return static_cast<double>(live_.size()); });
  metrics_.add_value("gatehouse_access_log_dropped_total", "Access-log lines that were dropped.", "counter",
                     [this] { return static_cast<double>(access_log_.dropped()); });
  metrics_.add_value("gatehouse_store_ready", "1 when the store answers and its schema is current.", "gauge",
                     [this] { return store_ready_.load(std::memory_order_relaxed) ? 1.0 : 0.0; });
  metrics_.add_value("gatehouse_purged_sessions_total", "Expired sessions that this gateway deleted.", "counter",
                     [this] { return static_cast<double>(purger_.sessions()); });
  metrics_.add_value("gatehouse_purged_verifications_total", "Expired verifications that this gateway deleted.",
                     "counter", [this] { return static_cast<double>(purger_.verifications()); });
  metrics_.add_value("gatehouse_purged_rate_limits_total", "Old counters of auth endpoints that this gateway deleted.",
                     "counter", [this] { return static_cast<double>(purger_.rate_limits()); });
  metrics_.add_value("gatehouse_auth_limit_store_up",
                     "0 while each gateway counts requests of the auth endpoints for itself, because the store of "
                     "counters does not answer.",
                     "gauge", [this] { return auth_rate_counts_.store_works() ? 1.0 : 0.0; });
  add_outbound_metrics();
  if (redis_) add_redis_metrics();
  if (mailer_) add_mail_metrics();
  if (!tls_) return;
  metrics_.add_value("gatehouse_certificate_expiry_seconds",
                     "The first end of validity of the certificates, in Unix time.", "gauge",
                     [this] { return static_cast<double>(tls_->expires_at().time_since_epoch().count()) / 1000.0; });
}

void Gateway::Parts::add_outbound_metrics() {
  const auto count = [this](auto member) {
    return [this, member] { return static_cast<double>(http_.counts().*member); };
  };
  using Counts = outbound::CurlHttpClient::Counts;
  metrics_.add_family("gatehouse_outbound_calls_total", "Calls of identity providers, by what came of them.", "counter",
                      {{R"(outcome="answered")", count(&Counts::answered)},
                       {R"(outcome="failed")", count(&Counts::failed)},
                       {R"(outcome="busy")", count(&Counts::busy)}});
  metrics_.add_value("gatehouse_outbound_calls_under_way", "Calls of identity providers that are under way.", "gauge",
                     count(&Counts::under_way));
  metrics_.add_value("gatehouse_outbound_calls_waiting", "Calls of identity providers that wait for their turn.",
                     "gauge", count(&Counts::waiting));
}

void Gateway::Parts::add_redis_metrics() {
  metrics_.add_value("gatehouse_redis_up", "1 while every thread is connected to Redis and believes in it.", "gauge",
                     [this] { return redis_->health().up ? 1.0 : 0.0; });
  metrics_.add_value("gatehouse_redis_trusted", "1 while sessions are believed that Redis holds.", "gauge",
                     [this] { return session_trust_->view().epoch.empty() ? 0.0 : 1.0; });
  metrics_.add_value("gatehouse_redis_circuits_open", "Threads whose calls of Redis fail at once.", "gauge",
                     [this] { return static_cast<double>(redis_->health().circuits_open); });
  metrics_.add_value("gatehouse_redis_calls_total", "Calls of Redis.", "counter",
                     [this] { return static_cast<double>(redis_->health().calls); });
  metrics_.add_value("gatehouse_redis_failures_total", "Calls of Redis that failed.", "counter",
                     [this] { return static_cast<double>(redis_->health().failures); });
  metrics_.add_value("gatehouse_redis_connects_total", "Connections that were made to Redis.", "counter",
                     [this] { return static_cast<double>(redis_->health().connects); });
}

void Gateway::Parts::add_mail_metrics() {
  const auto counted = [this](std::string labels, std::uint64_t outbound::MailCounts::* count) {
    return pipeline::Metrics::Labelled{std::move(labels),
                                       [this, count] { return static_cast<double>(mailer_->counts().*count); }};
  };
  using Counts = outbound::MailCounts;
  metrics_.add_family(
      "gatehouse_mails_total",
      "Mails by what became of them: sent, failed (refused or given up), dropped (the queue was full, or "
      "the gateway ended), expired (the link had ended).",
      "counter",
      {counted("result=\"sent\"", &Counts::sent), counted("result=\"failed\"", &Counts::failed),
       counted("result=\"dropped\"", &Counts::dropped), counted("result=\"expired\"", &Counts::expired)});
  metrics_.add_value("gatehouse_mails_waiting", "Mails in the queue.", "gauge",
                     [this] { return static_cast<double>(mailer_->counts().waiting); });
}

// What the database must have before it is of use. Throws Failure when it is down, MigrationError when it is not fit.
Awaitable<storage::SchemaFacts> Gateway::Parts::prepare_schema() {
  const auto patient = store_->connect(main_io_.get_executor(), storage::migration_options());
  storage::Migrator migrator = storage::make_migrator(*patient, clock_, migrated_features(settings_.auth),
                                                      storage::field_migrations(settings_.auth, patient->engine()));
  if (settings_.database.migrate == config::Migrate::at_start) {
    const auto applied = co_await migrator.apply();
    for (const auto& migration : applied)
      log::info("migration applied: {}: {}", migration.name, fmt::join(migration.changes, ", "));
  } else {
    const auto pending = co_await migrator.pending();
    if (!pending.empty())
      throw storage::MigrationError(fmt::format(
          "the schema is not current ({} to apply); run `gatehouse migrate`, or set database.migrate: at_start",
          fmt::join(pending, ", ")));
  }
  const auto adoption = co_await migrator.inspect();
  for (const auto& text : adoption.advice) log::warn("database: {}", text);
  co_return adoption.facts;
}

// Told once per change of state. A store that is down at the start does not keep the gateway from starting: public
// routes are served, and it becomes ready when the store is.
void Gateway::Parts::check_store() {
  store_checked_ = clock_.steady();
  const bool was_ready = store_ready_.load(std::memory_order_relaxed);
  try {
    if (!schema_ready_) {
      schema_ = run_to_end(main_io_, prepare_schema());
      schema_ready_ = true;
      for (const auto& worker : workers_) worker->set_schema(schema_);
    } else {
      run_to_end(main_io_, main_database_->query({"SELECT 1"}, {}));
    }
    store_ready_.store(true, std::memory_order_relaxed);
    if (!was_ready && !workers_.empty()) log::info("the store is ready");
  } catch (const Failure& failure) {
    store_ready_.store(false, std::memory_order_relaxed);
    if (was_ready || workers_.empty()) log::error("the store is not available: {}", failure.what());
  } catch (const storage::StatementError& error) {
    store_ready_.store(false, std::memory_order_relaxed);
    const std::string text = fmt::format("database: {}{}", pooler_hint(error.what()), error.what());
    if (workers_.empty()) throw StartError(text);
    if (was_ready) log::error("{}", text);
  } catch (const storage::MigrationError& error) {
    if (workers_.empty()) throw StartError(fmt::format("database: {}", error.what()));
    if (schema_problem_ != error.what()) log::error("database: {}", error.what());
    schema_problem_ = error.what();
  }
}

void Gateway::Parts::tick() {
  const SteadyTime now = clock_.steady();
  if (now - store_checked_ >= kStoreCheckEvery) check_store();
  purge_expired();
  reload_certificates();
  live_.sweep(clock_.now(), [](const std::string& token, const std::weak_ptr<pipeline::LiveHandle>& handle) {
    Worker::current()->pipeline().recheck(token, handle);
  });
}

// A part of a round for each tick, so that nothing else waits for long. Gateways do not all begin at once.
void Gateway::Parts::purge_expired() {
  const auto every = settings_.database.purge_every;
  if (every.count() == 0 || !store_ready_.load(std::memory_order_relaxed)) return;
  const SteadyTime start = clock_.steady();
  if (start < next_purge_) return;
  bool more = true;
  try {
    while (more && clock_.steady() - start < kPurgeTime) more = run_to_end(main_io_, purger_.step());
  } catch (const std::exception& error) {
    more = false;
    log::warn("expired rows could not be purged: {}", error.what());
  }
  if (!more)
    next_purge_ = start + every * (75 + std::hash<SteadyTime::rep>()(start.time_since_epoch().count()) % 50) / 100;
}

void Gateway::Parts::reload_certificates() {
  if (!tls_) return;
  try {
    if (tls_->reload_if_changed()) log::info("certificates reloaded");
  } catch (const std::exception& error) {
    log::error("certificates stay as they were: {}", error.what());
  }
  const SteadyTime now = clock_.steady();
  tls_->rotate_ticket_keys(now);
  const auto expires = tls_->expires_at();
  if (expires - clock_.now() > kCertificateWarnBefore) return;
  const bool expired = expires <= clock_.now();
  if (certificate_warned_ != SteadyTime{} &&
      now - certificate_warned_ < (expired ? std::chrono::hours(1) : std::chrono::hours(24)))
    return;
  certificate_warned_ = now;
  if (expired) {
    log::error("a certificate has expired at {}", to_iso(expires));
  } else {
    log::warn("a certificate expires at {}", to_iso(expires));
  }
}

void Gateway::Parts::reload(config::Configuration configuration) {
  // What needs a restart stays as it was; the caller has told so.
  configuration.gateway = settings_;
  site_ = std::make_shared<const pipeline::Site>(std::move(configuration));
  for (const auto& worker : workers_) worker->set_site(site_);
}

bool Gateway::Parts::drain() {
  draining_.store(true, std::memory_order_relaxed);
  for (const auto& worker : workers_) worker->drain();
  const auto all_drained = [this] {
    return std::ranges::all_of(workers_, [](const auto& worker) { return worker->has_drained(); });
  };
  const auto wait_until = [&](SteadyTime deadline) {
    while (!all_drained() && clock_.steady() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return all_drained();
  };
  const bool clean = wait_until(clock_.steady() + settings_.limits.drain);
  if (!clean) {
    log::warn("the drain time is over: ending the connections that are left");
    for (const auto& worker : workers_) worker->end_all();
    wait_until(clock_.steady() + std::chrono::seconds(5));
  }
  for (const auto& worker : workers_) worker->stop();
  for (const auto& worker : workers_) worker->join();
  follower_.stop();
  passwords_.stop();
  if (mailer_) mailer_->stop();
  http_.stop();
  session_cache_.stop();
  workers_.clear();
  access_log_.stop();
  return clean;
}

Gateway::Gateway(config::Configuration configuration, int access_log)
    : parts_(std::make_unique<Parts>(std::move(configuration), access_log)) {}

Gateway::~Gateway() = default;

void Gateway::reload(config::Configuration configuration) {
  parts_->reload(std::move(configuration));
}
bool Gateway::drain() {
  return parts_->drain();
}
void Gateway::tick() {
  parts_->tick();
}

}  // namespace gatehouse::app
