// The life of a request between an edge and its destination. handle() is the order of all steps, one line each; what a
// step needs to know is in the Context, what it decides is an answer or the way on.
//
// One for each thread. Steps that never wait are plain functions; only limits that are counted in Redis, loading an
// unknown session, auth endpoints and forwarding suspend.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/assertion.hpp"
#include "auth/audit.hpp"
#include "auth/dispatcher.hpp"
#include "auth/session_cookie.hpp"
#include "auth/sessions.hpp"
#include "auth/trusted_origins.hpp"
#include "base/failure.hpp"
#include "http/exchange.hpp"
#include "outbound/turnstile.hpp"
#include "pipeline/access_log.hpp"
#include "pipeline/limits.hpp"
#include "pipeline/live_exchanges.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/rate_limiter.hpp"
#include "pipeline/request_id.hpp"
#include "pipeline/shared_limits.hpp"
#include "pipeline/site.hpp"
#include "upstream/upstream_group.hpp"

namespace gatehouse::pipeline {

struct Context;
struct ThreadSite;

class Pipeline final : public http::ExchangeHandler {
 public:
  // Everything outlives the pipeline. Shared by threads: the constant ones, limiter, live, access_log, audit.
  struct Dependencies {
    asio::io_context& io;
    Deadlines& deadlines;
    const Clock& clock;
    Random& random;
    auth::Sessions& sessions;
    auth::SessionCookie& cookies;
    auth::Dispatcher& dispatcher;
    const auth::TrustedOrigins& origins;
    const auth::AssertionSigner& signer;
    RateLimiter& limiter;
    LiveExchanges& live;
    AccessLog& access_log;
    auth::AuditTrail& audit;
    ThreadMetrics& metrics;
    // Whether the certificate that was shown for this SNI is the one for this host.
    std::function<bool(std::string_view server_name, std::string_view host)> serves_same;
    // Null: not configured. What asks for a token all the same lets nobody through. Shared by threads.
    const outbound::Turnstile* turnstile = nullptr;
    auth::Attempts* attempts = nullptr;     // null: `on_risk` always asks
    SharedLimits* shared_limits = nullptr;  // null: this gateway counts alone
  };

  Pipeline(const Dependencies& dependencies, SitePtr site);
  ~Pipeline();

  Awaitable<> handle(http::Exchange& exchange) override;
  std::string on_refusal(const http::RefusedRequest& refused) override;

  // A reload: exchanges that go on keep the site that they began with.
  void set_site(SitePtr site);
  // About four times a second, from the thread's sweep: hands over log lines, looks after upstreams.
  void tick();
  // For LiveExchanges::sweep: ends the exchange if its session has ended by now.
  void recheck(std::string token, std::weak_ptr<LiveHandle> handle);

 private:
  // The steps, in order. True: answered, nothing further is to be done.
  bool check_host(Context& c);
  bool answer_preflight(Context& c);
  bool match_route(Context& c);
  bool limit_address(Context& c);
  bool check_cookie(Context& c);
  bool limit_session(Context& c);
  bool needs_session(const Context& c) const;
  bool find_cached_session(Context& c);
  void check_binding(Context& c);
  bool limit_user(Context& c);
  bool counts_with_others(const Context& c) const;
  Awaitable<bool> limit_with_others(Context& c);
  bool needs_turnstile(const Context& c) const;
  Awaitable<bool> verify_turnstile(Context& c);
  bool authorize_caller(Context& c);
  bool check_body_size(Context& c);

  Awaitable<> serve(Context& c);
  Awaitable<> forward(Context& c);
  Awaitable<> dispatch_auth(Context& c);
  Awaitable<bool> read_auth_body(Context& c, auth::AuthRequest& request);
  Awaitable<bool> verify_token(Context& c, std::string token, std::string remote_address);
  Awaitable<bool> verify_endpoint_token(Context& c, auth::AuthRequest& request);
  bool always_asks(const Context& c, std::string_view path) const;
  void answer_without_turnstile(Context& c, const Failure& failure);
  Awaitable<> serve_static(Context& c);
  void serve_page(Context& c);
  void serve_jwks(Context& c);

  bool take_limits(Context& c, LimitStage stage);
  bool take_limit(Context& c, const config::RateLimit& rule, std::size_t place);
  void give_back_before(const Context& c, const config::RateLimit& rule, std::size_t place);
  bool is_left_to_store(const Context& c, const config::RateLimit& rule) const;
  Awaitable<bool> take_in_store(Context& c, LimitStage first, LimitStage last);
  Awaitable<bool> load_within_limits(Context& c);
  bool judge_metered(Context& c, const std::vector<std::size_t>& places, const cache::Metered& metered,
                     cache::Rate rate, SteadyTime asked);
  void begin_refresh(Context& c);
  Awaitable<> refresh(auth::IdentityPtr identity);
  Awaitable<> recheck_session(std::string token, std::weak_ptr<LiveHandle> handle);
  void recheck_if_ended(const std::string& token, std::weak_ptr<LiveHandle> handle);
  void answer_broken_body(Context& c);
  static std::string loggable_auth_path(const Context& c);
  static std::string loggable_refused_target(std::string_view target);
  void tell_seldom(const Failure& failure);
  void fail(Context& c, const Failure& failure);
  void fail_unexpectedly(Context& c, const std::exception& error);
  void finish(Context& c);

  friend class ForwardEvents;

  const Dependencies deps_;
  std::shared_ptr<ThreadSite> site_;
  RequestIds request_ids_;
  AccessLog::Buffer log_;
  std::vector<std::unique_ptr<std::string>> spare_heads_;  // buffers of request heads, for reuse
  unsigned ticks_ = 0;
  struct Told {
    SteadyTime at{};
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Told> told_;  // by reason code: few
};

}  // namespace gatehouse::pipeline
