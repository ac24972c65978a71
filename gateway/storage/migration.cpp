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

}  // namespace

std::vector<Migration> select_migrations(std::span<const EmbeddedFile> files, Engine engine,
                                         const std::vector<std::string>& features) {
  std::vector<Migration> selected;
  for (const auto& file : files) {
    const auto name = name_for(engine, file.path);
    const auto feature = name.substr(0, name.find('/'));
    if (name.empty() || std::ranges::find(features, feature) == features.end()) continue;
    selected.push_back({std::string(name), sha256(file.content), split_statements(file.content)});
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

std::optional<AddColumn> parse_add_column(std::string_view statement) {
  auto rest = statement;
  AddColumn add;
  if (!take(rest, "ALTER TABLE ")) return std::nullopt;
  add.table = take_name(rest);
  if (add.table.empty() || !take(rest, " ADD COLUMN IF NOT EXISTS ")) return std::nullopt;
  const auto definition = rest;
  add.column = take_name(rest);
  if (add.column.empty()) return std::nullopt;
  add.sql = "ALTER TABLE \"" + add.table + "\" ADD COLUMN " + std::string(definition);
  return add;
}

}  // namespace gatehouse::storage
