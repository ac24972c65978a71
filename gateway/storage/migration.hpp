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
#include "storage/database.hpp"

namespace gatehouse::storage {

struct Migration {
  std::string name;                          // "core/0001_core"
  std::string checksum;                      // SHA-256 of the file, in hexadecimal
  std::vector<std::string_view> statements;  // into the embedded file
};

// Those of one engine and of the features named, in the order in which they are applied: core first, then by name.
std::vector<Migration> select_migrations(std::span<const EmbeddedFile> files, Engine engine,
                                         const std::vector<std::string>& features);

// The statements of a migration's text, without comments and space around them.
std::vector<std::string_view> split_statements(std::string_view sql);

// A statement of the form  ALTER TABLE "t" ADD COLUMN IF NOT EXISTS "c" DEFINITION  (SQLite has no IF NOT EXISTS there,
// so the migrator looks for itself). Absent for every other statement.
struct AddColumn {
  std::string table;
  std::string column;
  std::string sql;  // the statement without IF NOT EXISTS
};
std::optional<AddColumn> parse_add_column(std::string_view statement);

}  // namespace gatehouse::storage
