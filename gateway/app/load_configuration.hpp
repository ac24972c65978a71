// The configuration as every command and the reload take it: loaded, validated, and its `tests` rows passed.
#pragma once
#include <expected>
#include <vector>

#include "app/commands/command.hpp"
#include "config/load.hpp"

namespace gatehouse::app {

std::expected<config::Configuration, std::vector<config::Problem>> load_configuration(
    const ConfigurationFiles& files, config::Environment environment = config::process_environment(),
    config::ReadFile read_file = config::file_system());

}  // namespace gatehouse::app
