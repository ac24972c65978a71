#include "pipeline/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "auth/client_address.hpp"
#include "auth/cookie_header.hpp"
#include "auth/session_binding.hpp"
#include "base/ascii.hpp"
#include "base/failure.hpp"
#include "base/log.hpp"
#include "pipeline/answer.hpp"
#include "pipeline/authorize.hpp"
#include "pipeline/client_address.hpp"
#include "pipeline/context.hpp"
#include "pipeline/cors.hpp"
#include "pipeline/csrf.hpp"

namespace gatehouse::pipeline {

namespace {

std::shared_ptr<ThreadSite> make_thread_site(const Pipeline::Dependencies& deps, SitePtr site) {
  auto made = std::make_shared<ThreadSite>();
  for (std::size_t i = 0; i < site->servers.size(); ++i) {
    made->upstreams.push_back(std::make_unique<UpstreamOfThread>(deps.io, deps.deadlines,
                                                                 site->configuration.upstreams[i], deps.signer,
                                                                 site->servers[i], site->upstream_tls[i]));
  }
  made->site = std::move(site);
  return made;
}

bool asks_for_websocket(const http::RequestHead& head) {
  const auto upgrade = head.find(http::Name::upgrade);
  if (!upgrade || !iequals(*upgrade, "websocket") || head.method != "GET" || head.version != 11) return false;
  bool listed = false;
  for_each_in_list(head.find(http::Name::connection).value_or(""),
                   [&](std::string_view option) { listed = listed || iequals(option, "upgrade"); });
  // A handshake has no body: where it ended and the tunnel began would be read in two ways.
  return listed && head.find(http::Name::sec_websocket_key) && !head.find(http::Name::transfer_encoding) &&
         head.find(http::Name::content_length).value_or("0") == "0";
}

Destination destination_of(config::Match::Kind kind) {
  using Kind = config::Match::Kind;
  switch (kind) {
    case Kind::route:
      return Destination::proxy;
    case Kind::auth:
      return Destination::auth;
    case Kind::jwks:
      return Destination::jwks;
    case Kind::method_not_allowed:
    case Kind::no_match:
      break;
  }
  return Destination::none;
}

// A page has the rules of what the gateway serves itself, not those of a route that leaves it to the gateway.
void find_destination(Context& c, std::string_view method) {
  c.match = c.site.match(method, c.head.host, c.head.path);
  if (c.site.find_page(method, c.match, c.head.path)) {
    c.match = {};
    c.destination = Destination::page;
  } else {
    c.destination = destination_of(c.match.kind);
  }
}

}  // namespace

Pipeline::Pipeline(const Dependencies& dependencies, SitePtr site)
    : deps_(dependencies),
      site_(make_thread_site(dependencies, std::move(site))),
      request_ids_(dependencies.random),
      log_(dependencies.access_log) {}

Pipeline::~Pipeline() = default;

void Pipeline::set_site(SitePtr site) {
  site_ = make_thread_site(deps_, std::move(site));
}

void Pipeline::tick() {
  log_.flush();
  if (++ticks_ % 4 == 0) {
    for (const auto& upstream : site_->upstreams) {
      upstream->group.check_idle();
      upstream->group.begin_checks(site_);
    }
  }
}

// THE ORDER. Each limit comes as soon as its key can be trusted and before what costs more; nothing is looked up for a
// cookie whose signature is wrong; cross-site requests are refused before anything is said about the caller's rights.
Awaitable<> Pipeline::handle(http::Exchange& exchange) {
  Context c(exchange, site_, request_ids_.make());
  try {
    const bool answered = check_host(c)           // 421: a name that is not served, or not with this certificate
                          || answer_preflight(c)  // before any rule: browsers send preflights without cookies
                          || match_route(c)       // 404, 405: nothing declared, nothing forwarded
                          || limit_address(c)     // 429: the first key that can be trusted is the address
                          || check_cookie(c)      // 431; a signature is checked before anything is looked up
                          || limit_session(c);    // 429: a validly signed token is a key, whether or not it still lives
    if (!answered) {
      bool refused = false;
      if (counts_with_others(c)) {
        refused = co_await limit_with_others(c);  // the same as below, and 429 by the count of all gateways
      } else {
        if (needs_session(c) && !find_cached_session(c)) {
          c.identity = co_await deps_.sessions.load(std::string(c.cookie.token));
        }
        check_binding(c);
        refused = limit_user(c);  // 429
      }
      refused = refused || authorize_caller(c);  // 403 cross-site, then 401 or the sign-in page, then 403
      refused = refused || check_body_size(c);   // 413: before anybody else is bothered
      // 400, 403; 503: Cloudflare is away. A call that leaves, and a token that counts once: only for who may.
      if (!refused && needs_turnstile(c)) refused = co_await verify_turnstile(c);
      if (!refused) {
        co_await serve(c);
      }
    }
  } catch (const Failure& failure) {
    fail(c, failure);
  } catch (const std::exception& error) {
    fail_unexpectedly(c, error);
  }
  finish(c);
}

bool Pipeline::check_host(Context& c) {
  // Behind a proxy that does not know its client, anybody may have written X-Forwarded-For.
  c.client = c.exchange.peer_is_known
                 ? find_client_address(c.exchange.peer, c.head.fields, c.site.configuration.gateway.trusted_proxies)
                 : c.exchange.peer;
  c.client_text = c.client.to_string();
  if (c.site.table.serves(c.head.host) && deps_.serves_same(c.exchange.server_name, c.head.host)) return false;
  answer_error(c, 421, http::kMisdirected.code, http::kMisdirected.message, "unknown_host");
  return true;
}

// What is judged is the request that is to come: a route that lists its methods does not list OPTIONS for this.
bool Pipeline::answer_preflight(Context& c) {
  if (!is_preflight(c.head)) return false;
  const auto method = *c.head.find(http::Name::access_control_request_method);
  find_destination(c, method);
  const auto origin = c.destination == Destination::none ? std::string_view() : find_cors_origin(c, deps_.origins);
  if (origin.empty()) return false;
  std::string lines;
  append_preflight_lines(lines, c.head, origin);
  answer(c, 204, lines, "");
  return true;
}

bool Pipeline::match_route(Context& c) {
  const bool refused_method = c.head.method == "TRACE" || c.head.method == "CONNECT";
  if (!refused_method) find_destination(c, c.head.method);
  c.cors = !find_cors_origin(c, deps_.origins).empty();
  c.varies = varies_by_origin(c);
  c.upgrade = asks_for_websocket(c.head);
  if (refused_method || c.match.kind == config::Match::Kind::method_not_allowed) {
    answer_method_not_allowed(c, c.site.allowed_methods(c.head.host, c.head.path));
    return true;
  }
  if (c.destination != Destination::none) return false;
  answer_error(c, 404, "NOT_FOUND", "Nothing is here", "no_route");
  return true;
}

bool Pipeline::check_cookie(Context& c) {
  if (auth::cookies_too_large(c.head.fields)) {
    answer_error(c, 431, http::kHeadTooLarge.code, http::kHeadTooLarge.message, "cookies_too_large");
    return true;
  }
  if (c.destination == Destination::proxy) c.cookie = deps_.cookies.verify(c.head.fields, c.cookie_scratch);
  return false;
}

bool Pipeline::needs_session(const Context& c) const {
  return c.destination == Destination::proxy && c.route().auth != config::AuthMode::open &&
         c.cookie.signature == auth::SessionCookie::Signature::valid;
}

bool Pipeline::find_cached_session(Context& c) {
  c.identity = deps_.sessions.find_cached(c.cookie.token);
  return c.identity != nullptr;
}

// A token that is used from elsewhere than its session is bound to counts as none.
void Pipeline::check_binding(Context& c) {
  if (!deps_.sessions.binding().any() || !c.identity) return;
  auth::RequestOrigin origin{c.head.find(http::Name::user_agent).value_or(""), c.client};
  std::string address;
  if (const auto& rule = c.site.configuration.gateway.auth.ip_address) {
    auth::Headers headers;
    for (const auto& field : c.head.fields) headers.emplace_back(to_lower(field.name), field.value);
    address = auth::read_client_address(headers, *rule);
    origin.address = parse_ip(address);
  }
  const auto mismatch = auth::find_mismatch(deps_.sessions.binding(), c.identity->session, origin);
  if (mismatch == auth::BindingMismatch::none) return;
  auth::log_mismatch(mismatch, c.identity->session);
  if (!c.site.configuration.gateway.auth.ip_address) address = c.client.masked(64).to_string_full();
  deps_.audit.note(auth::make_audit_entry(auth::note_of(mismatch, c.identity->session), deps_.clock.now(), address,
                                          origin.user_agent, c.id.view()));
  c.reason = auth::kBoundElsewhere;
  c.identity = nullptr;
}

// True: refused and answered.
bool Pipeline::authorize_caller(Context& c) {
  if (c.destination != Destination::proxy) return false;
  const auto& route = c.route();
  const bool signed_cookie = c.cookie.signature == auth::SessionCookie::Signature::valid;
  if (route.csrf && route.auth != config::AuthMode::open && signed_cookie &&
      is_cross_site(c.head, c.upgrade, deps_.origins)) {
    answer_error(c, 403, "INVALID_ORIGIN", "Invalid origin", "cross_site");
    return true;
  }
  Caller caller;
  if (c.identity) {
    if (c.identity->user.role) caller.role = *c.identity->user.role;
    caller.session_created_at = c.identity->session.created_at;
  }
  const Decision decision = authorize(route, c.identity ? &caller : nullptr, deps_.clock.now());
  switch (decision.outcome) {
    case Decision::Outcome::allow:
      if (c.identity) begin_refresh(c);
      return false;
    case Decision::Outcome::forbidden:
      answer_error(c, 403, decision.code, decision.message, decision.reason);
      return true;
    case Decision::Outcome::unauthenticated:
      break;
  }
  if (c.site.find_page_for_strangers(c.head.method, c.head.path)) {
    c.destination = Destination::page;
    return false;
  }
  const std::string_view reason = c.cookie.signature == auth::SessionCookie::Signature::invalid ? "bad_cookie"
                                  : c.reason == auth::kBoundElsewhere                           ? c.reason
                                                                                                : decision.reason;
  if (is_navigation(c.head) && !c.upgrade) {
    std::string from(c.head.path);
    if (c.head.has_query) from.append("?").append(c.head.query);
    answer_redirect(c, 302, make_sign_in_location(c.site.configuration.gateway.pages.sign_in, from), reason);
  } else {
    answer_error(c, 401, decision.code, decision.message, reason);
  }
  return true;
}

bool Pipeline::check_body_size(Context& c) {
  const auto size = c.exchange.body.size();
  if (!size || *size <= c.route().body_limit) return false;
  answer_error(c, 413, "CONTENT_TOO_LARGE", "The request body is too large", "body_too_large");
  return true;
}

Awaitable<> Pipeline::serve(Context& c) {
  switch (c.destination) {
    case Destination::proxy:
      return forward(c);
    case Destination::auth:
      return dispatch_auth(c);
    default:
      return serve_static(c);
  }
}

Awaitable<> Pipeline::serve_static(Context& c) {
  if (c.destination == Destination::page) {
    serve_page(c);
  } else {
    serve_jwks(c);
  }
  co_return;
}

void Pipeline::serve_page(Context& c) {
  const Page& page = *c.site.pages.find_page(c.head.path);
  const auto known = c.head.find("if-none-match");
  if (known && matches_etag(*known, page.etag)) {
    answer(c, 304, page.header_lines, "");
  } else {
    answer(c, 200, page.header_lines, page.body);
  }
}

void Pipeline::serve_jwks(Context& c) {
  if (c.head.method != "GET" && c.head.method != "HEAD") {
    return answer_method_not_allowed(c, "GET, HEAD");
  }
  answer(c, 200, "Content-Type: application/jwk-set+json\r\nCache-Control: public, max-age=300\r\n",
         deps_.signer.jwks());
}

// Past updateAge the session gets a new end, off the request's path; the cookie's own end moves with it, in the answer
// to the one request that began it.
void Pipeline::begin_refresh(Context& c) {
  if (!deps_.sessions.wants_refresh_in_passing(c.identity->session, deps_.clock.now())) return;
  if (deps_.cookies.has_dont_remember(c.head.fields)) return;
  if (!deps_.sessions.begin_refresh(c.identity->session)) return;
  c.set_cookie = std::make_unique<std::string>(deps_.cookies.set_session(c.identity->session.token, true));
  asio::co_spawn(deps_.io.get_executor(), refresh(c.identity), [](const std::exception_ptr&) {});
}

Awaitable<> Pipeline::refresh(auth::IdentityPtr identity) {
  try {
    co_await deps_.sessions.refresh(identity);
  } catch (const std::exception& error) {
    deps_.metrics.count_reason("session_refresh_failed");
    log::warn("a session could not be refreshed: {}", error.what());
  }
}

void Pipeline::recheck(std::string token, std::weak_ptr<LiveHandle> handle) {
  asio::co_spawn(deps_.io.get_executor(), recheck_session(std::move(token), std::move(handle)),
                 [](const std::exception_ptr&) {});
}

Awaitable<> Pipeline::recheck_session(std::string token, std::weak_ptr<LiveHandle> handle) {
  try {
    const auto identity = co_await deps_.sessions.load(token);
    const auto live = handle.lock();
    if (!live) co_return;
    if (identity) {
      live->expires_at = identity->session.expires_at;
    } else {
      live->end();
    }
  } catch (const Failure&) {
    // The store is down: asked again by the next sweep.
  }
}

void Pipeline::recheck_if_ended(const std::string& token, std::weak_ptr<LiveHandle> handle) {
  if (!deps_.sessions.find_cached(token)) recheck(token, std::move(handle));
}

}  // namespace gatehouse::pipeline
