// `gatehouse explain "POST /api/orders/7/refund" --as role=staff`: which route serves a request, why, and what comes of
// it.
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "app/commands/describe_route.hpp"
#include "app/rehearsal.hpp"
#include "base/ascii.hpp"
#include "config/values.hpp"

namespace gatehouse::app {

namespace {

struct ExplainOptions {
  ConfigurationFiles files;
  std::string request;
  std::vector<std::string> as;
  std::string host;
};

// An empty text is success.
std::string parse_as(const std::vector<std::string>& texts, std::optional<ImaginedCaller>& caller) {
  for (const auto& text : texts) {
    if (text == "anonymous") continue;
    if (!caller) caller.emplace();
    if (text == "user") continue;
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto value = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (name == "role") {
      caller->role += (caller->role.empty() ? "" : ",") + value;
    } else if (const auto age = config::SecondsValue::parse(value); name == "session_age" && age) {
      caller->session_age = *age;
    } else {
      return fmt::format("--as {}: write anonymous, user, role=NAME or session_age=20m", text);
    }
  }
  return {};
}

void print_route(const config::Configuration& configuration, const ImaginedRequest& request, const Outcome& outcome) {
  const config::Route& route = *outcome.route;
  fmt::print("route      routes[{}] {} {}{} ({}:{})\n", route.index, describe_methods(route), route.host, route.path,
             route.place.file, route.place.line);
  fmt::print("           the most specific of the routes that match\n");
  for (const auto& other : configuration.routes) {
    if (other.index == route.index) continue;
    config::Configuration alone;
    alone.gateway.auth.base_path = configuration.gateway.auth.base_path;
    alone.routes.push_back(other);
    const std::string host = request.host.empty() ? configuration.gateway.base_url.host : request.host;
    if (config::RouteTable(alone).match(request.method, host, outcome.path).kind == config::Match::Kind::route)
      fmt::print("           also matches, less specific: routes[{}] {} {}{}\n", other.index, describe_methods(other),
                 other.host, other.path);
  }
  fmt::print("auth       {}\n", describe_auth(route));
  if (route.turnstile != config::TurnstileMode::off) fmt::print("turnstile  {}\n", describe_turnstile(route));
  fmt::print("limit      {}; body up to {}\n", describe_rate_limit(route), config::SizeValue::print(route.body_limit));
}

int run_explain(const ExplainOptions& options) {
  ImaginedRequest request;
  const auto blank = options.request.find(' ');
  request.method = options.request.substr(0, blank);
  request.target = blank == std::string::npos ? "" : std::string(trim(options.request.substr(blank + 1)));
  request.host = to_lower(options.host);
  if (!config::MethodValue::parse(request.method) || !request.target.starts_with('/')) {
    fmt::print(stderr, "'{}' is not a method and a path, as \"GET /api/orders/7\"\n", options.request);
    return 2;
  }
  if (const auto error = parse_as(options.as, request.caller); !error.empty()) {
    fmt::print(stderr, "{}\n", error);
    return 2;
  }
  const auto configuration = load_or_tell(options.files);
  if (!configuration) return 1;
  const pipeline::Site site(*configuration);
  const Outcome outcome = rehearse(site, request);

  fmt::print("request    {} {}\n", request.method, outcome.path.empty() ? request.target : outcome.path);
  fmt::print("caller     {}\n", !request.caller                ? "anonymous"
                                : request.caller->role.empty() ? "a user without a role"
                                                               : "a user with role " + request.caller->role);
  if (outcome.route) print_route(*configuration, request, outcome);
  if (outcome.destination.empty()) {
    fmt::print("outcome    {} ({})\n", outcome.status, outcome.reason);
  } else if (!outcome.forwarded.empty()) {
    const auto& upstream = configuration->upstreams[outcome.route->upstream_index];
    fmt::print("outcome    forwarded to {}: {} {}\n", upstream.name, request.method, outcome.forwarded);
    for (const auto& server : upstream.servers) fmt::print("           {}\n", config::ServerValue::print(server));
  } else {
    fmt::print("outcome    answered by the gateway itself ({})\n", outcome.destination);
  }
  return 0;
}

}  // namespace

void add_explain(CommandLine& line) {
  auto command = line.add("explain", "Say which route serves a request, and what would be decided");
  const auto options = std::make_shared<ExplainOptions>();
  command.add("request", options->request, "Method and path, as \"POST /api/orders/7/refund\"").required();
  command.add("--as", options->as, "Who asks: anonymous, user, role=NAME, session_age=20m; may be repeated");
  command.add("--host", options->host, "Host of the request; that of base_url by default");
  add_configuration_options(command, options->files);
  command.on_call([options] { return run_explain(*options); });
}

}  // namespace gatehouse::app
