#include "storage/schema.hpp"

namespace gatehouse::storage {

namespace {

Statement table_statement(Engine engine) {
  if (engine == Engine::sqlite)
    return {"SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1 COLLATE NOCASE"};
  return {
      "SELECT 1 FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) "
      "AND relname = $1::text AND relkind IN ('r', 'p', 'v', 'f')"};
}

Statement column_statement(Engine engine) {
  if (engine == Engine::sqlite) return {"SELECT 1 FROM pragma_table_info($1) WHERE name = $2 COLLATE NOCASE"};
  return {
      "SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
      "WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) "
      "AND c.relname = $1::text AND a.attname = $2::text AND a.attnum > 0 AND NOT a.attisdropped"};
}

Statement index_statement(Engine engine) {
  if (engine == Engine::sqlite) {
    return {
        "SELECT 1 FROM pragma_index_list($1) i JOIN pragma_index_info(i.name) c ON c.seqno = 0 "
        "WHERE i.partial = 0 AND c.name = $2 COLLATE NOCASE"};
  }
  return {
      "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
      "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attnum > 0 "
      "WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) "
      "AND c.relname = $1::text AND a.attname = $2::text AND i.indisvalid AND i.indpred IS NULL"};
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

Awaitable<bool> has_index(Database& database, std::string table, std::string column) {
  return has_rows(database, index_statement(database.engine()), {std::move(table), std::move(column)});
}

Awaitable<bool> has_table(Transaction& transaction, Engine engine, std::string table) {
  return has_rows(transaction, table_statement(engine), {std::move(table)});
}

Awaitable<bool> has_column(Transaction& transaction, Engine engine, std::string table, std::string column) {
  return has_rows(transaction, column_statement(engine), {std::move(table), std::move(column)});
}

Awaitable<bool> has_index(Transaction& transaction, Engine engine, std::string table, std::string column) {
  return has_rows(transaction, index_statement(engine), {std::move(table), std::move(column)});
}

}  // namespace gatehouse::storage
