// Brings a database to the schema that this binary needs. An existing Better Auth database is adopted: what is missing
// is added, what is there stays as it is, nothing is ever dropped. What has been applied is kept in the table
// gatehouse_migration.
//
// Each migration is one transaction, and processes that migrate at the same time do so one after the other. Open the
// Database with migration_options(): a large table takes longer than a request may.
#pragma once
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "storage/migration.hpp"

namespace gatehouse::storage {

// A sentence for the operator: which migration cannot be applied and why.
class MigrationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws MigrationError, and Failure where the database is not reachable.
class Migrator {
 public:
  Migrator(Database& database, const Clock& clock, std::vector<Migration> migrations)
      : database_(database), clock_(clock), migrations_(std::move(migrations)) {}

  // What apply() would do now, in order. Only reads.
  Awaitable<std::vector<Migration>> plan();

  // The names of what was applied. Does not write, and so needs no right to, when there is nothing to do.
  Awaitable<std::vector<std::string>> apply();

  // Nothing is left to apply. What a newer binary has applied beyond ours does not count.
  Awaitable<bool> is_current();

 private:
  Awaitable<bool> apply_one(Migration migration);
  Awaitable<> run_statement(Transaction& transaction, std::string_view statement);

  Database& database_;
  const Clock& clock_;
  const std::vector<Migration> migrations_;
};

// The migrations embedded in this binary for the features that are switched on ("core" is always part of it).
Migrator make_migrator(Database& database, const Clock& clock, std::vector<std::string> features = {});

}  // namespace gatehouse::storage
