#include "app/command_line.hpp"

#include <CLI/CLI.hpp>

#include "base/log.hpp"

namespace gatehouse::app {

int run_command_line(int argc, char** argv) {
  CLI::App app{"The gateway: TLS, authentication and routing in one process"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "0.1.0");
  CLI11_PARSE(app, argc, argv);
  return 0;
}

}  // namespace gatehouse::app
