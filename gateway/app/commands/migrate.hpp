// `gatehouse migrate`: brings the database to the schema of this binary, by a user of the database who may change it,
// where the gateway's own may not (`database.migrate: refuse`).
#pragma once
#include "config/configuration.hpp"

namespace gatehouse::app {

enum class MigrateAction {
  apply,
  dry_run,  // prints the SQL of what apply would do, and changes nothing: not even an SQLite file is made
  status,   // prints each migration and when it was applied, and changes nothing
};

// Tells on standard output what is done. The exit code: 0 the database is current (dry_run: or could be made so), 1 it
// could not be reached, cannot be served as it is, or a migration failed and was rolled back, 2 (status alone)
// something is left to apply.
int run_migrate(const config::DatabaseSettings& settings, MigrateAction action, const config::AuthSettings& auth = {},
                const config::AuditSettings& audit = {});

}  // namespace gatehouse::app
