#include "storage/open.hpp"

#include <string_view>

#include "storage/postgres/postgres_database.hpp"
#include "storage/sqlite/sqlite_database.hpp"

namespace gatehouse::storage {

namespace {

using Opened = std::expected<std::unique_ptr<Store>, std::string>;

Opened open_sqlite(std::string_view file, StoreOptions options) {
  if (file.starts_with("///")) file.remove_prefix(2);  // sqlite:///var/… with the empty authority of a file URL
  if (file.empty() || file.starts_with("//"))
    return std::unexpected("the database URL names no file: write sqlite:FILE");
  auto engine = SqliteEngine::open(std::string(file), options);
  if (!engine) return std::unexpected(std::move(engine.error()));
  return std::make_unique<SqliteStore>(std::move(*engine));
}

Opened open_postgres(const std::string& url, StoreOptions options) {
  auto target = PostgresTarget::parse(url);
  if (!target) return std::unexpected(std::move(target.error()));
  return std::make_unique<PostgresStore>(std::move(*target), options);
}

}  // namespace

Opened open_store(const Secret& url, StoreOptions options) {
  const std::string_view text = url.reveal();
  if (text.starts_with("sqlite:")) return open_sqlite(text.substr(7), options);
  if (text.starts_with("postgres://") || text.starts_with("postgresql://")) return open_postgres(url.reveal(), options);
  return std::unexpected("the database URL must start with postgres://, postgresql:// or sqlite:");
}

}  // namespace gatehouse::storage
