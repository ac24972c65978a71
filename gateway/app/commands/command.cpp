#include "app/commands/command.hpp"
#include "app/commands/arguments.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "app/load_configuration.hpp"

namespace gatehouse::app {

void add_configuration_options(Command& command, ConfigurationFiles& files) {
  command.add("--config", files.routes, "The file of the routes").show_default();
  command.add("--gateway", files.gateway, "A file of its own for the section `gateway`");
  command.add("--dev", files.dev, "As `gatehouse run --dev` reads it: what production needs may be missing");
}

std::optional<config::Configuration> load_or_tell(const ConfigurationFiles& files) {
  auto configuration = load_configuration(files);
  if (configuration) return *std::move(configuration);
  const auto& problems = configuration.error();
  fmt::print(stderr, "{}{} {}\n", config::render(problems), problems.size(),
             problems.size() == 1 ? "problem" : "problems");
  return std::nullopt;
}

}  // namespace gatehouse::app
