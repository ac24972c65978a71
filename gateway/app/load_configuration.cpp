#include "app/load_configuration.hpp"

#include "app/rehearsal.hpp"

namespace gatehouse::app {

std::expected<config::Configuration, std::vector<config::Problem>> load_configuration(const ConfigurationFiles& files,
                                                                                      config::Environment environment,
                                                                                      config::ReadFile read_file) {
  auto configuration = config::load({files.routes, files.gateway, std::move(environment), read_file, files.dev});
  if (!configuration) return configuration;
  auto problems = run_tests(*configuration);
  if (problems.empty()) return configuration;
  if (const auto text = read_file(files.routes)) {
    const auto lines = config::split_lines(*text);
    for (auto& problem : problems) problem.source_line = config::excerpt(lines, problem);
  }
  return std::unexpected(std::move(problems));
}

}  // namespace gatehouse::app
