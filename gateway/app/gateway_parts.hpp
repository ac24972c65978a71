// What the running gateway is made of, in the order in which it is built. For the files of Gateway alone: gateway.cpp
// builds and ends it, gateway_upkeep.cpp looks after it, gateway_metrics.cpp tells its numbers.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/audit_writer.hpp"
#include "app/change_follower.hpp"
#include "app/gateway.hpp"
#include "app/worker.hpp"
#include "outbound/queued_mailer.hpp"
#include "storage/purge.hpp"

namespace gatehouse::app {

inline constexpr std::uint32_t kInternalConnectionsMax = 256;

class Gateway::Parts {
 public:
  Parts(config::Configuration configuration, int access_log);

  void reload(config::Configuration configuration);
  bool drain(const std::function<bool()>& is_hurried);
  void tick();
  const config::Listen& listening() const { return listening_; }

 private:
  void open_workers();
  void set_site(pipeline::SitePtr site);
  pipeline::SitePtr site() const;
  Readiness readiness() const;
  std::string_view redis_state() const;
  std::vector<int> open_listener(std::optional<config::SocketAddress>& address, const char* name);
  void add_metrics();
  void add_attempt_metrics();
  void add_breach_metrics();
  void add_password_metrics();
  void add_outbound_metrics();
  void add_redis_metrics();
  void add_mail_metrics();
  void add_audit_metrics();
  void add_proxy_metrics();
  void add_upstream_metrics();
  Awaitable<storage::SchemaFacts> prepare_schema();
  void check_store();
  void purge_expired();
  void reload_certificates();
  void reload_upstream_certificates();

  mutable std::mutex site_mutex_;  // guards site_: the main thread writes it, those who are asked for metrics read it
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
  std::optional<edge::ProxyProtocol> proxies_;  // absent without listen.proxy_protocol
  edge::ConnectionLimits connection_limits_;
  edge::ConnectionLimits internal_limits_{kInternalConnectionsMax, kInternalConnectionsMax};
  auth::SessionCache session_cache_;
  auth::RateLimitMemory auth_rate_counts_{clock_};
  auth::AttemptCounts attempt_counts_;
  crypto::PasswordHasher passwords_;
  outbound::NoMailer no_mailer_;
  std::unique_ptr<outbound::QueuedMailer> mailer_;  // null: no mails can be sent
  outbound::CurlHttpClient http_;
  std::unique_ptr<auth::oauth::Providers> providers_;
  auth::BreachedPasswords breached_;
  auth::TrustedOrigins origins_;
  const auth::Secrets secrets_;
  const auth::CookieCache cookie_cache_;
  auth::AssertionSigner signer_;
  pipeline::RateLimiter limiter_;
  pipeline::LimitStoreState limit_store_{clock_};
  const std::optional<outbound::Turnstile> turnstile_;  // absent: not configured
  const auth::Challenges challenges_{settings_.turnstile, turnstile_ ? &*turnstile_ : nullptr};
  pipeline::LiveExchanges live_;
  pipeline::AccessLog access_log_;
  AuditWriter audit_;
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
  config::Listen listening_;
  std::vector<std::unique_ptr<Worker>> workers_;
  ChangeFollower follower_;  // ends exchanges on the workers' threads
};

}  // namespace gatehouse::app
