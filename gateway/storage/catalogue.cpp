#include "storage/catalogue.hpp"

#include <algorithm>

#include "storage/schema.hpp"

namespace gatehouse::storage {

namespace {

const Statement kPostgresSchemas{
    R"(SELECT current_schema(),
              (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'emailVerified' AND NOT a.attisdropped
               WHERE c.oid = to_regclass('"user"') AND n.nspname <> current_schema()),
              (SELECT trim(both '"' FROM trim(name)) FROM unnest(string_to_array(current_setting('search_path'), ',')) AS name
               WHERE trim(name) NOT IN ('"$user"', '$user', '') LIMIT 1))"};

const Statement kPostgresColumns{
    R"(SELECT c.relname, a.attname, format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL),
              CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END,
              a.attnotnull, a.atthasdef OR a.attidentity <> ''
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
       WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
         AND c.relname IN ('user', 'session', 'account', 'verification', 'rateLimit')
         AND c.relkind IN ('r', 'p', 'v', 'f')
         AND a.attnum > 0 AND NOT a.attisdropped
       ORDER BY c.relname, a.attnum)"};

const Statement kPostgresIndexes{
    R"(SELECT c.relname, a.attname, i.indisunique AND i.indnkeyatts = 1
       FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attnum > 0
       WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
         AND c.relname IN ('user', 'session', 'account', 'verification', 'rateLimit')
         AND i.indisvalid AND i.indpred IS NULL)"};

const Statement kSqliteColumns{
    R"(SELECT CASE lower(t.name) WHEN 'ratelimit' THEN 'rateLimit' ELSE lower(t.name) END, c.name, lower(c.type), 0,
              c."notnull" <> 0,
              c.dflt_value IS NOT NULL OR (c.pk = 1 AND lower(c.type) = 'integer')
       FROM sqlite_schema t JOIN pragma_table_info(t.name) c
       WHERE t.type IN ('table', 'view')
         AND lower(t.name) IN ('user', 'session', 'account', 'verification', 'ratelimit'))"};

const Statement kSqliteIndexes{
    R"(SELECT CASE lower(t.name) WHEN 'ratelimit' THEN 'rateLimit' ELSE lower(t.name) END, c.name,
              i."unique" <> 0 AND (SELECT count(*) FROM pragma_index_info(i.name)) = 1
       FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c ON c.seqno = 0
       WHERE t.type = 'table' AND i.partial = 0
         AND lower(t.name) IN ('user', 'session', 'account', 'verification', 'ratelimit'))"};

// Not "user" itself: another process may have made it since the columns were read.
const Statement kPostgresUsers{
    R"(SELECT c.relname FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'email'
         JOIN pg_attribute b ON b.attrelid = c.oid AND b.attname IN ('emailVerified', 'email_verified')
       WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND c.relkind IN ('r', 'p')
         AND c.relname <> 'user'
       LIMIT 1)"};

const Statement kSqliteUsers{
    R"(SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) a ON a.name = 'email'
         JOIN pragma_table_info(t.name) b ON b.name IN ('emailVerified', 'email_verified')
       WHERE t.type = 'table' AND lower(t.name) <> 'user' LIMIT 1)"};

struct TimeColumn {
  const char* table;
  const char* column;
  Statement sample;  // one row if a value is not text
};

const TimeColumn kSqliteTimes[] = {
    {"user", "createdAt", {R"(SELECT 1 FROM (SELECT "createdAt" AS t FROM "user" LIMIT 1) WHERE typeof(t) <> 'text')"}},
    {"session",
     "expiresAt",
     {R"(SELECT 1 FROM (SELECT "expiresAt" AS t FROM "session" LIMIT 1) WHERE typeof(t) <> 'text')"}},
    {"account",
     "createdAt",
     {R"(SELECT 1 FROM (SELECT "createdAt" AS t FROM "account" LIMIT 1) WHERE typeof(t) <> 'text')"}},
    {"verification",
     "expiresAt",
     {R"(SELECT 1 FROM (SELECT "expiresAt" AS t FROM "verification" LIMIT 1) WHERE typeof(t) <> 'text')"}},
};

}  // namespace

const Column* Catalogue::find(std::string_view table, std::string_view column) const {
  const auto found =
      std::ranges::find_if(columns, [&](const Column& one) { return one.table == table && one.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

bool Catalogue::has_table(std::string_view table) const {
  return std::ranges::any_of(columns, [&](const Column& one) { return one.table == table; });
}

Awaitable<Catalogue> read_catalogue(Database& database) {
  Catalogue catalogue;
  catalogue.engine = database.engine();
  const bool postgres = catalogue.engine == Engine::postgres;
  if (postgres) {
    const auto schemas = co_await database.query(kPostgresSchemas, {});
    catalogue.schema = schemas.rows.at(0).optional_text(0).value_or("");
    catalogue.shadowed_schema = schemas.rows.at(0).optional_text(1).value_or("");
    catalogue.wanted_schema = schemas.rows.at(0).optional_text(2).value_or("");
  }
  const auto columns = co_await database.query(postgres ? kPostgresColumns : kSqliteColumns, {});
  for (const auto& row : columns.rows) {
    catalogue.columns.push_back({row.text(0), row.text(1), row.text(2), static_cast<std::size_t>(row.integer(3)),
                                 row.boolean(4), row.boolean(5)});
  }
  const auto indexes = co_await database.query(postgres ? kPostgresIndexes : kSqliteIndexes, {});
  for (const auto& row : indexes.rows) catalogue.indexes.push_back({row.text(0), row.text(1), row.boolean(2)});
  if (!catalogue.has_table("user")) {
    const auto users = co_await database.query(postgres ? kPostgresUsers : kSqliteUsers, {});
    if (!users.rows.empty()) catalogue.renamed_user = users.rows.front().text(0);
  }
  if (postgres) co_return catalogue;
  for (const auto& time : kSqliteTimes) {
    if (catalogue.find(time.table, time.column) == nullptr) continue;
    const auto found = co_await database.query(time.sample, {});
    if (!found.rows.empty()) catalogue.numeric_times.push_back(std::string(time.table) + "." + time.column);
  }
  co_return catalogue;
}

}  // namespace gatehouse::storage
