#include "storage/migrator.hpp"

#include <map>

#include "base/iso_time.hpp"
#include "gatehouse_migrations.hpp"
#include "storage/schema.hpp"

namespace gatehouse::storage {

namespace {

// Any fixed number: the key of PostgreSQL's advisory lock under which processes migrate one after the other ("gatehous"
// in ASCII).
constexpr std::int64_t kMigrationLock = 0x6761'7465'686f'7573;

const Statement kCreateTable{
    "CREATE TABLE IF NOT EXISTS gatehouse_migration "
    "(name text NOT NULL PRIMARY KEY, checksum text NOT NULL, applied_at text NOT NULL)"};

void verify_unchanged(const Migration& migration, const std::string& checksum) {
  if (checksum == migration.checksum) return;
  throw MigrationError("migration " + migration.name +
                       " was applied in another form than this binary has: the database belongs to another build");
}

}  // namespace

Awaitable<std::vector<Migration>> Migrator::plan() {
  std::map<std::string, std::string> applied;
  const bool managed = co_await has_table(database_, "gatehouse_migration");
  if (managed) {
    const auto found = co_await database_.query({"SELECT name, checksum FROM gatehouse_migration"}, {});
    for (const auto& row : found.rows) applied.emplace(row.text(0), row.text(1));
  }
  std::vector<Migration> pending;
  for (const auto& migration : migrations_) {
    const auto entry = applied.find(migration.name);
    if (entry == applied.end()) {
      pending.push_back(migration);
    } else {
      verify_unchanged(migration, entry->second);
    }
  }
  co_return pending;
}

Awaitable<bool> Migrator::is_current() {
  const auto pending = co_await plan();
  co_return pending.empty();
}

Awaitable<std::vector<std::string>> Migrator::apply() {
  std::vector<std::string> names;
  const auto pending = co_await plan();
  for (const auto& migration : pending) {
    try {
      const bool done = co_await apply_one(migration);
      if (done) names.push_back(migration.name);
    } catch (const StatementError& error) {
      throw MigrationError("migration " + migration.name + " failed and was rolled back: " + error.what());
    } catch (const ConstraintError& error) {
      throw MigrationError("migration " + migration.name + " failed and was rolled back: " + error.what());
    }
  }
  co_return names;
}

// False: another process was faster.
Awaitable<bool> Migrator::apply_one(Migration migration) {
  auto transaction = co_await database_.begin();
  if (database_.engine() == Engine::postgres) {
    Parameters key{kMigrationLock};
    co_await transaction->query({"SELECT pg_advisory_xact_lock($1)"}, std::move(key));
  }
  co_await transaction->query(kCreateTable, {});
  Parameters name{migration.name};
  const auto found =
      co_await transaction->query({"SELECT checksum FROM gatehouse_migration WHERE name = $1"}, std::move(name));
  if (!found.rows.empty()) {
    verify_unchanged(migration, found.rows.front().text(0));
    co_return false;
  }
  for (const auto statement : migration.statements) co_await run_statement(*transaction, statement);
  Parameters entry{migration.name, migration.checksum, to_iso(clock_.now())};
  co_await transaction->query({"INSERT INTO gatehouse_migration (name, checksum, applied_at) VALUES ($1, $2, $3)"},
                              std::move(entry));
  co_await transaction->commit();
  co_return true;
}

// PostgreSQL has IF NOT EXISTS for columns, but it would lock the table and want its owner even where nothing is to be
// done.
Awaitable<> Migrator::run_statement(Transaction& transaction, std::string_view statement) {
  const auto add = parse_add_column(statement);
  if (!add) {
    co_await transaction.query({statement}, {});
    co_return;
  }
  const bool there = co_await has_column(transaction, database_.engine(), add->table, add->column);
  if (!there) co_await transaction.query({add->sql}, {});
}

Migrator make_migrator(Database& database, const Clock& clock, std::vector<std::string> features) {
  features.emplace_back("core");
  return {database, clock, select_migrations(gatehouse_migrations(), database.engine(), features)};
}

}  // namespace gatehouse::storage
