#include "config/route_table.hpp"

#include <algorithm>

#include "config/path_pattern.hpp"

namespace gatehouse::config {

namespace {

// Takes the first segment off "/a/b" ("a", leaving "/b"). A path that is empty or "/" has none left.
std::string_view take_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto segment = rest.substr(0, slash);
  rest.remove_prefix(slash);
  return segment;
}

bool at_end(std::string_view rest) {
  return rest.empty() || rest == "/";
}

bool lists(const Route& route, std::string_view method) {
  return std::find(route.methods.begin(), route.methods.end(), method) != route.methods.end();
}

const Route* find_for_method(const std::vector<const Route*>& routes, std::string_view method) {
  const Route* for_get = nullptr;
  for (const Route* route : routes) {
    if (route->methods.empty()) return for_get ? for_get : route;
    if (lists(*route, method)) return route;
    if (method == "HEAD" && lists(*route, "GET")) for_get = route;
  }
  return for_get;
}

void insert_narrow_first(std::vector<const Route*>& routes, const Route& route) {
  routes.insert(route.methods.empty() ? routes.end() : routes.begin(), &route);
}

}  // namespace

RouteTable::RouteTable(const Configuration& configuration)
    : nodes_(1), auth_base_path_(configuration.gateway.auth.base_path) {
  served_hosts_ = configuration.gateway.hosts;
  served_hosts_.push_back(configuration.gateway.base_url.host);
  for (const Route& route : configuration.routes) {
    if (route.host.empty()) {
      add(0, route);
      continue;
    }
    served_hosts_.push_back(route.host);
    auto at = std::lower_bound(hosts_.begin(), hosts_.end(), route.host,
                               [](const HostRoot& a, std::string_view host) { return a.host < host; });
    if (at == hosts_.end() || at->host != route.host) {
      at = hosts_.insert(at, {route.host, static_cast<NodeIndex>(nodes_.size())});
      nodes_.emplace_back();
    }
    add(at->root, route);
  }
  std::sort(served_hosts_.begin(), served_hosts_.end());
}

void RouteTable::add(NodeIndex node, const Route& route) {
  std::string_view rest = route.path;
  while (!at_end(rest)) {
    const auto segment = take_segment(rest);
    if (segment == "**") {
      insert_narrow_first(nodes_[node].below, route);
      return;
    }
    const auto next = static_cast<NodeIndex>(nodes_.size());
    if (segment == "*") {
      if (nodes_[node].wildcard == kNone) {
        nodes_[node].wildcard = next;
        nodes_.emplace_back();
      }
      node = nodes_[node].wildcard;
      continue;
    }
    auto& literals = nodes_[node].literals;
    auto at = std::lower_bound(literals.begin(), literals.end(), segment,
                               [](const Child& a, std::string_view b) { return a.segment < b; });
    if (at != literals.end() && at->segment == segment) {
      node = at->node;
    } else {
      literals.insert(at, {std::string(segment), next});
      nodes_.emplace_back();
      node = next;
    }
  }
  insert_narrow_first(nodes_[node].here, route);
}

// Recursion ends with the deepest pattern, which validation bounds by kPatternSegmentsMax.
const Route* RouteTable::find(NodeIndex index, std::string_view rest, std::string_view method,
                              bool& other_method) const {
  const Node& node = nodes_[index];
  if (at_end(rest)) {
    if (const Route* route = find_for_method(node.here, method)) return route;
    other_method |= !node.here.empty();
  } else {
    const auto segment = take_segment(rest);
    const auto at = std::lower_bound(node.literals.begin(), node.literals.end(), segment,
                                     [](const Child& a, std::string_view b) { return a.segment < b; });
    if (at != node.literals.end() && at->segment == segment)
      if (const Route* route = find(at->node, rest, method, other_method)) return route;
    if (node.wildcard != kNone && !segment.empty())
      if (const Route* route = find(node.wildcard, rest, method, other_method)) return route;
  }
  const Route* route = find_for_method(node.below, method);
  other_method |= !route && !node.below.empty();
  return route;
}

Match RouteTable::match(std::string_view method, std::string_view host, std::string_view path) const {
  if (is_at_or_below(path, auth_base_path_)) return {Match::Kind::auth, nullptr};
  if (path == kJwksPath) return {Match::Kind::jwks, nullptr};
  if (path.empty() || path.front() != '/') return {};
  bool other_method = false;
  const auto at = std::lower_bound(hosts_.begin(), hosts_.end(), host,
                                   [](const HostRoot& a, std::string_view b) { return a.host < b; });
  if (at != hosts_.end() && at->host == host)
    if (const Route* route = find(at->root, path, method, other_method)) return {Match::Kind::route, route};
  if (const Route* route = find(0, path, method, other_method)) return {Match::Kind::route, route};
  return {other_method ? Match::Kind::method_not_allowed : Match::Kind::no_match, nullptr};
}

bool RouteTable::serves(std::string_view host) const {
  const auto at = std::lower_bound(served_hosts_.begin(), served_hosts_.end(), host);
  return !host.empty() && at != served_hosts_.end() && *at == host;
}

std::string_view forwarded_path(const Route& route, std::string_view path) {
  path.remove_prefix(route.strip_prefix.size());
  return path.empty() ? "/" : path;
}

}  // namespace gatehouse::config
