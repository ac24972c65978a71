#include "app/commands/migrate.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <memory>

#include "app/commands/command.hpp"
#include "storage/migrator.hpp"
#include "storage/open.hpp"

namespace gatehouse::app {

namespace {

void print_plan(const std::vector<storage::Migration>& plan) {
  for (const auto& migration : plan) {
    fmt::print("-- {}\n", migration.name);
    for (const auto statement : migration.statements) fmt::print("{};\n\n", statement);
  }
  fmt::print("-- {} to apply\n", plan.size());
}

Awaitable<> migrate(storage::Database& database, bool dry_run) {
  const SystemClock clock;
  auto migrator = storage::make_migrator(database, clock);
  if (dry_run) {
    const auto plan = co_await migrator.plan();
    print_plan(plan);
    co_return;
  }
  const auto applied = co_await migrator.apply();
  for (const auto& name : applied) fmt::print("applied {}\n", name);
  fmt::print("the database is on the current schema\n");
}

}  // namespace

int run_migrate(const config::DatabaseSettings& settings, bool dry_run) {
  const auto store = storage::open_store(settings.url, storage::migration_options());
  if (!store) {
    fmt::print(stderr, "{}\n", store.error());
    return 1;
  }
  asio::io_context context;
  const auto database = (*store)->connect(context.get_executor());
  std::exception_ptr failure;
  asio::co_spawn(context, migrate(*database, dry_run), [&](std::exception_ptr thrown) {
    failure = thrown;
    context.stop();  // connections keep it running
  });
  context.run();
  try {
    if (failure) std::rethrow_exception(failure);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

void add_migrate(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("migrate", "Bring the database to the current schema, or show what that takes");
  const auto files = std::make_shared<ConfigurationFiles>();
  const auto dry_run = std::make_shared<bool>(false);
  add_configuration_options(*command, *files);
  command->add_flag("--dry-run", *dry_run, "Print the SQL of what would be done, and change nothing");
  command->callback([files, dry_run, &exit_code] {
    const auto configuration = load_or_tell(*files);
    exit_code = configuration ? run_migrate(configuration->gateway.database, *dry_run) : 1;
  });
}

}  // namespace gatehouse::app
