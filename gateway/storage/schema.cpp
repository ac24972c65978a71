#include "storage/schema.hpp"

namespace gatehouse::storage {

namespace {

Statement table_statement(Engine engine) {
  if (engine == Engine::sqlite)
    return {"SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1 COLLATE NOCASE"};
  return {"SELECT 1 WHERE to_regclass(quote_ident($1::text)) IS NOT NULL"};
}

Statement column_statement(Engine engine) {
  if (engine == Engine::sqlite) return {"SELECT 1 FROM pragma_table_info($1) WHERE name = $2 COLLATE NOCASE"};
  return {
      "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(quote_ident($1::text)) AND attname = $2::text "
      "AND attnum > 0 AND NOT attisdropped"};
}

template <class Queryable>
Awaitable<bool> has_rows(Queryable& database, Statement statement, Parameters parameters) {
  const auto found = co_await database.query(statement, std::move(parameters));
  co_return !found.rows.empty();
}

}  // namespace

Awaitable<bool> has_table(Database& database, std::string table) {
  return has_rows(database, table_statement(database.engine()), {std::move(table)});
}

Awaitable<bool> has_column(Database& database, std::string table, std::string column) {
  return has_rows(database, column_statement(database.engine()), {std::move(table), std::move(column)});
}

Awaitable<bool> has_table(Transaction& transaction, Engine engine, std::string table) {
  return has_rows(transaction, table_statement(engine), {std::move(table)});
}

Awaitable<bool> has_column(Transaction& transaction, Engine engine, std::string table, std::string column) {
  return has_rows(transaction, column_statement(engine), {std::move(table), std::move(column)});
}

}  // namespace gatehouse::storage
