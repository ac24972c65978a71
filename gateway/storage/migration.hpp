// The migrations that are embedded in the binary, as values. A file of migrations/ is named
//   FEATURE/NNNN_NAME.ENGINE.sql  (ENGINE: postgres or sqlite)  or  FEATURE/NNNN_NAME.sql  (the same text for both)
// and holds statements that each end with a ';' at the end of a line that an empty line or the end of the file follows.
// They only ever add; an applied file is never edited.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded_file.hpp"
#include "storage/adoption.hpp"
#include "storage/database.hpp"

namespace gatehouse::storage {

struct Migration {
  std::string name;      // "core/0001_core"
  std::string checksum;  // SHA-256 of the file, in hexadecimal
  std::vector<std::string> statements;
};

// Those of one engine and of the features named, in the order in which they are applied: core first, then by name.
std::vector<Migration> select_migrations(std::span<const EmbeddedFile> files, Engine engine,
                                         const std::vector<std::string>& features);

// The statements of a migration's text, without comments and space around them.
std::vector<std::string_view> split_statements(std::string_view sql);

// Statements of these forms are only run where what they make is missing. The migrator looks for itself: SQLite has no
// IF NOT EXISTS for columns, PostgreSQL would lock the table and want its owner even where nothing is to be done, and
// both know an index by its name alone.
//   CREATE TABLE IF NOT EXISTS "t" (…)
//   ALTER TABLE "t" ADD COLUMN IF NOT EXISTS "c" …
//   CREATE INDEX IF NOT EXISTS "i" ON "t" ("c")
struct Addition {
  enum class Kind { table, column, index };
  Kind kind = Kind::table;
  std::string table;
  std::string column;  // of a table: empty
  std::string sql;     // the statement; of a column without IF NOT EXISTS
};
// Absent for every other statement.
std::optional<Addition> parse_addition(std::string_view statement);

// Files declare ids and references to them as text. In a database whose users have ids of another kind, what is added
// must have them too: the statement with the types of its "id" and of its references changed.
std::string with_ids(std::string_view statement, Engine engine, IdKind kind);

}  // namespace gatehouse::storage
