#include <fmt/format.h>

#include "app/gateway_parts.hpp"

namespace gatehouse::app {

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
  metrics_.add_value("gatehouse_purged_audit_entries_total",
                     "Entries of the audit trail past their retention that this gateway deleted.", "counter",
                     [this] { return static_cast<double>(purger_.audit_entries()); });
  metrics_.add_value("gatehouse_auth_limit_store_up",
                     "0 while each gateway counts requests of the auth endpoints for itself, because the store of "
                     "counters does not answer.",
                     "gauge", [this] { return auth_rate_counts_.store_works() ? 1.0 : 0.0; });
  add_attempt_metrics();
  if (settings_.auth.breached_passwords.enabled) add_breach_metrics();
  add_password_metrics();
  add_upstream_metrics();
  add_outbound_metrics();
  add_audit_metrics();
  if (redis_) add_redis_metrics();
  if (mailer_) add_mail_metrics();
  if (proxies_) add_proxy_metrics();
  if (!tls_) return;
  metrics_.add_value("gatehouse_certificate_expiry_seconds",
                     "The first end of validity of the certificates, in Unix time.", "gauge",
                     [this] { return static_cast<double>(tls_->expires_at().time_since_epoch().count()) / 1000.0; });
}

void Gateway::Parts::add_proxy_metrics() {
  using Refusal = edge::ProxyProtocol::Refusal;
  const auto counted = [this](std::string labels, Refusal refusal) {
    return pipeline::Metrics::Labelled{std::move(labels),
                                       [this, refusal] { return static_cast<double>(proxies_->refused(refusal)); }};
  };
  metrics_.add_family(
      "gatehouse_proxy_headers_refused_total",
      "Connections that were closed where the PROXY protocol is expected: of a stranger (no trusted "
      "proxy), malformed, or late.",
      "counter",
      {counted(R"(reason="stranger")", Refusal::stranger), counted(R"(reason="malformed")", Refusal::malformed),
       counted(R"(reason="late")", Refusal::late)});
}

void Gateway::Parts::add_attempt_metrics() {
  metrics_.add_family("gatehouse_ladder_locks_total",
                      "Locks that wrong attempts at secrets have closed, by what was locked.", "counter",
                      {{R"(of="account")", [this] { return static_cast<double>(attempt_counts_.account_locks()); }},
                       {R"(of="network")", [this] { return static_cast<double>(attempt_counts_.network_locks()); }}});
  metrics_.add_value("gatehouse_ladder_store_up",
                     "0 while each gateway counts attempts at secrets for itself, because Redis does not answer.",
                     "gauge", [this] { return attempt_counts_.store_works() ? 1.0 : 0.0; });
}

void Gateway::Parts::add_breach_metrics() {
  const auto count = [this](auto member) {
    return [this, member] { return static_cast<double>(breached_.counts().*member); };
  };
  using Counts = auth::BreachedPasswords::Counts;
  metrics_.add_family(
      "gatehouse_breached_password_checks_total",
      "New passwords by what is known of them: clean, breached, unanswered (let through, as the service "
      "did not answer).",
      "counter",
      {{R"(result="clean")", count(&Counts::clean)},
       {R"(result="breached")", count(&Counts::breached)},
       {R"(result="unanswered")", count(&Counts::unanswered)}});
  metrics_.add_value("gatehouse_breached_password_service_up",
                     "0 while the service of breached passwords does not answer.", "gauge",
                     [this] { return breached_.counts().works ? 1.0 : 0.0; });
}

void Gateway::Parts::add_password_metrics() {
  using Counts = crypto::PasswordHasher::Counts;
  const auto read = [this](auto member) {
    return [this, member] { return static_cast<double>(passwords_.counts().*member); };
  };
  metrics_.add_family("gatehouse_password_hashes_total",
                      "Password hashes by what became of them: computed, full (the queue was), late (their turn did "
                      "not come in time).",
                      "counter",
                      {{R"(result="computed")", read(&Counts::hashed)},
                       {R"(result="full")", read(&Counts::refused_full)},
                       {R"(result="late")", read(&Counts::refused_late)}});
  metrics_.add_value("gatehouse_password_hashes_running", "Password hashes that are being computed.", "gauge",
                     read(&Counts::running));
  metrics_.add_value("gatehouse_password_hashes_waiting", "Passwords that wait to be hashed.", "gauge",
                     read(&Counts::waiting));
  metrics_.add_value("gatehouse_password_hash_memory_bytes", "Memory that password hashes have now.", "gauge",
                     [this] { return static_cast<double>(passwords_.counts().running * crypto::kPasswordHashBytes); });
  metrics_.add_value("gatehouse_password_hash_memory_max_bytes",
                     "Memory that password hashes have when all threads of their pool are busy.", "gauge",
                     [this] { return static_cast<double>(passwords_.memory_max()); });
}

void Gateway::Parts::add_upstream_metrics() {
  using Numbers = upstream::ServerStates::Numbers;
  using Sample = pipeline::Metrics::Sample;
  const auto add = [this](std::string name, std::string help, std::string type, double (*read)(const Numbers&)) {
    metrics_.add_samples(std::move(name), std::move(help), std::move(type), [this, read] {
      std::vector<Sample> samples;
      for (const auto& states : site()->servers) {
        for (const Numbers& numbers : states->numbers(clock_.steady())) {
          samples.push_back(
              {fmt::format("upstream=\"{}\",server=\"{}\"", states->name(), numbers.server), read(numbers)});
        }
      }
      return samples;
    });
  };
  add("gatehouse_upstream_server_up", "0 while the server of an upstream is left out.", "gauge",
      [](const Numbers& numbers) { return numbers.serves ? 1.0 : 0.0; });
  add("gatehouse_upstream_failures_total", "Requests and connections that a server of an upstream failed at.",
      "counter", [](const Numbers& numbers) { return static_cast<double>(numbers.failures); });
  add("gatehouse_upstream_checks_failed_total", "Health checks that a server of an upstream failed at.", "counter",
      [](const Numbers& numbers) { return static_cast<double>(numbers.checks_failed); });
  add("gatehouse_upstream_left_out_total", "Times that a server of an upstream was left out.", "counter",
      [](const Numbers& numbers) { return static_cast<double>(numbers.times_left_out); });
}

void Gateway::Parts::add_outbound_metrics() {
  const auto count = [this](auto member) {
    return [this, member] { return static_cast<double>(http_.counts().*member); };
  };
  using Counts = outbound::CurlHttpClient::Counts;
  metrics_.add_family("gatehouse_outbound_calls_total",
                      "Calls of identity providers and Turnstile, by what came of them.", "counter",
                      {{R"(outcome="answered")", count(&Counts::answered)},
                       {R"(outcome="failed")", count(&Counts::failed)},
                       {R"(outcome="busy")", count(&Counts::busy)}});
  metrics_.add_value("gatehouse_outbound_calls_under_way",
                     "Calls of identity providers and Turnstile that are under way.", "gauge",
                     count(&Counts::under_way));
  metrics_.add_value("gatehouse_outbound_calls_waiting",
                     "Calls of identity providers and Turnstile that wait for their turn.", "gauge",
                     count(&Counts::waiting));
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
  metrics_.add_value("gatehouse_limit_store_up",
                     "0 while requests of routes are not counted in Redis, because it does not answer.", "gauge",
                     [this] { return limit_store_.works() ? 1.0 : 0.0; });
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

void Gateway::Parts::add_audit_metrics() {
  const auto counted = [this](std::string labels, std::uint64_t AuditCounts::* count) {
    return pipeline::Metrics::Labelled{std::move(labels),
                                       [this, count] { return static_cast<double>(audit_.counts().*count); }};
  };
  metrics_.add_family(
      "gatehouse_audit_entries_total",
      "Entries of the audit trail by what became of them: stored (as rows), dropped (the queue was full, or the "
      "gateway "
      "ended), unstored (a line at most: the database was away for too long), repeated (left out, as the same was kept "
      "a moment before).",
      "counter",
      {counted("result=\"stored\"", &AuditCounts::stored), counted("result=\"dropped\"", &AuditCounts::dropped),
       counted("result=\"unstored\"", &AuditCounts::unstored), counted("result=\"repeated\"", &AuditCounts::repeated)});
  metrics_.add_value("gatehouse_audit_waiting", "Entries of the audit trail that wait to be written.", "gauge",
                     [this] { return static_cast<double>(audit_.counts().waiting); });
  metrics_.add_value("gatehouse_audit_store_up", "0 while the audit trail waits for the database.", "gauge",
                     [this] { return audit_.counts().store_works ? 1.0 : 0.0; });
}

}  // namespace gatehouse::app
