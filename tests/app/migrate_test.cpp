#include "app/commands/migrate.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "app/command_line.hpp"
#include "storage/open.hpp"
#include "storage/schema.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;

namespace {

bool has_user_table(const Secret& url) {
  const auto store = storage::open_store(url).value();
  asio::io_context context;
  const auto database = store->connect(context.get_executor());
  return tests::run_coroutine(context, storage::has_table(*database, "user"));
}

}  // namespace

TEST_CASE("run_migrate changes the database, a dry run does not, and a second run finds nothing to do") {
  const tests::TemporaryFolder folder;
  const config::DatabaseSettings settings{.url = Secret("sqlite:" + (folder.path() / "a.db").string())};
  using enum app::MigrateAction;
  CHECK(app::run_migrate(settings, dry_run) == 0);
  CHECK(app::run_migrate(settings, status) == 2);
  CHECK(std::filesystem::is_empty(folder.path()));
  CHECK(app::run_migrate(settings, apply) == 0);
  CHECK(has_user_table(settings.url));
  CHECK(app::run_migrate(settings, apply) == 0);
  CHECK(app::run_migrate(settings, dry_run) == 0);
  CHECK(app::run_migrate(settings, status) == 0);
}

TEST_CASE("run_migrate fails where the database is not reachable or the URL is none") {
  CHECK(app::run_migrate({.url = Secret("postgres://user:password@127.0.0.1:1/none")}, app::MigrateAction::apply) == 1);
  CHECK(app::run_migrate({.url = Secret("nonsense")}, app::MigrateAction::dry_run) == 1);
}

TEST_CASE("migrate needs a database, and neither the secret nor the address of the gateway") {
  const tests::TemporaryFolder folder;
  const Secret url("sqlite:" + (folder.path() / "a.db").string());
  const std::string file = (folder.path() / "migrate.yaml").string();
  std::ofstream(file) << "gateway:\n  database: {url: \"" << url.reveal() << "\"}\n";
  std::vector<std::string> arguments{"gatehouse", "migrate", "--config", file};
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  CHECK(app::run_command_line(static_cast<int>(pointers.size()), pointers.data()) == 0);
  CHECK(has_user_table(url));
}
