// `gatehouse attack`: tries to get across the trust boundary of a running gateway, of one of its own, or of an
// upstream.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "app/attacked_gateway.hpp"
#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "app/gateway.hpp"
#include "app/load_configuration.hpp"
#include "attack/upstream_attack.hpp"
#include "base/log.hpp"

namespace gatehouse::app {

namespace {

constexpr int kCouldNotRun = 2;

struct Options {
  bool self = false;
  std::string config;
  std::string url;
  std::string upstream;
  std::string path = "/";
  std::string key_file;
  std::string key_env;
  std::string witness;
  std::string ca;
  bool insecure = false;
  std::string host;
  std::string origin;
  std::string route = "/api/hello";
  std::string public_route = "/api/public/attack";
  std::string optional_route;
  std::vector<std::string> cookies;
  bool sign_up = false;
  std::string auth_base_path = "/api/auth";
  bool owned = false;
  int rate = 100;
  int time_limit = 600;
  std::string groups;
  std::vector<int> threats;
  std::string only;
  int stop_after = 0;
  std::string json;
};

int complain(std::string_view text) {
  fmt::print(stderr, "gatehouse attack: {}\n", text);
  return kCouldNotRun;
}

// At a terminal in place; elsewhere a line now and then.
void tell_progress(int done, int all) {
  if (::isatty(STDERR_FILENO)) {
    fmt::print(stderr, "\r{} of {} vectors{}", done, all, done == all ? "\n" : "");
  } else if (done % 100 == 0 || done == all) {
    fmt::print(stderr, "{} of {} vectors\n", done, all);
  }
}

int tell(const attack::Report& report, const Options& options) {
  fmt::print("{}", report.to_text());
  if (!report.broken_off.empty()) complain(report.broken_off);
  if (!options.json.empty()) {
    std::ofstream file(options.json, std::ios::binary | std::ios::trunc);
    file << report.to_json();
    file.close();
    if (!file) {
      complain(fmt::format("{} cannot be written", options.json));
      return report.exit_code() == 1 ? 1 : kCouldNotRun;
    }
  }
  return report.exit_code();
}

attack::Plan make_plan(const Options& options) {
  attack::Plan plan;
  plan.url = options.url;
  plan.trust = {.ca_file = options.ca, .insecure = options.insecure};
  plan.witness_url = options.witness;
  plan.target.host = options.host;
  plan.target.origin = options.origin;
  plan.target.required_path = options.route;
  plan.target.open_path = options.public_route;
  plan.target.optional_path = options.optional_route;
  if (!options.cookies.empty()) plan.target.ada_cookie = options.cookies[0];
  if (options.cookies.size() > 1) plan.target.bob_cookie = options.cookies[1];
  plan.sign_up = options.sign_up;
  plan.auth_base_path = options.auth_base_path;
  return plan;
}

int attack_gateway(attack::Plan plan, const Options& options) {
  plan.per_second = options.rate;
  plan.time_limit = std::chrono::seconds(options.time_limit);
  plan.groups = options.groups;
  plan.threats = options.threats;
  plan.only = options.only;
  plan.stop_after = options.stop_after;
  plan.progress = tell_progress;
  attack::Runner runner(std::move(plan));
  if (!runner.is_loopback() && !options.owned)
    return complain("this host is not this machine; say --i-own-this-host if you may attack it");
  return tell(runner.run(), options);
}

int attack_self(const Options& options) {
  std::optional<config::Configuration> routes;
  if (!options.config.empty()) {
    routes = load_or_tell({.routes = options.config, .gateway = {}, .dev = true});
    if (!routes) return kCouldNotRun;
  }
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  int exit_code = kCouldNotRun;
  {
    const ProcessLog process_log(LogFormat::json, nowhere);
    const AttackedGateway attacked(routes);
    exit_code = attack_gateway(attacked.plan(), options);
  }
  ::close(nowhere);
  return exit_code;
}

// In a file or in the environment: what is on the command line, every process of the machine can read.
std::string read_key(const Options& options) {
  std::string key;
  if (!options.key_file.empty()) {
    std::ifstream file(options.key_file, std::ios::binary);
    if (!std::getline(file, key)) throw attack::Unreachable(options.key_file + ": no key can be read there");
  } else if (!options.key_env.empty()) {
    const char* value = std::getenv(options.key_env.c_str());
    if (!value || !*value) throw attack::Unreachable(options.key_env + " is not set");
    key = value;
  }
  if (!key.empty() && key.size() < 8) throw attack::Unreachable("the key is shorter than 8 characters");
  return key;
}

int attack_upstream(const Options& options) {
  attack::UpstreamPlan plan;
  plan.url = options.upstream;
  plan.trust = {.ca_file = options.ca, .insecure = options.insecure};
  plan.path = options.path;
  plan.key = read_key(options);
  plan.per_second = options.rate;
  plan.time_limit = std::chrono::seconds(options.time_limit);
  plan.progress = tell_progress;
  attack::UpstreamAttack attempt(std::move(plan));
  if (!attempt.is_loopback() && !options.owned)
    return complain("this host is not this machine; say --i-own-this-host if you may attack it");
  return tell(attempt.run(), options);
}

bool is_path(std::string_view path) {
  return path.starts_with('/') &&
         std::ranges::none_of(path, [](char c) { return c <= ' ' || c >= 0x7F || c == '?' || c == '#'; });
}

bool is_cookie(std::string_view cookie) {
  return cookie.find('=') != std::string_view::npos && !cookie.starts_with('=') &&
         cookie.find_first_of("; \t\r\n") == std::string_view::npos;
}

// What would be left out of the attack without a word, or be none. Empty: all is in order.
std::string_view find_misuse(const Options& options) {
  if (options.self + !options.url.empty() + !options.upstream.empty() != 1)
    return "say what to attack: one of --self, --url URL and --upstream URL";
  if (!options.self && !options.config.empty()) return "--config goes with --self";
  if (options.url.empty() && (!options.witness.empty() || !options.cookies.empty() || options.sign_up))
    return "--witness, --cookie and --sign-up go with --url";
  if (options.upstream.empty() && (!options.key_file.empty() || !options.key_env.empty()))
    return "--key-file and --key-env go with --upstream";
  if (!options.key_file.empty() && !options.key_env.empty()) return "one of --key-file and --key-env";
  if (!options.upstream.empty() &&
      (!options.groups.empty() || !options.threats.empty() || !options.only.empty() || options.stop_after > 0))
    return "--groups, --threats, --only and --stop-after go with --self and --url";
  if (options.groups.find_first_not_of("ABCDF") != std::string::npos)
    return "--groups: the groups are A, B, C, D and F";
  if (!is_path(options.route) || !is_path(options.public_route) || !is_path(options.path) ||
      (!options.optional_route.empty() && !is_path(options.optional_route)))
    return "a route or path begins with / and has neither blanks nor a query";
  if (!std::ranges::all_of(options.cookies, is_cookie)) return "--cookie: one NAME=VALUE for each user";
  return {};
}

int run_attack(const Options& options) {
  ::signal(SIGPIPE, SIG_IGN);
  if (const auto misuse = find_misuse(options); !misuse.empty()) return complain(misuse);
  try {
    if (options.self) return attack_self(options);
    return options.url.empty() ? attack_upstream(options) : attack_gateway(make_plan(options), options);
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}

}  // namespace

void add_attack(CommandLine& line) {
  auto command = line.add(
      "attack", "Try to get across the trust boundary; exit code 0 it held, 1 something got through, 2 could not run");
  const auto options = std::make_shared<Options>();
  command.add("--self", options->self, "Attack a gateway of this command's own, on loopback, with temporary data");
  command.add("--config", options->config, "With --self: the routes of this file");
  command.add("--url", options->url, "Attack this running gateway, for example https://localhost:8443");
  command.add("--upstream", options->upstream, "Attack this upstream past the gateway: it must ask for its key");
  command.add("--witness", options->witness,
              "Where the upstream tells what it received: the --witness of `gatehouse echo`, as http://ADDRESS:PORT");
  command.add("--route", options->route, "A path for signed-in users that leads to the echo").show_default();
  command.add("--public-route", options->public_route, "A public path that leads to the echo").show_default();
  command.add("--optional-route", options->optional_route, "A path with optional sign-in that leads to the echo");
  command.add("--sign-up", options->sign_up, "Make two accounts by e-mail and password for the attack");
  command.add("--cookie", options->cookies, "NAME=VALUE of a session's cookie; up to two users").values(1, 2);
  command.add("--auth-base-path", options->auth_base_path, "Where the auth endpoints are").show_default();
  command.add("--host", options->host, "Host to ask for, where it is not the URL's");
  command.add("--origin", options->origin, "The gateway's base_url, where it is not the URL");
  command.add("--ca", options->ca, "PEM file of the authority of the gateway's certificate");
  command.add("--insecure", options->insecure, "Take any certificate");
  command.add("--path", options->path, "With --upstream: the path to ask for").show_default();
  command.add("--key-file", options->key_file, "With --upstream: the file of its key, to try what resembles it");
  command.add("--key-env", options->key_env, "With --upstream: the environment variable of its key");
  command.add("--i-own-this-host", options->owned, "Attack a host that is not this machine");
  command.add("--rate", options->rate, "Vectors in a second").show_default().within(1, 1000);
  command.add("--time-limit", options->time_limit, "Seconds for all of it").show_default().within(1, 3600);
  command.add("--groups", options->groups, "Only these groups of vectors, for example ABF");
  command.add("--threats", options->threats, "Only vectors of these threats, for example 16,17").separated_by(',');
  command.add("--only", options->only, "Only vectors whose name contains this");
  command.add("--stop-after", options->stop_after, "End after so many that got through; 0: never").show_default();
  command.add("--json", options->json, "Write the report to this file too");
  command.on_call([options] { return run_attack(*options); });
}

}  // namespace gatehouse::app
