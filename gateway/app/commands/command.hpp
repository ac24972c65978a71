// What the sub-commands of `gatehouse` have in common. Each has a file of its own here with one function that registers
// it; the list of them all is kCommands.
#pragma once
#include <array>
#include <optional>
#include <string>

#include "config/configuration.hpp"

namespace gatehouse::app {

class Command;
class CommandLine;

// Adds a sub-command, which does the work when it is called. Its exit code: 0 done, 1 the configuration or the work
// failed.
using AddCommand = void (*)(CommandLine& line);

void add_attack(CommandLine& line);
void add_audit(CommandLine& line);
void add_check(CommandLine& line);
void add_echo(CommandLine& line);
void add_explain(CommandLine& line);
void add_health(CommandLine& line);
void add_migrate(CommandLine& line);
void add_routes(CommandLine& line);
void add_run(CommandLine& line);
void add_schema(CommandLine& line);

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
void add_configuration_options(Command& command, ConfigurationFiles& files);

// load_configuration, with all problems told on standard error.
std::optional<config::Configuration> load_or_tell(const ConfigurationFiles& files);

}  // namespace gatehouse::app
