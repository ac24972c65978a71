#include "storage/sqlite/sqlite_connection.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/iso_time.hpp"

namespace gatehouse::storage {

namespace {

constexpr std::size_t kPreparedMax = 512;
constexpr int kInstructionsBetweenDeadlineChecks = 20'000;

// SQLite creates files with the process's umask: too open for sessions and password hashes.
int create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  ::close(file);
  return 0;
}

StoreError::Kind kind_of(int extended_code) {
  using Kind = StoreError::Kind;
  switch (extended_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Kind::unique;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Kind::foreign_key;
    case SQLITE_CONSTRAINT_NOTNULL:
      return Kind::not_null;
    default:
      break;
  }
  switch (extended_code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return Kind::other_constraint;
    case SQLITE_ERROR:
    case SQLITE_RANGE:
    case SQLITE_MISUSE:
    case SQLITE_SCHEMA:
    case SQLITE_AUTH:
      return Kind::statement;
    default:
      return Kind::unavailable;  // busy, locked, full, read-only, I/O, memory, interrupted, damaged
  }
}

}  // namespace

std::expected<std::unique_ptr<SqliteConnection>, std::string> SqliteConnection::open(const std::string& path,
                                                                                     StoreOptions options) {
  const bool is_file = path != ":memory:";
  if (options.read_only && is_file && ::access(path.c_str(), F_OK) != 0) return open(":memory:", options);
  if (is_file && !options.read_only) {
    if (const int problem = create_private(path); problem != 0) {
      return std::unexpected("cannot open the SQLite file " + path + ": " + std::strerror(problem));
    }
  }
  sqlite3* raw = nullptr;
  const int mode = options.read_only && is_file ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  int code = sqlite3_open_v2(path.c_str(), &raw, mode | SQLITE_OPEN_NOMUTEX, nullptr);
  Handle handle(raw);
  if (code != SQLITE_OK) return std::unexpected("cannot open the SQLite file " + path + ": " + sqlite3_errstr(code));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, static_cast<int>(options.acquire_timeout.count()));
  // Otherwise a misspelt "column" is silently a string.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  const char* settings = options.read_only ? "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;"
                                           : "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA "
                                             "foreign_keys = ON; PRAGMA trusted_schema = OFF;";
  // Whoever changes the journal mode at the same time makes this fail at once, whatever the busy timeout.
  const auto patience = std::chrono::steady_clock::now() + options.acquire_timeout;
  while ((code = sqlite3_exec(raw, settings, nullptr, nullptr, nullptr)) != SQLITE_OK) {
    if ((code & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= patience)
      return std::unexpected("cannot use the SQLite file " + path + ": " + sqlite3_errmsg(raw));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return std::unique_ptr<SqliteConnection>(new SqliteConnection(std::move(handle)));
}

SqliteConnection::SqliteConnection(Handle handle) : handle_(std::move(handle)) {
  const auto too_late = [](void* self) {
    return std::chrono::steady_clock::now() > static_cast<SqliteConnection*>(self)->deadline_ ? 1 : 0;
  };
  sqlite3_progress_handler(handle_.get(), kInstructionsBetweenDeadlineChecks, too_late, this);
}

StoreError SqliteConnection::error(std::string_view sql) const {
  const auto kind = kind_of(sqlite3_extended_errcode(handle_.get()));
  std::string detail = sqlite3_errmsg(handle_.get());
  if (kind == StoreError::Kind::statement) detail.append(" in: ").append(sql);
  return {kind, std::move(detail)};
}

std::expected<SqliteConnection::Prepared*, StoreError> SqliteConnection::prepare(std::string_view sql) {
  std::string key(sql);
  if (const auto found = prepared_.find(key); found != prepared_.end()) return &found->second;
  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), key.data(), static_cast<int>(key.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, &rest);
  Prepared prepared{.statement = decltype(Prepared::statement)(raw), .indexes = {}};
  if (code != SQLITE_OK) return std::unexpected(error(sql));
  const std::string_view tail(rest, key.data() + key.size());
  if (raw == nullptr || tail.find_first_not_of(" \n\t;") != std::string_view::npos) {
    return store_error(StoreError::Kind::statement, "not one statement: " + key);
  }
  const int count = sqlite3_bind_parameter_count(raw);
  for (int i = 1; i <= count; ++i) {
    const int index = sqlite3_bind_parameter_index(raw, ("$" + std::to_string(i)).c_str());
    if (index == 0) return store_error(StoreError::Kind::statement, "parameters are not $1…$n in: " + key);
    prepared.indexes.push_back(index);
  }
  if (prepared_.size() >= kPreparedMax) prepared_.clear();
  return &prepared_.emplace(std::move(key), std::move(prepared)).first->second;
}

void SqliteConnection::bind(const Prepared& prepared, const Parameters& parameters) {
  sqlite3_stmt* statement = prepared.statement.get();
  const auto bind_text = [&](int index, const std::string& text) {
    sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  };
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const int index = prepared.indexes[i];
    const auto& value = parameters[i];
    if (const auto* flag = std::get_if<bool>(&value)) {
      sqlite3_bind_int(statement, index, *flag ? 1 : 0);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      sqlite3_bind_int64(statement, index, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      bind_text(index, *text);
    } else if (const auto* time = std::get_if<WallTime>(&value)) {
      bind_text(index, to_iso(*time));
    } else {
      sqlite3_bind_null(statement, index);
    }
  }
}

Outcome SqliteConnection::step(sqlite3_stmt* statement) {
  ResultSet result;
  const auto changes_before = sqlite3_total_changes64(handle_.get());
  int code = SQLITE_OK;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    std::vector<std::optional<std::string>> columns(static_cast<std::size_t>(sqlite3_column_count(statement)));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const int column = static_cast<int>(i);
      if (sqlite3_column_type(statement, column) == SQLITE_NULL) continue;
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      columns[i].emplace(text == nullptr ? "" : text,
                         static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    }
    result.rows.emplace_back(std::move(columns));
  }
  if (code != SQLITE_DONE) return std::unexpected(error(sqlite3_sql(statement)));
  if (sqlite3_total_changes64(handle_.get()) != changes_before) result.affected = sqlite3_changes64(handle_.get());
  return result;
}

Outcome SqliteConnection::run(std::string_view sql, const Parameters& parameters, SteadyTime deadline) {
  deadline_ = deadline;
  auto prepared = prepare(sql);
  if (!prepared) return std::unexpected(std::move(prepared.error()));
  const Prepared& statement = **prepared;
  if (statement.indexes.size() != parameters.size()) {
    return store_error(StoreError::Kind::statement, "wrong number of parameters for: " + std::string(sql));
  }
  bind(statement, parameters);
  auto outcome = step(statement.statement.get());
  sqlite3_reset(statement.statement.get());
  sqlite3_clear_bindings(statement.statement.get());
  return outcome;
}

}  // namespace gatehouse::storage
