// What the opened database really looks like: the columns and indexes of Better Auth's core tables, read from the
// engine's own catalogue at the start and by `gatehouse migrate`. Deployments that are adopted may have more, fewer or
// other columns than ours; storage/adoption.hpp judges them.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "storage/database.hpp"

namespace gatehouse::storage {

struct Column {
  std::string table;
  std::string name;
  std::string
      type;  // PostgreSQL: as format_type says it, "timestamp with time zone"; SQLite: as declared, in lower case
  std::size_t characters_max = 0;  // of varchar(n) in PostgreSQL; 0: no limit
  bool required = false;           // NOT NULL
  bool has_default = false;        // or the engine makes the value
};

// A whole and valid one, by its first column.
struct Index {
  std::string table;
  std::string column;
  bool unique = false;  // and that column is its only one
};

struct Catalogue {
  Engine engine = Engine::sqlite;
  // PostgreSQL: where unqualified names are made, the first of search_path that exists. Empty: none of them does.
  std::string schema;
  // PostgreSQL: the schema of a Better Auth "user" that search_path finds, but only behind `schema`. Else empty.
  std::string shadowed_schema;
  // PostgreSQL: the first schema that search_path names.
  std::string wanted_schema;
  std::vector<Column> columns;
  std::vector<Index> indexes;
  // A table with addresses of users, where there is no "user": Better Auth may keep its tables under other names.
  std::string renamed_user;
  // SQLite gives a column whatever it is given: columns of times, as "table.column", where a value is not text.
  std::vector<std::string> numeric_times;

  const Column* find(std::string_view table, std::string_view column) const;
  bool has_table(std::string_view table) const;
};

// Only reads, and only catalogues and one row of each table.
Awaitable<Catalogue> read_catalogue(Database& database);

}  // namespace gatehouse::storage
