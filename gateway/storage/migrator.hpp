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

// A sentence for the operator: what cannot be done and why.
class MigrationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct AppliedMigration {
  std::string name;
  // What it did to what was there: "added the column account.issuer", "changed 12 rows of account".
  std::vector<std::string> changes;
};

struct MigrationStatus {
  std::string name;
  std::string applied_at;  // ISO time; empty: not yet
  bool known = true;       // false: a newer binary has applied it
};

// Throws MigrationError, and Failure where the database is not reachable.
class Migrator {
 public:
  Migrator(Database& database, const Clock& clock, std::vector<Migration> migrations)
      : database_(database), clock_(clock), migrations_(std::move(migrations)) {}

  // What apply() would do now, in order, without the statements that would find nothing to do. Only reads.
  Awaitable<std::vector<Migration>> plan();

  // Does not write, and so needs no right to, when there is nothing to do. A database that cannot be served
  // (storage/adoption.hpp) is refused before anything is changed. PostgreSQL: makes the schema of search_path.
  Awaitable<std::vector<AppliedMigration>> apply();

  // Names of what is left to apply. What a newer binary has applied beyond ours does not count.
  Awaitable<std::vector<std::string>> pending();

  // Ours in order, then what a newer binary has applied.
  Awaitable<std::vector<MigrationStatus>> status();

  // Throws MigrationError where the database cannot be served as it is.
  Awaitable<Adoption> inspect();

 private:
  Awaitable<std::vector<Migration>> unapplied();
  Adoption judge(const Catalogue& catalogue) const;
  Awaitable<> make_schema(std::string name);
  Awaitable<std::optional<AppliedMigration>> apply_one(Migration migration, IdKind ids);
  Awaitable<std::string> run_statement(Transaction& transaction, std::string statement, IdKind ids);

  Database& database_;
  const Clock& clock_;
  const std::vector<Migration> migrations_;
};

// The migrations embedded in this binary for the features that are switched on ("core" is always part of it), then
// `more`, the deployment's own (storage/field_migrations.hpp).
Migrator make_migrator(Database& database, const Clock& clock, std::vector<std::string> features = {},
                       std::vector<Migration> more = {});

}  // namespace gatehouse::storage
