// `gatehouse schema`: the form of the configuration, for editors and for the documents.
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "config/documentation.hpp"
#include "config/schema.hpp"

namespace gatehouse::app {

void add_schema(CommandLine& line) {
  auto command = line.add("schema", "Print the JSON Schema of the configuration");
  const auto format = std::make_shared<std::string>("json");
  command.add("--format", *format, "json: JSON Schema; yaml: a file with every key; markdown: tables of all keys")
      .one_of({"json", "yaml", "markdown"})
      .show_default();
  command.on_call([format] {
    if (*format == "json") fmt::print("{}", config::json_schema());
    if (*format == "yaml") fmt::print("{}", config::reference_yaml());
    if (*format == "markdown") fmt::print("{}", config::keys_markdown());
    return 0;
  });
}

}  // namespace gatehouse::app
