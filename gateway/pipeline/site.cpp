#include "pipeline/site.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "config/path_pattern.hpp"
#include "http/target.hpp"
#include "pipeline/csrf.hpp"

namespace gatehouse::pipeline {

namespace {

std::string fold(std::string_view path) {
  std::string folded(path.size(), '\0');
  folded.resize(http::fold_path(path, folded.data()));
  return folded;
}

config::Configuration fold_routes(config::Configuration configuration) {
  for (auto& route : configuration.routes) route.path = fold(route.path);
  configuration.gateway.auth.base_path = fold(configuration.gateway.auth.base_path);
  return configuration;
}

using States = std::vector<std::shared_ptr<upstream::ServerStates>>;

States make_states(const config::Configuration& configuration, const Site* before) {
  const States known = before ? before->servers : States();
  States made;
  for (const auto& settings : configuration.upstreams) {
    const auto at = std::ranges::find_if(known, [&](const auto& states) { return states->fit(settings); });
    made.push_back(at == known.end() ? std::make_shared<upstream::ServerStates>(settings) : *at);
  }
  return made;
}

std::vector<std::shared_ptr<upstream::ClientTls>> make_tls(const config::Configuration& configuration) {
  std::vector<std::shared_ptr<upstream::ClientTls>> made;
  for (const auto& settings : configuration.upstreams) {
    made.push_back(settings.uses_tls() ? std::make_shared<upstream::ClientTls>(settings.tls) : nullptr);
  }
  return made;
}

bool have_same_paths(const config::Configuration& a, const config::Configuration& b) {
  return a.gateway.auth.base_path == b.gateway.auth.base_path &&
         std::ranges::equal(a.routes, b.routes, {}, &config::Route::path, &config::Route::path);
}

}  // namespace

Site::Site(config::Configuration made_from, const Site* before)
    : configuration(std::move(made_from)),
      table(configuration),
      pages(configuration.gateway),
      servers(make_states(configuration, before)),
      upstream_tls(make_tls(configuration)),
      base_url(configuration.gateway.base_url.to_string()),
      folded_(fold_routes(configuration)),
      folded_table_(folded_),
      patterns_are_folded_(have_same_paths(configuration, folded_)),
      limits_(make_route_limits(configuration)),
      base_authority_(base_url.substr(base_url.find("://") + 3)) {}

config::Match Site::match(std::string_view method, std::string_view host, std::string_view path) const {
  using Kind = config::Match::Kind;
  const config::Match match = table.match(method, host, path);
  if (match.kind != Kind::route) return match;
  char buffer[http::kTargetBytesMax];
  if (path.size() > sizeof buffer) return {};
  const std::string_view folded(buffer, http::fold_path(path, buffer));
  if (folded == path && patterns_are_folded_) return match;
  const config::Match lenient = folded_table_.match(method, host, folded);
  if (lenient.kind != Kind::route) return {};
  if (lenient.route->index == match.route->index) return match;
  // Two patterns that fold to one: each is its own route as long as it makes no difference to who gets through.
  const bool same =
      lenient.route->path == folded_.routes[match.route->index].path && lenient.route->has_rule_of(*match.route);
  return same ? match : config::Match{};
}

const Page* Site::find_page(std::string_view method, const config::Match& match, std::string_view path) const {
  using Kind = config::Match::Kind;
  if (match.kind == Kind::no_match) return is_safe_method(method) ? pages.find_page(path) : nullptr;
  if (method != "GET" && method != "HEAD") return nullptr;
  if (match.kind == Kind::method_not_allowed) return pages.find_page(path);
  if (match.kind != Kind::route || match.route->auth != config::AuthMode::required ||
      !config::literal_prefix(match.route->path).empty())
    return nullptr;
  return pages.find_page(path);
}

const Page* Site::find_page_for_strangers(std::string_view method, std::string_view path) const {
  return is_safe_method(method) ? pages.find_page(path) : nullptr;
}

std::string Site::allowed_methods(std::string_view host, std::string_view path) const {
  using Kind = config::Match::Kind;
  std::vector<std::string> methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  for (const auto& route : configuration.routes) {
    for (const auto& method : route.methods) {
      if (std::ranges::find(methods, method) == methods.end()) methods.push_back(method);
    }
  }
  std::string allowed;
  for (const auto& method : methods) {
    const Kind kind = match(method, host, path).kind;
    if (kind == Kind::no_match || kind == Kind::method_not_allowed) continue;
    if (!allowed.empty()) allowed.append(", ");
    allowed.append(method);
  }
  return allowed;
}

}  // namespace gatehouse::pipeline
