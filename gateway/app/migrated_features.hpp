// Which folders of migrations/ a configuration needs beside "core".
#pragma once
#include <string>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::app {

// Where the table "rateLimit" is there, as in Better Auth: also while the limit is off.
bool counts_in_database(const config::AuthSettings& settings);

std::vector<std::string> migrated_features(const config::AuthSettings& settings, const config::AuditSettings& audit);

}  // namespace gatehouse::app
