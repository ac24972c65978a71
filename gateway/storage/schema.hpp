// What the opened database really looks like: deployments that are adopted may have more or fewer columns than ours.
#pragma once
#include <string>

#include "storage/database.hpp"

namespace gatehouse::storage {

// In the schema that unqualified names mean (PostgreSQL: the first of search_path that has the table). Names are not
// quoted; on SQLite their case does not matter.
Awaitable<bool> has_table(Database& database, std::string table);
Awaitable<bool> has_column(Database& database, std::string table, std::string column);

// The same inside a transaction, which sees its own changes.
Awaitable<bool> has_table(Transaction& transaction, Engine engine, std::string table);
Awaitable<bool> has_column(Transaction& transaction, Engine engine, std::string table, std::string column);

}  // namespace gatehouse::storage
