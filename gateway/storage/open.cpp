#include "storage/open.hpp"

#include <string_view>

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

}  // namespace

Opened open_store(const Secret& url, StoreOptions options) {
  const std::string_view text = url.reveal();
  if (text.starts_with("sqlite:")) return open_sqlite(text.substr(7), options);
  return std::unexpected("the database URL must start with postgres://, postgresql:// or sqlite:");
}

}  // namespace gatehouse::storage
