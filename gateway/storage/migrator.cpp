#include "storage/migrator.hpp"

#include <fmt/format.h>

#include <map>

#include "base/iso_time.hpp"
#include "gatehouse_migrations.hpp"
#include "storage/field_migrations.hpp"
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

std::string describe(const Addition& addition) {
  switch (addition.kind) {
    case Addition::Kind::table:
      return fmt::format("added the table {}", addition.table);
    case Addition::Kind::column:
      return fmt::format("added the column {}.{}", addition.table, addition.column);
    case Addition::Kind::index:
      return fmt::format("added an index on {}.{}", addition.table, addition.column);
  }
  return {};
}

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

// `where`: a Database, or a Transaction and its engine.
template <class... Where>
Awaitable<bool> is_there(Addition addition, Where&... where) {
  switch (addition.kind) {
    case Addition::Kind::table:
      return has_table(where..., std::move(addition.table));
    case Addition::Kind::column:
      return has_column(where..., std::move(addition.table), std::move(addition.column));
    case Addition::Kind::index:
      break;
  }
  return has_index(where..., std::move(addition.table), std::move(addition.column));
}

// A table of the plan comes with its columns.
bool is_planned(const std::map<std::string, std::string>& tables, const Addition& addition) {
  const auto table = tables.find(addition.table);
  return addition.kind == Addition::Kind::column && table != tables.end() &&
         table->second.contains(quoted(addition.column));
}

// Of any other statement, by its first line.
std::string describe_run(std::string_view statement, std::int64_t rows) {
  const bool changes_rows = statement.starts_with("UPDATE ");
  if (statement.starts_with("SELECT ") || (changes_rows && rows == 0)) return {};
  const auto line = statement.substr(0, statement.find('\n'));
  return changes_rows ? fmt::format("changed {} row{}: {} …", rows, rows == 1 ? "" : "s", line)
                      : fmt::format("ran {} …", line);
}

bool only_reads(std::string_view statement) {
  return statement.starts_with("SELECT ");
}

// For a refusal that names neither who nor what would help.
std::string hint(std::string_view error) {
  constexpr std::string_view kInsufficientPrivilege = "SQLSTATE 42501";
  if (!error.contains(kInsufficientPrivilege)) return {};
  return "its user must own the tables (run `gatehouse migrate` with the URL of a user who does): ";
}

}  // namespace

Adoption Migrator::judge(const Catalogue& catalogue) const {
  WrittenColumns written;
  for (const auto& migration : migrations_) {
    if (!is_field_migration(migration.name)) continue;
    const auto addition = parse_addition(migration.statements.front());
    if (addition) written.emplace_back(addition->table, addition->column);
  }
  return judge_adoption(catalogue, written);
}

Awaitable<Adoption> Migrator::inspect() {
  const auto catalogue = co_await read_catalogue(database_);
  auto adoption = judge(catalogue);
  if (!adoption.problems.empty()) throw MigrationError(describe_problems(adoption.problems));
  co_return adoption;
}

Awaitable<std::vector<MigrationStatus>> Migrator::status() {
  std::map<std::string, MigrationStatus> applied;
  const bool managed = co_await has_table(database_, "gatehouse_migration");
  if (managed) {
    const auto found =
        co_await database_.query({"SELECT name, applied_at FROM gatehouse_migration ORDER BY applied_at, name"}, {});
    for (const auto& row : found.rows) applied[row.text(0)] = {row.text(0), row.text(1), false};
  }
  std::vector<MigrationStatus> all;
  for (const auto& migration : migrations_) {
    const auto entry = applied.extract(migration.name);
    all.push_back({migration.name, entry ? entry.mapped().applied_at : "", true});
  }
  for (auto& [name, newer] : applied)
    if (!is_field_migration(name)) all.push_back(std::move(newer));
  co_return all;
}

Awaitable<std::vector<Migration>> Migrator::unapplied() {
  std::map<std::string, std::string> applied;
  const bool managed = co_await has_table(database_, "gatehouse_migration");
  if (managed) {
    const auto found = co_await database_.query({"SELECT name, checksum FROM gatehouse_migration"}, {});
    for (const auto& row : found.rows) applied.emplace(row.text(0), row.text(1));
  }
  std::vector<Migration> left;
  for (const auto& migration : migrations_) {
    const auto entry = applied.find(migration.name);
    if (entry == applied.end()) {
      left.push_back(migration);
    } else {
      verify_unchanged(migration, entry->second);
    }
  }
  co_return left;
}

Awaitable<std::vector<std::string>> Migrator::pending() {
  const auto left = co_await unapplied();
  std::vector<std::string> names;
  for (const auto& migration : left) names.push_back(migration.name);
  co_return names;
}

Awaitable<std::vector<Migration>> Migrator::plan() {
  const auto catalogue = co_await read_catalogue(database_);
  const auto adoption = judge(catalogue);
  if (!adoption.problems.empty()) throw MigrationError(describe_problems(adoption.problems));
  auto planned = co_await unapplied();
  std::map<std::string, std::string> tables;
  for (auto& migration : planned) {
    std::vector<std::string> needed;
    for (const auto& statement : migration.statements) {
      const auto addition = parse_addition(statement);
      if (!addition) {
        if (!only_reads(statement)) needed.push_back(statement);
        continue;
      }
      const bool there = co_await is_there(*addition, database_);
      if (there || is_planned(tables, *addition)) continue;
      needed.push_back(with_ids(addition->sql, catalogue.engine, adoption.facts.user_ids));
      if (addition->kind == Addition::Kind::table) tables[addition->table] = statement;
    }
    migration.statements = std::move(needed);
  }
  if (!planned.empty() && catalogue.engine == Engine::postgres && catalogue.schema.empty())
    planned.front().statements.insert(planned.front().statements.begin(),
                                      "CREATE SCHEMA IF NOT EXISTS " + quoted(catalogue.wanted_schema));
  co_return planned;
}

Awaitable<std::vector<AppliedMigration>> Migrator::apply() {
  std::vector<AppliedMigration> applied;
  const auto left = co_await unapplied();
  if (left.empty()) co_return applied;
  const auto catalogue = co_await read_catalogue(database_);
  const auto adoption = judge(catalogue);
  if (!adoption.problems.empty()) throw MigrationError(describe_problems(adoption.problems));
  if (catalogue.engine == Engine::postgres && catalogue.schema.empty()) co_await make_schema(catalogue.wanted_schema);
  for (const auto& migration : left) {
    try {
      auto done = co_await apply_one(migration, adoption.facts.user_ids);
      if (done) applied.push_back(std::move(*done));
    } catch (const StatementError& error) {
      throw MigrationError("migration " + migration.name + " failed and was rolled back: " + hint(error.what()) +
                           error.what());
    } catch (const ConstraintError& error) {
      throw MigrationError("migration " + migration.name + " failed and was rolled back: " + error.what());
    }
  }
  co_return applied;
}

// Others may make it at the same time, which fails with a broken unique key in PostgreSQL's catalogue.
Awaitable<> Migrator::make_schema(std::string name) {
  if (name.empty()) throw MigrationError("the URL's search_path names no schema that could be made");
  const std::string sql = "CREATE SCHEMA IF NOT EXISTS " + quoted(name);
  auto transaction = co_await database_.begin();
  Parameters key{kMigrationLock};
  co_await transaction->query({"SELECT pg_advisory_xact_lock($1)"}, std::move(key));
  try {
    co_await transaction->query({sql}, {});
  } catch (const StatementError& error) {
    throw MigrationError(
        fmt::format("the schema {} of search_path does not exist and cannot be made ({}); run {} AUTHORIZATION "
                    "the gateway's user",
                    name, error.what(), sql));
  }
  co_await transaction->commit();
}

// Nothing: another process was faster.
Awaitable<std::optional<AppliedMigration>> Migrator::apply_one(Migration migration, IdKind ids) {
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
    co_return std::nullopt;
  }
  AppliedMigration applied{migration.name, {}};
  for (const auto& statement : migration.statements) {
    auto change = co_await run_statement(*transaction, statement, ids);
    if (!change.empty()) applied.changes.push_back(std::move(change));
  }
  Parameters entry{migration.name, migration.checksum, to_iso(clock_.now())};
  co_await transaction->query({"INSERT INTO gatehouse_migration (name, checksum, applied_at) VALUES ($1, $2, $3)"},
                              std::move(entry));
  co_await transaction->commit();
  co_return applied;
}

Awaitable<std::string> Migrator::run_statement(Transaction& transaction, std::string statement, IdKind ids) {
  const auto engine = database_.engine();
  const auto addition = parse_addition(statement);
  if (!addition) {
    const auto result = co_await transaction.query({statement}, {});
    co_return describe_run(statement, result.affected);
  }
  const bool there = co_await is_there(*addition, transaction, engine);
  if (there) co_return std::string();
  const std::string sql = with_ids(addition->sql, engine, ids);
  co_await transaction.query({sql}, {});
  co_return describe(*addition);
}

Migrator make_migrator(Database& database, const Clock& clock, std::vector<std::string> features,
                       std::vector<Migration> more) {
  features.emplace_back("core");
  auto migrations = select_migrations(gatehouse_migrations(), database.engine(), features);
  for (auto& migration : more) migrations.push_back(std::move(migration));
  return {database, clock, std::move(migrations)};
}

}  // namespace gatehouse::storage
