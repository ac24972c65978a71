// `gatehouse schema`: the form of the configuration, for editors and for the documents.
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/commands/command.hpp"
#include "config/documentation.hpp"
#include "config/schema.hpp"

namespace gatehouse::app {

void add_schema(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("schema", "Print the JSON Schema of the configuration");
  const auto format = std::make_shared<std::string>("json");
  command
      ->add_option("--format", *format, "json: JSON Schema; yaml: a file with every key; markdown: tables of all keys")
      ->check(CLI::IsMember({"json", "yaml", "markdown"}))
      ->capture_default_str();
  command->callback([format, &exit_code] {
    if (*format == "json") fmt::print("{}", config::json_schema());
    if (*format == "yaml") fmt::print("{}", config::reference_yaml());
    if (*format == "markdown") fmt::print("{}", config::keys_markdown());
    exit_code = 0;
  });
}

}  // namespace gatehouse::app
