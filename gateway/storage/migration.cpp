#include "storage/migration.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/check.hpp"
#include "base/encoding.hpp"

namespace gatehouse::storage {

namespace {

std::string sha256(std::string_view content) {
  std::array<unsigned char, 32> digest{};
  const int done = EVP_Digest(content.data(), content.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  GATEHOUSE_CHECK(done == 1);
  return hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// "core/0001_core" of "core/0001_core.postgres.sql"; empty if the file is of the other engine.
std::string_view name_for(Engine engine, std::string_view path) {
  if (!path.ends_with(".sql")) return {};
  path.remove_suffix(4);
  const std::string_view own = engine == Engine::sqlite ? ".sqlite" : ".postgres";
  const std::string_view other = engine == Engine::sqlite ? ".postgres" : ".sqlite";
  if (path.ends_with(other)) return {};
  if (path.ends_with(own)) path.remove_suffix(own.size());
  return path;
}

std::string_view without_comments_in_front(std::string_view text) {
  for (;;) {
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return {};
    text.remove_prefix(start);
    if (!text.starts_with("--")) return text;
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end);
  }
}

bool take(std::string_view& text, std::string_view token) {
  if (!text.starts_with(token)) return false;
  text.remove_prefix(token.size());
  return true;
}

std::string take_name(std::string_view& text) {
  if (!take(text, "\"")) return {};
  const auto end = text.find('"');
  if (end == std::string_view::npos) return {};
  std::string name(text.substr(0, end));
  text.remove_prefix(end + 1);
  return name;
}

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

}  // namespace

std::vector<Migration> select_migrations(std::span<const EmbeddedFile> files, Engine engine,
                                         const std::vector<std::string>& features) {
  std::vector<Migration> selected;
  for (const auto& file : files) {
    const auto name = name_for(engine, file.path);
    const auto feature = name.substr(0, name.find('/'));
    if (name.empty() || std::ranges::find(features, feature) == features.end()) continue;
    Migration migration{std::string(name), sha256(file.content), {}};
    for (const auto statement : split_statements(file.content)) migration.statements.emplace_back(statement);
    selected.push_back(std::move(migration));
  }
  std::ranges::sort(selected, {}, [](const Migration& migration) {
    return std::tuple(!migration.name.starts_with("core/"), std::string_view(migration.name));
  });
  return selected;
}

std::vector<std::string_view> split_statements(std::string_view sql) {
  std::vector<std::string_view> statements;
  while (!(sql = without_comments_in_front(sql)).empty()) {
    const auto end = sql.find(";\n\n");
    auto statement = sql.substr(0, end);
    if (end == std::string_view::npos) statement = statement.substr(0, statement.find_last_not_of("; \t\r\n") + 1);
    statements.push_back(statement);
    sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 3);
  }
  return statements;
}

std::optional<Addition> parse_addition(std::string_view statement) {
  auto rest = statement;
  Addition addition;
  addition.sql = statement;
  if (take(rest, "CREATE TABLE IF NOT EXISTS ")) {
    addition.table = take_name(rest);
  } else if (take(rest, "CREATE INDEX IF NOT EXISTS ")) {
    addition.kind = Addition::Kind::index;
    take_name(rest);
    if (!take(rest, " ON ")) return std::nullopt;
    addition.table = take_name(rest);
    if (!take(rest, " (")) return std::nullopt;
    addition.column = take_name(rest);
    if (rest != ")") return std::nullopt;
  } else if (take(rest, "ALTER TABLE ")) {
    addition.kind = Addition::Kind::column;
    addition.table = take_name(rest);
    if (!take(rest, " ADD COLUMN IF NOT EXISTS ")) return std::nullopt;
    addition.sql = "ALTER TABLE \"" + addition.table + "\" ADD COLUMN " + std::string(rest);
    addition.column = take_name(rest);
  }
  const bool complete = !addition.table.empty() && (addition.kind == Addition::Kind::table || !addition.column.empty());
  return complete ? std::optional(std::move(addition)) : std::nullopt;
}

std::string with_ids(std::string_view statement, Engine engine, IdKind kind) {
  std::string sql(statement);
  if (kind == IdKind::text || (kind == IdKind::uuid && engine == Engine::sqlite)) return sql;
  const std::string_view type = kind == IdKind::uuid ? "uuid" : "integer";
  const std::string_view made = kind == IdKind::uuid         ? "uuid DEFAULT gen_random_uuid()"
                                : engine == Engine::postgres ? "integer GENERATED BY DEFAULT AS IDENTITY"
                                                             : "integer";
  replace_all(sql, "\"id\" text NOT NULL PRIMARY KEY", "\"id\" " + std::string(made) + " NOT NULL PRIMARY KEY");
  replace_all(sql, " text NOT NULL REFERENCES ", " " + std::string(type) + " NOT NULL REFERENCES ");
  replace_all(sql, " text REFERENCES ", " " + std::string(type) + " REFERENCES ");
  return sql;
}

}  // namespace gatehouse::storage
