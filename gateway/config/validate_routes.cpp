#include "config/validate_routes.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "config/keys.hpp"
#include "config/path_pattern.hpp"
#include "config/route_table.hpp"

namespace gatehouse::config {

namespace {

// Letters and digits in lower case, everything else as one hyphen: two names that are one to some server.
std::string fold(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (is_alphanumeric(c)) {
      out += ascii_lower(c);
    } else if (out.empty() || out.back() != '-') {
      out += '-';
    }
  }
  return out;
}

// Fields that frame a message, belong to one connection, or are the gateway's word to the upstream.
bool is_taken_header(std::string_view name) {
  static constexpr std::array<std::string_view, 22> kTaken{"authorization",
                                                           "connection",
                                                           "content-length",
                                                           "content-type",
                                                           "cookie",
                                                           "expect",
                                                           "forwarded",
                                                           "host",
                                                           "http2-settings",
                                                           "keep-alive",
                                                           "origin",
                                                           "proxy-authorization",
                                                           "te",
                                                           "proxy-connection",
                                                           "set-cookie",
                                                           "trailer",
                                                           "upgrade",
                                                           "transfer-encoding",
                                                           "traceparent",
                                                           "x-session-id",
                                                           "x-request-id",
                                                           "x-real-ip"};
  const std::string folded = fold(name);
  if (std::find(kTaken.begin(), kTaken.end(), folded) != kTaken.end()) return true;
  for (const auto prefix : {"x-user-", "x-organization-", "x-forwarded-", "x-gatehouse-", "x-original-", "x-rewrite-"})
    if (folded.starts_with(prefix)) return true;
  return false;
}

class RouteValidator {
 public:
  RouteValidator(Configuration& configuration, const ValidationInput& input, std::vector<Problem>& problems)
      : configuration_(configuration), input_(input), problems_(problems) {
    for (const Upstream& upstream : configuration.upstreams) upstream_names_.push_back(upstream.name);
  }

  void run() {
    if (configuration_.defaults.auth == AuthMode::open)
      add(Code::public_route, "defaults.auth", "'public' is written on the route itself, never in defaults");
    check_default_turnstile();
    for (Route& route : configuration_.routes) {
      path_ = fmt::format("routes[{}]", route.index);
      check_upstream(route);
      check_path(route);
      check_auth(route);
      check_methods(route);
      check_header(route);
      check_turnstile(route);
    }
    check_ties();
    check_case_twins();
    check_tests();
  }

 private:
  void add(Code code, const std::string& path, std::string text) {
    problems_.push_back({code, find_place(input_, path), path, std::move(text), {}});
  }
  bool is_written(const std::string& path) const { return input_.places.contains(path); }

  void check_upstream(Route& route) {
    if (route.upstream.empty()) return;
    const auto at = std::find(upstream_names_.begin(), upstream_names_.end(), route.upstream);
    if (at == upstream_names_.end()) {
      add(Code::unknown_upstream, path_ + ".upstream",
          fmt::format("no upstream '{}' is declared{}", route.upstream, suggestion(route.upstream, upstream_names_)));
    } else {
      route.upstream_index = static_cast<std::size_t>(at - upstream_names_.begin());
    }
  }

  void check_path(const Route& route) {
    if (route.path.empty()) return;
    const auto literal = literal_prefix(route.path);
    const auto& base = configuration_.gateway.auth.base_path;
    if (is_at_or_below(literal, base) || is_at_or_below(literal, kJwksPath))
      add(Code::reserved_path, path_ + ".path",
          fmt::format("{} belongs to the gateway itself",
                      is_at_or_below(literal, base) ? base : std::string(kJwksPath)));
    if (route.strip_prefix.empty()) return;
    if (route.strip_prefix == "/" || !is_at_or_below(literal, route.strip_prefix))
      add(Code::path, path_ + ".strip_prefix",
          fmt::format("'{}' is not the literal beginning of {}", route.strip_prefix, route.path));
  }

  void check_auth(const Route& route) {
    // `public` out of `defaults` is a problem of its own.
    const bool open = route.auth == AuthMode::open && configuration_.defaults.auth != AuthMode::open;
    const bool at_root = route.path.starts_with("/*");
    if (open && is_written(path_ + ".require"))
      add(Code::public_route, path_ + ".require", "a public route looks at no session and can require nothing");
    if (open && at_root && !route.insecure_public_root)
      add(Code::public_root, path_ + ".path",
          "a public route that starts with a wildcard makes public what nobody named: write insecure_public_root: "
          "true, or a "
          "literal first segment");
    if (route.insecure_public_root && !(open && at_root))
      add(Code::value, path_ + ".insecure_public_root", "is for public routes that start with a wildcard alone");
    if (is_written(path_ + ".require.role") && route.require.role.empty())
      add(Code::missing, path_ + ".require.role", "needs at least one role");
    for (const auto& role : route.require.role)
      if (role.empty() || role.find(',') != std::string::npos || trim(role) != role)
        add(Code::value, path_ + ".require.role", "a role is a word without commas and blanks around it");
  }

  void check_methods(const Route& route) {
    if (is_written(path_ + ".methods") && route.methods.empty())
      add(Code::missing, path_ + ".methods", "needs at least one method");
    std::set<std::string> seen;
    for (const auto& method : route.methods)
      if (!seen.insert(method).second) add(Code::value, path_ + ".methods", fmt::format("{} is there twice", method));
  }

  void check_header(const Route& route) {
    if (!route.forward_authorization_as.empty() && is_taken_header(route.forward_authorization_as))
      add(Code::value, path_ + ".forward_authorization_as",
          fmt::format("{} is a name of HTTP's or of the gateway's own", route.forward_authorization_as));
  }

  // Told once, not again for each route that has it from there.
  void check_default_turnstile() {
    path_ = "defaults";
    check_turnstile(configuration_.defaults);
  }

  void check_turnstile(Route& route) {
    if (route.turnstile == TurnstileMode::off || configuration_.gateway.turnstile.is_configured()) return;
    const std::string path = path_ + ".turnstile";
    if (input_.dev) {
      route.turnstile = TurnstileMode::off;
      if (is_written(path)) configuration_.notes.push_back(path + " is off: there is no gateway.turnstile.secret_key");
    } else if (is_written(path)) {
      add(Code::missing, path, "needs gateway.turnstile.secret_key");
    }
  }

  // Routes of one host and pattern are told apart by their methods alone.
  void check_ties() {
    std::map<std::string, const Route*> first;
    for (const Route& route : configuration_.routes) {
      if (route.path.empty()) continue;
      const auto methods = route.methods.empty() ? std::vector<std::string>{"every method"} : route.methods;
      for (const auto& method : methods) {
        const auto [at, added] = first.emplace(route.host + " " + route.path + " " + method, &route);
        if (added || at->second == &route) continue;
        const Place& place = at->second->place;
        add(Code::duplicate_route, fmt::format("routes[{}].path", route.index),
            fmt::format("{} {} for {} is already declared by routes[{}] at {}:{}:{}", route.host, route.path, method,
                        at->second->index, place.file, place.line, place.column));
        break;
      }
    }
  }

  // RFC 3986 section 6.2.2.1: paths are case-sensitive, so both are routes of their own. Many upstreams think
  // otherwise.
  void check_case_twins() {
    for (const Route& route : configuration_.routes) {
      for (const Route& other : std::span(configuration_.routes).first(route.index)) {
        const bool share_host = route.host == other.host || route.host.empty() || other.host.empty();
        if (!share_host || !share_method(route, other) || route.has_rule_of(other) ||
            !differ_in_case_alone(route.path, other.path))
          continue;
        const Place& place = other.place;
        add(Code::case_twins, fmt::format("routes[{}].path", route.index),
            fmt::format("{} and {} of routes[{}] at {}:{}:{} are told apart by letter case alone, and their rules "
                        "differ: an upstream that takes both for the same would serve what is protected",
                        route.path, other.path, other.index, place.file, place.line, place.column));
        break;
      }
    }
  }

  static bool share_method(const Route& a, const Route& b) {
    if (a.methods.empty() || b.methods.empty()) return true;
    const auto lists = [](const Route& route, std::string_view method) {
      return std::find(route.methods.begin(), route.methods.end(), method) != route.methods.end();
    };
    return std::any_of(a.methods.begin(), a.methods.end(), [&](const std::string& method) {
      return lists(b, method) || (method == "HEAD" && lists(b, "GET")) || (method == "GET" && lists(b, "HEAD"));
    });
  }

  void check_tests() {
    for (std::size_t i = 0; i < configuration_.tests.size(); ++i) {
      const auto& expected = configuration_.tests[i].expect_upstream;
      if (expected.empty() || is_own_destination(expected)) continue;
      if (std::find(upstream_names_.begin(), upstream_names_.end(), expected) == upstream_names_.end())
        add(Code::unknown_upstream, fmt::format("tests[{}].expect", i),
            fmt::format("'{}' is neither a status nor a declared upstream{}", expected,
                        suggestion(expected, upstream_names_)));
    }
  }

  Configuration& configuration_;
  const ValidationInput& input_;
  std::vector<Problem>& problems_;
  std::vector<std::string_view> upstream_names_;
  std::string path_;
};

}  // namespace

void validate_routes(Configuration& configuration, const ValidationInput& input, std::vector<Problem>& problems) {
  RouteValidator(configuration, input, problems).run();
}

}  // namespace gatehouse::config
