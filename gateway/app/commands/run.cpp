// `gatehouse run`: the gateway itself, until SIGTERM or SIGINT; the second one does not wait for what goes on. SIGHUP,
// or a change of the files, loads the routes anew.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "app/development.hpp"
#include "app/file_watch.hpp"
#include "app/gateway.hpp"
#include "app/load_configuration.hpp"
#include "base/log.hpp"
#include "config/changes.hpp"

namespace gatehouse::app {

namespace {

constexpr char kDataDirectory[] = "data";
// Whoever passes a signal on may pass on the same one twice: that is no second order.
constexpr std::chrono::seconds kOneOrder{1};

std::vector<std::string> list_paths(const ConfigurationFiles& files) {
  std::vector<std::string> paths{files.routes};
  if (files.gateway) paths.push_back(*files.gateway);
  return paths;
}

// All or nothing: on any problem the old routes stay.
void reload(Gateway& gateway, const ConfigurationFiles& files, config::Configuration& current) {
  auto fresh = load_configuration(files);
  if (!fresh) {
    log::error("the configuration stays as it was: {} problems", fresh.error().size());
    for (const auto& problem : fresh.error()) log::error("{}", config::render(problem));
    return;
  }
  try {
    if (files.dev) fill_in_for_development(*fresh, kDataDirectory);
  } catch (const StartError& error) {
    return log::error("the configuration stays as it was: {}", error.what());
  }
  const auto need_restart = config::changes_that_need_restart(current, *fresh);
  try {
    gateway.reload(*fresh);
  } catch (const StartError& error) {
    return log::error("the configuration stays as it was: {}", error.what());
  }
  for (const auto& text : need_restart) log::warn("needs a restart to take effect: {}", text);
  // What needs a restart is told at every reload until then.
  fresh->gateway = current.gateway;
  current = std::move(*fresh);
  log::info("configuration reloaded: {} routes", current.routes.size());
}

int run_gateway(const ConfigurationFiles& files) {
  const ProcessLog process_log(files.dev && ::isatty(STDERR_FILENO) ? LogFormat::text : LogFormat::json);
  ::signal(SIGPIPE, SIG_IGN);
  // Blocked before the first thread starts, so that every thread inherits it and only this one takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  // A start takes its time: what changes meanwhile is a change.
  FileWatch watch(list_paths(files));
  auto configuration = load_or_tell(files);
  if (!configuration) return 1;
  try {
    if (files.dev) fill_in_for_development(*configuration, kDataDirectory);
    Gateway gateway(*configuration, STDOUT_FILENO);
    log::info("serving base_url={}", configuration->gateway.base_url.to_string());
    for (;;) {
      const timespec second{1, 0};
      const int number = ::sigtimedwait(&signals, nullptr, &second);
      if (number == SIGTERM || number == SIGINT) break;
      gateway.tick();
      if (number != SIGHUP && !watch.has_changed()) continue;
      watch.on_load();
      reload(gateway, files, *configuration);
    }
    log::info("draining");
    const auto told = std::chrono::steady_clock::now();
    gateway.drain([&signals, told] {
      const timespec at_once{};
      const int number = ::sigtimedwait(&signals, nullptr, &at_once);
      return (number == SIGTERM || number == SIGINT) && std::chrono::steady_clock::now() - told > kOneOrder;
    });
    log::info("ended");
    return 0;
  } catch (const StartError& error) {
    log::critical("cannot start: {}", error.what());
    return 1;
  }
}

}  // namespace

void add_run(CommandLine& line) {
  auto command = line.add("run", "Serve until SIGTERM; SIGHUP or a changed file reloads the routes");
  const auto files = std::make_shared<ConfigurationFiles>();
  add_configuration_options(command, *files);
  command.on_call([files] { return run_gateway(*files); });
}

}  // namespace gatehouse::app
