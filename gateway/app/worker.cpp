#include "app/worker.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "features/accounts/accounts_feature.hpp"
#include "features/email_password/email_password_feature.hpp"
#include "features/email_verification/email_verification_feature.hpp"
#include "features/password_reset/password_reset_feature.hpp"
#include "features/sessions/sessions_feature.hpp"
#include "features/social_sign_in/social_sign_in_feature.hpp"
#include "features/user_profile/user_profile_feature.hpp"

namespace gatehouse::app {

namespace {

thread_local Worker* current_worker = nullptr;

std::vector<auth::Feature> make_features() {
  return {features::sessions(),     features::email_password(),     features::password_reset(),
          features::user_profile(), features::email_verification(), features::social_sign_in(),
          features::accounts()};
}

std::optional<auth::SecondarySessions> make_secondary_sessions(const Shared& shared, cache::Cache* redis,
                                                               const auth::RowFields& fields) {
  if (!redis) return std::nullopt;
  return auth::SecondarySessions(*redis, *shared.session_trust, shared.clock, shared.settings.auth.session.expires_in,
                                 fields);
}

std::unique_ptr<pipeline::SharedLimits> make_shared_limits(const Shared& shared, cache::Cache* redis) {
  if (!redis) return nullptr;
  return std::make_unique<pipeline::SharedLimits>(*redis, shared.limit_store, shared.secrets.current().reveal());
}

}  // namespace

Worker::Worker(const Shared& shared, pipeline::SitePtr site, WorkerListeners listeners,
               pipeline::ThreadMetrics& metrics)
    : shared_(shared),
      deadlines_(shared.clock.steady()),
      database_(shared.store.connect(io_.get_executor())),
      redis_(shared.redis ? shared.redis->connect(io_.get_executor()) : nullptr),
      fields_{auth::AdditionalFields(shared.settings.auth.user.additional_fields),
              auth::AdditionalFields(shared.settings.auth.session.additional_fields)},
      secondary_sessions_(make_secondary_sessions(shared, redis_.get(), fields_)),
      cookies_(shared.settings.auth, shared.settings.base_url, shared.secrets.current()),
      sessions_(*database_, shared.session_cache, shared.clock, shared.random, shared.settings.auth.session,
                shared.schema, secondary_sessions_ ? &*secondary_sessions_ : nullptr, fields_),
      users_(*database_, sessions_, shared.clock, fields_.user),
      accounts_(*database_, sessions_, shared.secrets, shared.clock, shared.random, shared.settings.auth.account),
      verifications_(*database_, redis_.get(), shared.clock, shared.random, shared.settings.auth.verification,
                     shared.schema),
      auth_rate_limit_(
          {shared.settings.auth, shared.auth_rate_counts, *database_, redis_.get(), shared.clock, shared.random}),
      attempts_({shared.settings.auth.abuse_ladder, shared.attempt_counts, redis_.get(), shared.clock,
                 shared.secrets.current().reveal()}),
      dispatcher_({.database = *database_,
                   .sessions = sessions_,
                   .verifications = verifications_,
                   .cookie = cookies_,
                   .passwords = shared.passwords,
                   .mailer = shared.mailer,
                   .origins = shared.origins,
                   .settings = shared.settings.auth,
                   .base_url = shared.settings.base_url,
                   .clock = shared.clock,
                   .random = shared.random,
                   .users = users_,
                   .secrets = shared.secrets,
                   .cookie_cache = shared.cookie_cache,
                   .accounts = accounts_,
                   .providers = shared.providers,
                   .http = shared.http,
                   .audit = shared.audit,
                   .attempts = &attempts_,
                   .challenges = &shared.challenges,
                   .breached = shared.breached},
                  make_features(), &auth_rate_limit_),
      shared_limits_(make_shared_limits(shared, redis_.get())),
      pipeline_({io_, deadlines_, shared.clock, shared.random, sessions_, cookies_, dispatcher_, shared.origins,
                 shared.signer, shared.limiter, shared.live, shared.access_log, shared.audit, metrics,
                 [tls = shared.tls](std::string_view server_name, std::string_view host) {
                   return !tls || tls->serves_same(server_name, host);
                 },
                 shared.turnstile, &attempts_, shared_limits_.get()},
                std::move(site)),
      redirect_(shared.settings.base_url.to_string()),
      internal_(shared.internal) {
  auth_rate_limit_.set_ids(shared.schema.rate_limit_ids);
  const auto serve = [this](std::unique_ptr<edge::Server> server) {
    if (server) servers_.push_back(std::move(server));
  };
  serve(make_server(listeners.https, pipeline_, shared.connection_limits, shared.tls, shared.proxies));
  serve(make_server(listeners.insecure_http, pipeline_, shared.connection_limits, nullptr, shared.proxies));
  serve(make_server(listeners.http, redirect_, shared.connection_limits, nullptr, shared.proxies));
  internal_server_ = make_server(listeners.internal, internal_, shared.internal_limits, nullptr, nullptr);
}

// An exchange that was cut off may still be suspended. It gets the chance to see that its client is gone; what waits
// for somebody else is destroyed while all that its frames refer to is still there.
Worker::~Worker() {
  io_.stop();
  join();
  end_connections();
  io_.shutdown();
}

void Worker::end_connections() {
  std::vector<edge::Server*> servers;
  for (const auto& server : servers_) servers.push_back(server.get());
  if (internal_server_) servers.push_back(internal_server_.get());
  for (auto* server : servers) {
    server->drain();
    server->end_all();
  }
  const auto is_over = [](const auto* server) { return server->connection_count() == 0; };
  while (!std::ranges::all_of(servers, is_over)) {
    io_.restart();
    if (io_.poll() == 0) return;
  }
}

std::unique_ptr<edge::Server> Worker::make_server(int descriptor, http::ExchangeHandler& handler,
                                                  edge::ConnectionLimits& limits, const edge::TlsContext* tls,
                                                  edge::ProxyProtocol* proxies) {
  if (descriptor < 0) return nullptr;
  const edge::Server::Dependencies dependencies{deadlines_, handler, shared_.settings.limits, shared_.clock, limits,
                                                tls,        proxies};
  return std::make_unique<edge::Server>(io_, descriptor, dependencies);
}

void Worker::start() {
  for (const auto& server : servers_) server->start();
  if (internal_server_) internal_server_->start();
  asio::co_spawn(io_.get_executor(), sweep(), [](const std::exception_ptr&) {});
  thread_ = std::thread([this] {
    current_worker = this;
    for (;;) {
      try {
        io_.run();
        break;
      } catch (const std::exception& error) {
        log::error("a worker went on after an unexpected error: {}", error.what());
      }
    }
  });
}

// The one timer of the thread.
Awaitable<> Worker::sweep() {
  SteadyTimer timer(io_.get_executor());
  for (unsigned round = 0;; ++round) {
    timer.expires_after(Deadlines::kPeriod);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
    deadlines_.sweep(shared_.clock.steady());
    pipeline_.tick();
    if (round % 4 == 0) {
      for (const auto& server : servers_) server->check_peers();
      if (internal_server_) internal_server_->check_peers();
    }
    if (draining_ && connection_count() == 0) drained_.store(true, std::memory_order_release);
  }
}

std::size_t Worker::connection_count() const {
  std::size_t count = 0;
  for (const auto& server : servers_) count += server->connection_count();
  return count;
}

void Worker::set_site(pipeline::SitePtr site) {
  asio::post(io_.get_executor(), [this, site = std::move(site)] { pipeline_.set_site(site); });
}

Worker* Worker::current() {
  return current_worker;
}

void Worker::set_schema(storage::SchemaFacts schema) {
  asio::post(io_.get_executor(), [this, schema] {
    sessions_.set_schema(schema);
    verifications_.set_schema(schema);
    auth_rate_limit_.set_ids(schema.rate_limit_ids);
  });
}

void Worker::drain() {
  asio::post(io_.get_executor(), [this] {
    draining_ = true;
    for (const auto& server : servers_) server->drain();
  });
}

void Worker::end_all() {
  asio::post(io_.get_executor(), [this] {
    for (const auto& server : servers_) server->end_all();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace gatehouse::app
