#include "app/command_line.hpp"

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "crypto/hash_memory.hpp"

namespace gatehouse::app {

int run_command_line(int argc, char** argv) {
  crypto::HashMemory::install();
  CommandLine line("The gateway: TLS, authentication and routing in one process", "0.1.0");
  for (const AddCommand add : kCommands) add(line);
  return line.run(argc, argv);
}

}  // namespace gatehouse::app
