// What the sub-commands of `gatehouse` have in common. Each has a file of its own here with one function that registers
// it; the list of them all is kCommands.
#pragma once
#include <array>
#include <optional>
#include <string>

#include "config/configuration.hpp"

namespace CLI {
class App;
}

namespace gatehouse::app {

// Adds a sub-command whose callback does the work and sets the exit code: 0 done, 1 the configuration or the work
// failed.
using AddCommand = void (*)(CLI::App& app, int& exit_code);

void add_attack(CLI::App& app, int& exit_code);
void add_audit(CLI::App& app, int& exit_code);
void add_check(CLI::App& app, int& exit_code);
void add_echo(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_health(CLI::App& app, int& exit_code);
void add_migrate(CLI::App& app, int& exit_code);
void add_routes(CLI::App& app, int& exit_code);
void add_run(CLI::App& app, int& exit_code);
void add_schema(CLI::App& app, int& exit_code);

// In the order of --help.
inline constexpr std::array<AddCommand, 10> kCommands{add_run,     add_check, add_explain, add_routes, add_schema,
                                                      add_migrate, add_audit, add_health,  add_echo,   add_attack};

// Where the configuration is read from: the options that most commands share.
struct ConfigurationFiles {
  std::string routes = "routes.yaml";
  std::optional<std::string> gateway;  // a file of its own for the process settings
  bool dev = false;
};

// --config, --gateway and --dev. `files` must live until the command line is parsed.
void add_configuration_options(CLI::App& command, ConfigurationFiles& files);

// load_configuration, with all problems told on standard error.
std::optional<config::Configuration> load_or_tell(const ConfigurationFiles& files);

}  // namespace gatehouse::app
