// What one configuration comes to: everything about routes that is the same for all threads and all requests, made once
// at start and once at each reload. Immutable; an exchange keeps the site that it began with.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"
#include "config/route_table.hpp"
#include "pipeline/pages.hpp"
#include "pipeline/route_limit.hpp"
#include "upstream/client_tls.hpp"
#include "upstream/server_states.hpp"

namespace gatehouse::pipeline {

class Site {
 public:
  // `before`: the site that this one takes the place of; what is known of servers that both have is kept.
  explicit Site(config::Configuration made_from, const Site* before = nullptr);
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  // The most specific route. A path that a lenient upstream could take for the path of a stricter route (other letter
  // case, dots or blanks at the end of a segment) has no match: it would be served under the wrong rule.
  config::Match match(std::string_view method, std::string_view host, std::string_view path) const;

  // The hosted page that answers a request of that path, of which `match` is the match; null: none does. A declared
  // route comes first, but for one that needs a session and names no path, as /** does: with it nobody could sign in,
  // and who is signed in had no account page.
  const Page* find_page(std::string_view method, const config::Match& match, std::string_view path) const;

  // The page that a stranger gets from a route that needs a session, in the place of its 401; null: none. A protected
  // route may name the sign-in page: redirected to itself, nobody could ever sign in.
  const Page* find_page_for_strangers(std::string_view method, std::string_view path) const;

  // For the Allow field: "GET, HEAD". Empty where nothing is.
  std::string allowed_methods(std::string_view host, std::string_view path) const;

  // How this host is written in URLs: with base_url's port where it is base_url's host.
  std::string_view authority(std::string_view host) const {
    return host == configuration.gateway.base_url.host ? std::string_view(base_authority_) : host;
  }

  const RouteLimit& limit_of(const config::Match& match) const {
    return limits_[match.route ? match.route->index + 1 : 0];
  }

  const config::Configuration configuration;
  const config::RouteTable table;
  const HostedPages pages;
  const std::vector<std::shared_ptr<upstream::ServerStates>> servers;  // in the order of configuration.upstreams
  // Likewise; null where no server is spoken to over TLS. Whoever builds a gateway of the site loads them.
  const std::vector<std::shared_ptr<upstream::ClientTls>> upstream_tls;
  const std::string base_url;  // "https://example.com", without a slash at the end

 private:
  const config::Configuration folded_;  // the same routes with folded patterns
  const config::RouteTable folded_table_;
  const bool patterns_are_folded_;  // then a folded path cannot be taken for another one
  const std::vector<RouteLimit> limits_;
  std::string base_authority_;
};

using SitePtr = std::shared_ptr<const Site>;

}  // namespace gatehouse::pipeline
