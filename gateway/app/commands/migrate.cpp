#include "app/commands/migrate.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <memory>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "app/migrated_features.hpp"
#include "storage/field_migrations.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"

namespace gatehouse::app {

namespace {

void print_plan(const std::vector<storage::Migration>& plan) {
  for (const auto& migration : plan) {
    fmt::print("-- {}\n", migration.name);
    for (const auto& statement : migration.statements) fmt::print("{};\n\n", statement);
  }
  fmt::print("-- {} to apply\n", plan.size());
}

int print_status(const std::vector<storage::MigrationStatus>& all) {
  std::size_t left = 0;
  for (const auto& migration : all) {
    if (migration.applied_at.empty()) {
      ++left;
      fmt::print("{:<32} to apply\n", migration.name);
    } else {
      fmt::print("{:<32} applied {}{}\n", migration.name, migration.applied_at,
                 migration.known ? "" : " by a newer gatehouse");
    }
  }
  fmt::print("{} to apply\n", left);
  return left == 0 ? 0 : 2;
}

void print_applied(const std::vector<storage::AppliedMigration>& applied) {
  for (const auto& migration : applied) {
    fmt::print("applied {}\n", migration.name);
    for (const auto& change : migration.changes) fmt::print("  {}\n", change);
  }
  fmt::print("the database is on the current schema\n");
}

Awaitable<int> perform(storage::Database& database, const config::AuthSettings& auth,
                       const config::AuditSettings& audit, MigrateAction action) {
  const SystemClock clock;
  auto migrator = storage::make_migrator(database, clock, migrated_features(auth, audit),
                                         storage::field_migrations(auth, database.engine()));
  if (action == MigrateAction::status) {
    const auto all = co_await migrator.status();
    const int code = print_status(all);
    co_await migrator.inspect();
    co_return code;
  }
  if (action == MigrateAction::dry_run) {
    const auto plan = co_await migrator.plan();
    print_plan(plan);
    co_return 0;
  }
  const auto applied = co_await migrator.apply();
  print_applied(applied);
  const auto adoption = co_await migrator.inspect();
  for (const auto& text : adoption.advice) fmt::print("note: {}\n", text);
  co_return 0;
}

}  // namespace

int run_migrate(const config::DatabaseSettings& settings, MigrateAction action, const config::AuthSettings& auth,
                const config::AuditSettings& audit) {
  auto options = storage::migration_options();
  options.read_only = action != MigrateAction::apply;
  const auto store = storage::open_store(settings.url, options);
  if (!store) {
    fmt::print(stderr, "{}\n", store.error());
    return 1;
  }
  asio::io_context context;
  const auto database = (*store)->connect(context.get_executor());
  std::exception_ptr failure;
  int exit_code = 0;
  asio::co_spawn(context, perform(*database, auth, audit, action), [&](std::exception_ptr thrown, int code) {
    failure = thrown;
    exit_code = code;
    context.stop();  // connections keep it running
  });
  context.run();
  try {
    if (failure) std::rethrow_exception(failure);
    return exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

void add_migrate(CommandLine& line) {
  struct Options {
    ConfigurationFiles files;
    bool dry_run = false;
    bool status = false;
    std::string word;
  };
  auto command = line.add("migrate", "Bring the database to the current schema, or show what that takes");
  const auto options = std::make_shared<Options>();
  add_configuration_options(command, options->files);
  const auto dry_run =
      command.add("--dry-run", options->dry_run, "Print the SQL of what would be done, and change nothing");
  command.add("--status", options->status, "Print what has been applied; the exit code is 2 where something is left")
      .excludes(dry_run);
  command.add("action", options->word, "`status` is the same as --status").one_of({"status"});
  command.on_call([options] {
    const auto action = options->dry_run                               ? MigrateAction::dry_run
                        : options->status || options->word == "status" ? MigrateAction::status
                                                                       : MigrateAction::apply;
    // Whoever may change tables need not hold the gateway's secret, its keys or its certificate.
    options->files.dev = true;
    auto configuration = load_or_tell(options->files);
    if (!configuration) return 1;
    auto& database = configuration->gateway.database;
    if (database.url.empty()) database.url = Secret("sqlite:data/gatehouse.db");
    return run_migrate(database, action, configuration->gateway.auth, configuration->gateway.audit);
  });
}

}  // namespace gatehouse::app
