// `gatehouse migrate`: brings the database to the schema of this binary, by a user of the database who may change it,
// where the gateway's own may not (`database.migrate: refuse`).
#pragma once
#include "config/configuration.hpp"

namespace gatehouse::app {

// Tells on standard output what is done; with `dry_run` what would be, as SQL, and changes nothing. The exit code: 0
// the database is (dry_run: or could be made) current, 1 it could not be reached, or a migration failed and was rolled
// back.
int run_migrate(const config::DatabaseSettings& settings, bool dry_run);

}  // namespace gatehouse::app
