// One open SQLite file with its prepared statements. Used by the engine's thread alone; every call blocks.
#pragma once
#include <sqlite3.h>

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "storage/open.hpp"
#include "storage/store_error.hpp"

namespace gatehouse::storage {

class SqliteConnection {
 public:
  // A file that is not there is created with mode 0600 (the log beside it gets the same). The error is a sentence.
  static std::expected<std::unique_ptr<SqliteConnection>, std::string> open(const std::string& path,
                                                                            StoreOptions options);

  // Runs one statement to its end or until `deadline`.
  Outcome run(std::string_view sql, const Parameters& parameters, SteadyTime deadline);

  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Handle = std::unique_ptr<sqlite3, Close>;

  struct Prepared {
    std::unique_ptr<sqlite3_stmt, Finalize> statement;
    std::vector<int> indexes;  // of $1, $2, …: SQLite numbers parameters by their first appearance
  };

  explicit SqliteConnection(Handle handle);
  std::expected<Prepared*, StoreError> prepare(std::string_view sql);
  void bind(const Prepared& prepared, const Parameters& parameters);
  Outcome step(sqlite3_stmt* statement);
  StoreError error(std::string_view sql) const;

  Handle handle_;
  std::unordered_map<std::string, Prepared> prepared_;
  SteadyTime deadline_;
};

}  // namespace gatehouse::storage
