#include "app/gateway.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "app/gateway_parts.hpp"
#include "app/migrated_features.hpp"
#include "base/log.hpp"
#include "edge/listener.hpp"
#include "outbound/outbox.hpp"
#include "outbound/smtp_transport.hpp"

namespace gatehouse::app {

namespace {

// As many connections as half of the descriptors allow: each may need another one at its upstream. What is over that is
// refused, while the internal listener, the stores and the upstreams still get theirs. Raises the process's limit
// first.
std::uint32_t connections_that_fit(std::uint32_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
  const rlim_t wanted = rlim_t{connections} * 2 + 256;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlim_t fit = limit.rlim_cur / 2;
  if (fit >= connections) return connections;
  log::warn("only {} file descriptors: {} connections at a time, not the {} of limits.connections", limit.rlim_cur, fit,
            connections);
  return static_cast<std::uint32_t>(fit);
}

std::unique_ptr<storage::Store> open_store_or_throw(const Secret& url) {
  auto store = storage::open_store(url);
  if (!store) throw StartError("database: " + store.error());
  return std::move(*store);
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
  if (!mail.is_configured()) return nullptr;
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

// Absent: entries are kept for ever, or there is no table.
std::optional<std::chrono::seconds> find_audit_retention(const config::AuditSettings& settings) {
  if (!settings.enabled || settings.retention.count() == 0) return std::nullopt;
  return settings.retention;
}

// As OpenSSL's own tools read it: who has certificates of an authority of their own names them there.
std::string process_ca_file() {
  const char* file = std::getenv("SSL_CERT_FILE");
  return file != nullptr ? file : "";
}

std::unique_ptr<auth::oauth::Providers> make_providers(const config::AuthSettings& settings, outbound::HttpClient& http,
                                                       const Clock& clock) {
  try {
    return std::make_unique<auth::oauth::Providers>(settings, http, clock);
  } catch (const std::invalid_argument& error) {
    throw StartError(error.what());
  }
}

std::optional<outbound::Turnstile> make_turnstile(const config::Gateway& settings, outbound::HttpClient& http,
                                                  Random& random) {
  if (!settings.turnstile.is_configured()) return std::nullopt;
  return outbound::Turnstile(settings, http, random);
}

std::unique_ptr<edge::TlsContext> make_tls(const config::Gateway& settings) {
  if (!settings.listen.https) return nullptr;
  try {
    return std::make_unique<edge::TlsContext>(settings.tls);
  } catch (const std::exception& error) {
    throw StartError(fmt::format("tls: {}", error.what()));
  }
}

pipeline::SitePtr make_site(config::Configuration configuration, const pipeline::Site* before) {
  auto site = std::make_shared<const pipeline::Site>(std::move(configuration), before);
  for (std::size_t i = 0; i < site->upstream_tls.size(); ++i) {
    try {
      if (site->upstream_tls[i]) site->upstream_tls[i]->load_if_changed();
    } catch (const std::runtime_error& error) {
      throw StartError(fmt::format("upstreams.{}.tls: {}", site->configuration.upstreams[i].name, error.what()));
    }
  }
  return site;
}

}  // namespace

Gateway::Parts::Parts(config::Configuration configuration, int access_log)
    : site_(make_site(std::move(configuration), nullptr)),
      settings_(site_->configuration.gateway),
      threads_(settings_.threads > 0 ? settings_.threads : std::max(1u, std::thread::hardware_concurrency())),
      store_(open_store_or_throw(settings_.database.url)),
      main_database_(store_->connect(main_io_.get_executor())),
      purger_(*main_database_, clock_,
              {.sessions = settings_.auth.session.preserve_session_in_database,
               .verifications = settings_.auth.verification.disable_cleanup},
              {.rate_limit_window = find_rate_limit_window(settings_),
               .audit_retention = find_audit_retention(settings_.audit)}),
      redis_(open_redis_or_throw(settings_.redis)),
      tls_(make_tls(settings_)),
      connection_limits_(connections_that_fit(settings_.limits.connections), settings_.limits.per_address),
      session_cache_(clock_, {.staleness_max = settings_.auth.session.staleness_max,
                              .serve_on_outage = settings_.auth.session.serve_cached_on_outage}),
      passwords_(random_, clock_,
                 {.threads = settings_.auth.password_hashing.threads,
                  .queue_max = settings_.auth.password_hashing.queue,
                  .wait_max = settings_.auth.password_hashing.queue_time}),
      mailer_(make_mailer(settings_, clock_, random_)),
      http_({.ca_file = process_ca_file()}),
      providers_(make_providers(settings_.auth, http_, clock_)),
      breached_(settings_.auth.breached_passwords, http_, clock_),
      origins_(settings_.base_url, settings_.trusted_origins),
      secrets_(settings_),
      cookie_cache_(settings_.auth.session.cookie_cache, secrets_, random_,
                    {auth::AdditionalFields(settings_.auth.user.additional_fields),
                     auth::AdditionalFields(settings_.auth.session.additional_fields)}),
      signer_(secrets_.current(), site_->base_url),
      limiter_(random_),
      turnstile_(make_turnstile(settings_, http_, random_)),
      access_log_(access_log),
      audit_({.rows = settings_.audit.enabled, .lines = settings_.audit.log}, *store_, clock_, random_,
             [this](std::string lines, std::uint64_t count) { access_log_.append_lines(std::move(lines), count); }),
      follower_({*store_, session_cache_, live_, clock_, random_, settings_.auth.session, redis_.get(),
                 redis_ ? &session_trust_.emplace(*redis_, clock_) : nullptr}) {
  for (const auto& text : site_->configuration.unsafe) log::warn("insecure setting: {}", text);
  for (const auto& text : site_->configuration.notes) log::info("{}", text);
  check_store();
  session_cache_.on_session_ended([this](const std::string& token) { live_.end_session(token); });
  internal_.readiness = [this] { return readiness(); };
  internal_.metrics = [this] { return metrics_.to_text(); };
  internal_.jwks = signer_.jwks();
  if (settings_.listen.proxy_protocol) proxies_.emplace(settings_.trusted_proxies, clock_);
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
  listening_ = settings_.listen;
  const auto https = open_listener(listening_.https, "https");
  const auto http = open_listener(listening_.http, "http");
  const auto insecure_http = open_listener(listening_.insecure_http, "insecure_http");
  const auto internal = open_listener(listening_.internal, "internal");
  shared_ =
      std::make_unique<Shared>(Shared{.settings = settings_,
                                      .clock = clock_,
                                      .random = random_,
                                      .store = *store_,
                                      .redis = redis_.get(),
                                      .session_trust = session_trust_ ? &*session_trust_ : nullptr,
                                      .session_cache = session_cache_,
                                      .auth_rate_counts = auth_rate_counts_,
                                      .attempt_counts = attempt_counts_,
                                      .passwords = passwords_,
                                      .mailer = mailer_ ? static_cast<outbound::Mailer&>(*mailer_) : no_mailer_,
                                      .http = http_,
                                      .providers = *providers_,
                                      .origins = origins_,
                                      .secrets = secrets_,
                                      .cookie_cache = cookie_cache_,
                                      .signer = signer_,
                                      .limiter = limiter_,
                                      .limit_store = limit_store_,
                                      .turnstile = turnstile_ ? &*turnstile_ : nullptr,
                                      .challenges = challenges_,
                                      .breached = settings_.auth.breached_passwords.enabled ? &breached_ : nullptr,
                                      .live = live_,
                                      .access_log = access_log_,
                                      .audit = audit_,
                                      .connection_limits = connection_limits_,
                                      .internal_limits = internal_limits_,
                                      .tls = tls_.get(),
                                      .proxies = proxies_ ? &*proxies_ : nullptr,
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

// Port 0 becomes the real one.
std::vector<int> Gateway::Parts::open_listener(std::optional<config::SocketAddress>& address, const char* name) {
  if (!address) return {};
  try {
    auto listeners = edge::open_listeners(*address, threads_);
    log::info("listening listener={} address={}", name, edge::to_string(listeners.address));
    address = listeners.address;
    return std::move(listeners.descriptors);
  } catch (const std::exception& error) {
    throw StartError(fmt::format("listen.{}: {}", name, error.what()));
  }
}

void Gateway::Parts::reload(config::Configuration configuration) {
  // What needs a restart stays as it was; the caller has told so.
  configuration.gateway = settings_;
  set_site(make_site(std::move(configuration), site_.get()));
  for (const auto& worker : workers_) worker->set_site(site_);
}

void Gateway::Parts::set_site(pipeline::SitePtr site) {
  const std::lock_guard lock(site_mutex_);
  site_ = std::move(site);
}

pipeline::SitePtr Gateway::Parts::site() const {
  const std::lock_guard lock(site_mutex_);
  return site_;
}

bool Gateway::Parts::drain(const std::function<bool()>& is_hurried) {
  draining_.store(true, std::memory_order_relaxed);
  for (const auto& worker : workers_) worker->drain();
  const auto all_drained = [this] {
    return std::ranges::all_of(workers_, [](const auto& worker) { return worker->has_drained(); });
  };
  bool hurried = false;
  const auto wait_until = [&](SteadyTime deadline) {
    while (!all_drained() && !hurried && clock_.steady() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      hurried = is_hurried && is_hurried();
    }
    return all_drained();
  };
  const bool clean = wait_until(clock_.steady() + settings_.limits.drain);
  if (!clean) {
    log::warn("{}: ending the connections that are left", hurried ? "told once more to end" : "the drain time is over");
    hurried = false;
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
  audit_.stop();
  access_log_.stop();
  return clean;
}

Gateway::Gateway(config::Configuration configuration, int access_log)
    : parts_(std::make_unique<Parts>(std::move(configuration), access_log)) {}

Gateway::~Gateway() = default;

void Gateway::reload(config::Configuration configuration) {
  parts_->reload(std::move(configuration));
}
bool Gateway::drain(const std::function<bool()>& is_hurried) {
  return parts_->drain(is_hurried);
}
const config::Listen& Gateway::listening() const {
  return parts_->listening();
}
void Gateway::tick() {
  parts_->tick();
}

}  // namespace gatehouse::app
