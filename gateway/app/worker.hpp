// One thread of the gateway: an io_context with everything that lives and dies on it. Connections, their upstream
// connections and their database connections never leave it.
#pragma once
#include <memory>
#include <optional>
#include <thread>

#include "app/internal_handler.hpp"
#include "app/io_context.hpp"
#include "app/redirect_handler.hpp"
#include "auth/accounts.hpp"
#include "auth/breached_passwords.hpp"
#include "auth/challenges.hpp"
#include "auth/dispatcher.hpp"
#include "auth/oauth/providers.hpp"
#include "auth/session_cookie.hpp"
#include "auth/sessions.hpp"
#include "auth/users.hpp"
#include "auth/verifications.hpp"
#include "base/deadline.hpp"
#include "base/event.hpp"
#include "cache/open.hpp"
#include "edge/server.hpp"
#include "pipeline/pipeline.hpp"
#include "storage/adoption.hpp"
#include "storage/open.hpp"

namespace gatehouse::app {

// What all threads share; safe for any of them.
struct Shared {
  const config::Gateway& settings;
  const Clock& clock;
  Random& random;
  storage::Store& store;
  cache::SharedCache* redis;          // null: none
  auth::SessionTrust* session_trust;  // null where there is no Redis
  auth::SessionCache& session_cache;
  auth::RateLimitMemory& auth_rate_counts;
  auth::AttemptCounts& attempt_counts;
  crypto::PasswordHasher& passwords;
  outbound::Mailer& mailer;
  outbound::HttpClient& http;
  auth::oauth::Providers& providers;
  const auth::TrustedOrigins& origins;
  const auth::Secrets& secrets;
  const auth::CookieCache& cookie_cache;
  const auth::AssertionSigner& signer;
  pipeline::RateLimiter& limiter;
  pipeline::LimitStoreState& limit_store;
  const outbound::Turnstile* turnstile;  // null: not configured
  const auth::Challenges& challenges;
  auth::BreachedPasswords* breached;  // null: they are not looked for
  pipeline::LiveExchanges& live;
  pipeline::AccessLog& access_log;
  auth::AuditTrail& audit;
  edge::ConnectionLimits& connection_limits;
  edge::ConnectionLimits& internal_limits;
  const edge::TlsContext* tls;   // null without listen.https
  edge::ProxyProtocol* proxies;  // null without listen.proxy_protocol
  const InternalSources& internal;
  storage::SchemaFacts schema;
};

// Listening sockets for one thread; -1: none of that kind. The worker takes them.
struct WorkerListeners {
  int https = -1;
  int http = -1;
  int insecure_http = -1;
  int internal = -1;
};

class Worker {
 public:
  Worker(const Shared& shared, pipeline::SitePtr site, WorkerListeners listeners, pipeline::ThreadMetrics& metrics);
  ~Worker();

  void start();

  // From any thread: messages to the worker's own.
  void set_site(pipeline::SitePtr site);
  void drain();
  void end_all();
  void set_schema(storage::SchemaFacts schema);
  // Ends the thread at once, whatever is still going on.
  void stop() { io_.stop(); }
  void join();
  // Drained, and its last connection but those of the internal listener has ended.
  bool has_drained() const { return drained_.load(std::memory_order_acquire); }
  pipeline::Pipeline& pipeline() { return pipeline_; }
  // The worker whose thread this is called on.
  static Worker* current();

 private:
  Awaitable<> sweep();
  std::unique_ptr<edge::Server> make_server(int descriptor, http::ExchangeHandler& handler,
                                            edge::ConnectionLimits& limits, const edge::TlsContext* tls,
                                            edge::ProxyProtocol* proxies);
  void end_connections();
  std::size_t connection_count() const;

  const Shared& shared_;
  IoContext io_;
  Deadlines deadlines_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<cache::Cache> redis_;
  const auth::RowFields fields_;
  std::optional<auth::SecondarySessions> secondary_sessions_;
  auth::SessionCookie cookies_;
  auth::Sessions sessions_;
  auth::Users users_;
  auth::Accounts accounts_;
  auth::Verifications verifications_;
  auth::RateLimit auth_rate_limit_;
  auth::Attempts attempts_;
  auth::Dispatcher dispatcher_;
  const std::unique_ptr<pipeline::SharedLimits> shared_limits_;  // null: this gateway counts alone
  pipeline::Pipeline pipeline_;
  RedirectHandler redirect_;
  InternalHandler internal_;
  std::vector<std::unique_ptr<edge::Server>> servers_;
  std::unique_ptr<edge::Server> internal_server_;  // goes on during the drain: who asks is told that it is not ready
  std::thread thread_;
  std::atomic<bool> drained_{false};
  bool draining_ = false;
};

}  // namespace gatehouse::app
