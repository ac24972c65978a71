// What the pipeline knows of one exchange while it passes through the steps. On the frame of Pipeline::handle, which is
// kept below 1020 bytes: larger frames are not recycled by Asio.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/session_cookie.hpp"
#include "http/exchange.hpp"
#include "pipeline/identity_headers.hpp"
#include "pipeline/live_exchanges.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/request_id.hpp"
#include "pipeline/site.hpp"
#include "upstream/upstream_group.hpp"

namespace gatehouse::pipeline {

// One upstream as one thread uses it.
struct UpstreamOfThread {
  UpstreamOfThread(asio::io_context& io, Deadlines& deadlines, const config::Upstream& settings,
                   const auth::AssertionSigner& signer, std::shared_ptr<upstream::ServerStates> states,
                   std::shared_ptr<const upstream::ClientTls> tls)
      : group(io, deadlines, settings, std::move(states), std::move(tls)),
        identity_headers(settings, signer),
        credentials(settings.key.empty() ? "" : "Authorization: Bearer " + settings.key.reveal() + "\r\n") {}

  upstream::UpstreamGroup group;
  IdentityHeaders identity_headers;
  std::string credentials;
};

// A site with the connections that one thread has for it.
struct ThreadSite {
  SitePtr site;
  std::vector<std::unique_ptr<UpstreamOfThread>> upstreams;  // in the order of configuration.upstreams
};

struct Context {
  Context(http::Exchange& e, std::shared_ptr<ThreadSite> s, RequestId request_id)
      : exchange(e), head(e.head), thread_site(std::move(s)), site(*thread_site->site), id(request_id) {}

  const config::Route& route() const { return match.route ? *match.route : site.configuration.defaults; }

  http::Exchange& exchange;
  const http::RequestHead& head;
  const std::shared_ptr<ThreadSite> thread_site;
  const Site& site;
  const RequestId id;
  IpAddress client;
  // Of the route's limits the one that the answer tells of, by its place in `by` of the rule: that of which the least
  // is left. Here, where they need no room of their own, as the client's address leaves some.
  static constexpr std::uint8_t kNoLimit = 255;
  std::uint8_t limit_place = kNoLimit;
  std::uint32_t limit_remaining = 0;
  std::string client_text;
  config::Match match;
  Destination destination = Destination::none;
  bool upgrade = false;  // a WebSocket handshake
  bool cors = false;     // from another trusted origin, which may read the answer: its Origin field
  bool varies = false;   // another origin may get another answer: caches must keep them apart
  auth::SessionCookie::Scratch cookie_scratch;
  auth::SessionCookie::Verdict cookie;
  auth::IdentityPtr identity;
  std::unique_ptr<std::string> set_cookie;  // a value, when the session is being renewed

  std::uint32_t limit_reset_seconds = 0;

  // For the log.
  int status = 0;
  std::string_view reason;
  std::unique_ptr<std::string> failure_reason;  // owns `reason` where it is not static
  SteadyTime upstream_answered{};
};

}  // namespace gatehouse::pipeline
