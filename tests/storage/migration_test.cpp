#include "storage/migration.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace gatehouse;
using namespace gatehouse::storage;

TEST_CASE("split_statements ends a statement where an empty line follows its semicolon") {
  const auto statements = split_statements(
      "-- a comment; with one\n\nCREATE TABLE a (\n  b text\n);\n\n\n"
      "CREATE FUNCTION f() AS $$\nBEGIN\n  SELECT 1;\n  SELECT 2;\nEND $$;\n\n-- last\nSELECT 3;\n");
  REQUIRE(statements.size() == 3);
  CHECK(statements[0] == "CREATE TABLE a (\n  b text\n)");
  CHECK(statements[1] == "CREATE FUNCTION f() AS $$\nBEGIN\n  SELECT 1;\n  SELECT 2;\nEND $$");
  CHECK(statements[2] == "SELECT 3");
  CHECK(split_statements("").empty());
  CHECK(split_statements("-- nothing\n").empty());
}

TEST_CASE("select_migrations takes one engine's files of the features named, core first") {
  const std::array<EmbeddedFile, 6> files{{{"admin/0001_admin.sql", "SELECT 1;"},
                                           {"core/0001_core.postgres.sql", "SELECT 2;"},
                                           {"core/0001_core.sqlite.sql", "SELECT 3;"},
                                           {"core/0002_more.sql", "SELECT 4;"},
                                           {"jwt/0001_jwt.sql", "SELECT 5;"},
                                           {"core/README.md", "no"}}};
  const auto selected = select_migrations(files, Engine::sqlite, {"admin", "core"});
  REQUIRE(selected.size() == 3);
  CHECK(selected[0].name == "core/0001_core");
  CHECK(selected[0].statements.at(0) == "SELECT 3");
  CHECK(selected[0].checksum == "6d51e258cb323b98bf07dd6658c78c08adaf998a8e717f85e02d9c7ce869608b");
  CHECK(selected[1].name == "core/0002_more");
  CHECK(selected[2].name == "admin/0001_admin");
  CHECK(select_migrations(files, Engine::postgres, {"core"}).at(0).statements.at(0) == "SELECT 2");
}

TEST_CASE("parse_add_column knows its one form") {
  const auto add = parse_add_column(R"(ALTER TABLE "user" ADD COLUMN IF NOT EXISTS "role" text DEFAULT 'x')");
  REQUIRE(add);
  CHECK(add->table == "user");
  CHECK(add->column == "role");
  CHECK(add->sql == R"(ALTER TABLE "user" ADD COLUMN "role" text DEFAULT 'x')");
  CHECK_FALSE(parse_add_column(R"(ALTER TABLE "user" ADD COLUMN "role" text)"));
  CHECK_FALSE(parse_add_column(R"(ALTER TABLE "user" ADD COLUMN IF NOT EXISTS role text)"));
  CHECK_FALSE(parse_add_column("SELECT 1"));
}
