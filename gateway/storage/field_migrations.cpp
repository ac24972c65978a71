#include "storage/field_migrations.hpp"

namespace gatehouse::storage {

namespace {

using config::AdditionalField;
using Type = AdditionalField::Type;

constexpr std::string_view kPrefix = "fields/";

// As Better Auth's migration has them.
std::string_view type_of(Type type, Engine engine) {
  const bool sqlite = engine == Engine::sqlite;
  switch (type) {
    case Type::string:
      return "text";
    case Type::number:
      return "integer";
    case Type::boolean:
      return sqlite ? "integer" : "boolean";
    case Type::date:
      return sqlite ? "date" : "timestamptz";
    case Type::strings:
    case Type::numbers:
      return sqlite ? "text" : "jsonb";
  }
  return "text";
}

std::string literal(const AdditionalField& field, Engine engine) {
  const std::string& text = *field.default_value;
  if (field.type == Type::number) return text;
  if (field.type == Type::boolean) return engine == Engine::sqlite ? (text == "true" ? "1" : "0") : text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

// Rows that are there cannot all get one value of an optional unique field.
bool has_static_default(const AdditionalField& field) {
  const bool scalar = field.type == Type::string || field.type == Type::number || field.type == Type::boolean;
  return scalar && field.default_value && !(field.unique && !field.required);
}

Migration make_migration(const std::string& table, const AdditionalField& field, Engine engine) {
  const std::string& column = field.column();
  std::string added = "ALTER TABLE \"" + table + "\" ADD COLUMN IF NOT EXISTS \"" + column + "\" " +
                      std::string(type_of(field.type, engine));
  if (has_static_default(field)) {
    added += " DEFAULT " + literal(field, engine);
    if (field.required) added += " NOT NULL";
  }
  Migration migration;
  migration.name = std::string(kPrefix) + table + "." + column + "." + std::string(type_of(field.type, engine));
  // A default that is changed later changes no column.
  migration.checksum = migration.name;
  migration.statements.push_back(std::move(added));
  if (field.unique)
    migration.statements.push_back("CREATE UNIQUE INDEX IF NOT EXISTS \"" + table + "_" + column + "_uidx\" ON \"" +
                                   table + "\" (\"" + column + "\")");
  return migration;
}

}  // namespace

std::vector<Migration> field_migrations(const config::AuthSettings& settings, Engine engine) {
  std::vector<Migration> migrations;
  for (const auto& field : settings.user.additional_fields) migrations.push_back(make_migration("user", field, engine));
  for (const auto& field : settings.session.additional_fields)
    migrations.push_back(make_migration("session", field, engine));
  return migrations;
}

bool is_field_migration(std::string_view name) {
  return name.starts_with(kPrefix);
}

}  // namespace gatehouse::storage
