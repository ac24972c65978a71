#include "app/attacked_gateway.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "app/development.hpp"
#include "app/echo_upstream.hpp"
#include "app/gateway.hpp"

namespace gatehouse::app {

namespace {

constexpr std::uint16_t kPortOfBaseUrl = 8443;  // only its name counts; the real port is the kernel's choice

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_((std::filesystem::temp_directory_path() / "gatehouse-attack-XXXXXX").string()) {
    if (!::mkdtemp(path_.data())) throw StartError(fmt::format("no temporary directory: {}", std::strerror(errno)));
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

config::Route make_route(std::string path, config::AuthMode mode) {
  config::Route route;
  route.path = std::move(path);
  route.upstream = "echo";
  route.auth = mode;
  return route;
}

config::Configuration make_default() {
  config::Configuration configuration;
  config::Upstream upstream;
  upstream.name = "echo";
  upstream.assertion.audience = upstream.name;
  upstream.servers.emplace_back();
  configuration.upstreams.push_back(std::move(upstream));
  configuration.routes = {
      make_route("/api/hello", config::AuthMode::required), make_route("/api/private/**", config::AuthMode::required),
      make_route("/api/maybe/**", config::AuthMode::optional), make_route("/api/public/**", config::AuthMode::open)};
  for (std::size_t i = 0; i < configuration.routes.size(); ++i) configuration.routes[i].index = i;
  return configuration;
}

// The first route of the kind that any client may ask by GET, as a path; empty without one.
std::string find_path(const config::Configuration& configuration, config::AuthMode mode) {
  for (const auto& route : configuration.routes) {
    const bool takes_get = route.methods.empty() || std::ranges::find(route.methods, "GET") != route.methods.end();
    if (route.auth != mode || !route.host.empty() || !route.require.empty() || !takes_get) continue;
    std::string path;
    for (std::size_t i = 0; i < route.path.size(); ++i) {
      if (route.path[i] != '*') {
        path.push_back(route.path[i]);
      } else if (i == 0 || route.path[i - 1] != '*') {
        path.append("attack");
      }
    }
    return path;
  }
  return {};
}

// The listener of access-log lines that nobody reads.
class NoLog {
 public:
  NoLog() : descriptor_(::open("/dev/null", O_WRONLY | O_CLOEXEC)) {}
  ~NoLog() { ::close(descriptor_); }
  NoLog(const NoLog&) = delete;
  NoLog& operator=(const NoLog&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

class AttackedGateway::Parts {
 public:
  explicit Parts(const std::optional<config::Configuration>& routes)
      : echo_({{"127.0.0.1", 0}, config::SocketAddress{"127.0.0.1", 0}}), echo_thread_([this] { echo_.run(false); }) {
    try {
      start(routes ? *routes : make_default());
    } catch (...) {
      stop_echo();
      throw;
    }
  }

  ~Parts() {
    if (gateway_) gateway_->drain();
    stop_echo();
  }

  const attack::Plan& plan() const { return plan_; }

 private:
  void start(config::Configuration configuration) {
    config::Gateway fresh;
    fresh.hosts = configuration.gateway.hosts;
    fresh.base_url = {"https", "localhost", kPortOfBaseUrl};
    fresh.listen.https = fresh.listen.http = fresh.listen.internal = config::SocketAddress{"127.0.0.1", 0};
    fresh.auth.base_path = configuration.gateway.auth.base_path;
    fresh.auth.cookie_prefix = configuration.gateway.auth.cookie_prefix;
    fresh.auth.email_and_password.enabled = true;
    fresh.auth.rate_limit.enabled = false;
    fresh.auth.rate_limit.storage = config::AuthRateLimit::Storage::memory;
    fresh.limits.drain = std::chrono::seconds(1);
    fresh.threads = 1;  // all requests share the upstream's connections
    configuration.gateway = std::move(fresh);
    const auto echo = echo_.addresses();
    for (auto& upstream : configuration.upstreams) {
      upstream.servers = {config::Server{echo.upstream.host, echo.upstream.port}};
      upstream.key = Secret();
    }
    for (auto* route : list_rules(configuration)) {
      route->rate_limit.reset();
      route->turnstile = config::TurnstileMode::off;  // the boundary is tried, not Cloudflare
    }
    fill_in_for_development(configuration, directory_.path());
    make_plan(configuration);
    gateway_ = std::make_unique<Gateway>(configuration, no_log_.descriptor());
    plan_.url = fmt::format("https://localhost:{}", gateway_->listening().https->port);
    plan_.witness_url = fmt::format("http://127.0.0.1:{}", echo.witness->port);
  }

  static std::vector<config::Route*> list_rules(config::Configuration& configuration) {
    std::vector<config::Route*> rules{&configuration.defaults};
    for (auto& route : configuration.routes) rules.push_back(&route);
    return rules;
  }

  void make_plan(const config::Configuration& configuration) {
    plan_.trust.ca_file = configuration.gateway.tls.front().cert;
    plan_.target.origin = configuration.gateway.base_url.to_string();
    plan_.target.required_path = find_path(configuration, config::AuthMode::required);
    plan_.target.open_path = find_path(configuration, config::AuthMode::open);
    plan_.target.optional_path = find_path(configuration, config::AuthMode::optional);
    plan_.auth_base_path = configuration.gateway.auth.base_path;
    plan_.sign_up = true;
    for (const auto& upstream : configuration.upstreams) plan_.secrets.push_back(std::string(upstream.key.reveal()));
    if (plan_.target.required_path.empty() || plan_.target.open_path.empty())
      throw StartError("the attack needs a route for signed-in users and a public one, without a host of their own");
  }

  void stop_echo() {
    echo_.stop();
    echo_thread_.join();
  }

  TemporaryDirectory directory_;
  NoLog no_log_;
  EchoUpstream echo_;
  std::thread echo_thread_;
  std::unique_ptr<Gateway> gateway_;
  attack::Plan plan_;
};

AttackedGateway::AttackedGateway(const std::optional<config::Configuration>& routes)
    : parts_(std::make_unique<Parts>(routes)) {}
AttackedGateway::~AttackedGateway() = default;

const attack::Plan& AttackedGateway::plan() const {
  return parts_->plan();
}

}  // namespace gatehouse::app
