// `gatehouse routes`: who may reach what, as one table.
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "app/commands/describe_route.hpp"
#include "config/route_table.hpp"

namespace gatehouse::app {

namespace {

using Row = std::array<std::string, 6>;

std::vector<Row> rows_of(const config::Configuration& configuration) {
  std::vector<Row> rows{{"METHODS", "HOST", "PATH", "AUTH", "UPSTREAM", "PLACE"},
                        {"*", "*", configuration.gateway.auth.base_path + "/**", "built in", "(auth endpoints)", "-"},
                        {"GET", "*", std::string(config::kJwksPath), "public", "(keys of assertions)", "-"}};
  for (const auto& route : configuration.routes)
    rows.push_back(
        {describe_methods(route), route.host.empty() ? "*" : route.host, route.path, describe_auth(route),
         route.strip_prefix.empty() ? route.upstream : fmt::format("{} without {}", route.upstream, route.strip_prefix),
         fmt::format("{}:{}", route.place.file, route.place.line)});
  return rows;
}

int run_routes(const ConfigurationFiles& files) {
  const auto configuration = load_or_tell(files);
  if (!configuration) return 1;
  const auto rows = rows_of(*configuration);
  std::array<std::size_t, 6> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
  return 0;
}

}  // namespace

void add_routes(CommandLine& line) {
  auto command = line.add("routes", "List all routes, with what they ask for and where they lead");
  const auto files = std::make_shared<ConfigurationFiles>();
  add_configuration_options(command, *files);
  command.on_call([files] { return run_routes(*files); });
}

}  // namespace gatehouse::app
