// Single questions to the opened database's own catalogue: deployments that are adopted may have more or fewer columns
// than ours. The whole picture is storage/catalogue.hpp.
#pragma once
#include <string>

#include "storage/database.hpp"

namespace gatehouse::storage {

// In the schema where unqualified names are made (PostgreSQL: the first of search_path that exists), and in no other.
// Names are not quoted; on SQLite their case does not matter.
Awaitable<bool> has_table(Database& database, std::string table);
Awaitable<bool> has_column(Database& database, std::string table, std::string column);
// Any whole and valid one whose first column it is.
Awaitable<bool> has_index(Database& database, std::string table, std::string column);

// The same inside a transaction, which sees its own changes.
Awaitable<bool> has_table(Transaction& transaction, Engine engine, std::string table);
Awaitable<bool> has_column(Transaction& transaction, Engine engine, std::string table, std::string column);
Awaitable<bool> has_index(Transaction& transaction, Engine engine, std::string table, std::string column);

}  // namespace gatehouse::storage
