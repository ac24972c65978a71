// Any bytes as routes.yaml: loading ends, and what is wrong can be told.
#include <cstdint>
#include <cstdlib>

#include "config/load.hpp"
#include "config/route_table.hpp"

using namespace gatehouse::config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Sources sources;
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "SET" ? std::optional<std::string>("value: [") : std::nullopt;
  };
  sources.read_file = [&](const std::string& path) -> std::expected<std::string, std::string> {
    if (path == "routes.yaml") return text;
    return std::unexpected("No such file or directory");
  };
  sources.dev = true;
  const auto loaded = load(sources);
  if (!loaded) {
    if (loaded.error().empty() || render(loaded.error()).empty()) std::abort();
    return 0;
  }
  const RouteTable routes(*loaded);
  for (const auto& row : loaded->tests) routes.match(row.method, row.host, row.path);
  for (const auto& route : loaded->routes)
    if (routes.match("GET", route.host, route.path).kind == Match::Kind::no_match && route.methods.empty())
      std::abort();
  return 0;
}
