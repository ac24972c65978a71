// Loads configurations from texts: files and the environment are maps.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "config/load.hpp"

namespace gatehouse::config {

inline const std::string kSecret = "0123456789abcdef0123456789abcdef";

struct Loading {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> environment{{"BETTER_AUTH_SECRET", kSecret},
                                                 {"BETTER_AUTH_URL", "https://www.example.com"},
                                                 {"INTERNAL_API_KEY", "internal-key"}};
  bool dev = false;
  std::optional<std::string> gateway;

  std::expected<Configuration, std::vector<Problem>> load() const {
    Sources sources;
    sources.gateway = gateway;
    sources.dev = dev;
    sources.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto at = environment.find(name);
      return at == environment.end() ? std::nullopt : std::optional(at->second);
    };
    sources.read_file = [this](const std::string& path) -> std::expected<std::string, std::string> {
      const auto at = files.find(path);
      if (at == files.end()) return std::unexpected("No such file or directory");
      return at->second;
    };
    return config::load(sources);
  }
};

// The rendered problems of one routes.yaml; "" when it loads.
inline std::string problems_of(std::string text, Loading loading = {}) {
  loading.files["routes.yaml"] = std::move(text);
  const auto loaded = loading.load();
  return loaded ? "" : render(loaded.error());
}

// The first lines alone: place, key, text and code of each.
inline std::string heads_of(std::string text, Loading loading = {}) {
  loading.files["routes.yaml"] = std::move(text);
  const auto loaded = loading.load();
  if (loaded) return "";
  std::string heads;
  for (Problem problem : loaded.error()) {
    problem.source_line.clear();
    heads += render(problem);
  }
  return heads;
}

// Loads, or fails the test.
inline Configuration load_text(std::string text, Loading loading = {}) {
  loading.files["routes.yaml"] = std::move(text);
  auto loaded = loading.load();
  if (!loaded) throw std::runtime_error(render(loaded.error()));
  return *std::move(loaded);
}

// What every production file needs.
inline const std::string kListen = "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}}\n";

}  // namespace gatehouse::config
