#include "pipeline/site.hpp"

#include "base/ascii.hpp"
#include "http/target.hpp"

namespace gatehouse::pipeline {

namespace {

std::string fold(std::string_view path) {
  std::string folded(path.size(), '\0');
  folded.resize(http::fold_path(path, folded.data()));
  return folded;
}

config::Configuration fold_routes(config::Configuration configuration) {
  for (auto& route : configuration.routes) route.path = fold(route.path);
  configuration.gateway.auth.base_path = fold(configuration.gateway.auth.base_path);
  return configuration;
}

}  // namespace

Site::Site(config::Configuration made_from)
    : configuration(std::move(made_from)),
      table(configuration),
      pages(configuration.gateway.pages, configuration.gateway.auth),
      base_url(configuration.gateway.base_url.to_string()),
      folded_(fold_routes(configuration)),
      folded_table_(folded_),
      base_authority_(base_url.substr(base_url.find("://") + 3)) {}

config::Match Site::match(std::string_view method, std::string_view host, std::string_view path) const {
  using Kind = config::Match::Kind;
  const config::Match match = table.match(method, host, path);
  if (match.kind != Kind::route) return match;
  char buffer[http::kTargetBytesMax];
  if (path.size() > sizeof buffer) return {};
  const std::string_view folded(buffer, http::fold_path(path, buffer));
  if (folded == path) return match;
  const config::Match lenient = folded_table_.match(method, host, folded);
  const bool same = lenient.kind == Kind::route && lenient.route->index == match.route->index;
  return same ? match : config::Match{};
}

}  // namespace gatehouse::pipeline
