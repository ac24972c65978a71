#include "app/migrated_features.hpp"

namespace gatehouse::app {

bool counts_in_database(const config::AuthSettings& settings) {
  return settings.rate_limit.storage == config::AuthRateLimit::Storage::database;
}

std::vector<std::string> migrated_features(const config::AuthSettings& settings, const config::AuditSettings& audit) {
  std::vector<std::string> features;
  if (audit.enabled) features.emplace_back("audit");
  if (counts_in_database(settings)) features.emplace_back("rate_limit");
  return features;
}

}  // namespace gatehouse::app
