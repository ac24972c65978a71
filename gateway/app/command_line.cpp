#include "app/command_line.hpp"

#include <CLI/CLI.hpp>

#include "app/commands/command.hpp"

namespace gatehouse::app {

int run_command_line(int argc, char** argv) {
  CLI::App app{"The gateway: TLS, authentication and routing in one process"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "0.1.0");
  int exit_code = 0;
  for (const AddCommand add : kCommands) add(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}

}  // namespace gatehouse::app
