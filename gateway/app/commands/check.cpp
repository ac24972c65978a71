// `gatehouse check`: everything that `run` would refuse, without running.
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"

namespace gatehouse::app {

namespace {

std::string count(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

int run_check(const ConfigurationFiles& files) {
  const auto configuration = load_or_tell(files);
  if (!configuration) return 1;
  fmt::print("{}{}: {} to {}, {} passed\n", files.routes, files.gateway ? " and " + *files.gateway : "",
             count(configuration->routes.size(), "route"), count(configuration->upstreams.size(), "upstream"),
             count(configuration->tests.size(), "test"));
  for (const auto& text : configuration->unsafe) fmt::print("unsafe: {}\n", text);
  for (const auto& text : configuration->notes) fmt::print("note: {}\n", text);
  return 0;
}

}  // namespace

void add_check(CommandLine& line) {
  auto command = line.add("check", "Read the configuration and run its tests; exit code 1 if anything is wrong");
  const auto files = std::make_shared<ConfigurationFiles>();
  add_configuration_options(command, *files);
  command.on_call([files] { return run_check(*files); });
}

}  // namespace gatehouse::app
