// SQLite's side of storage/: its file, and other programs that use it.
#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "base/failure.hpp"
#include "storage/open.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;

namespace {

struct Client {
  explicit Client(const std::string& url, StoreOptions options = {})
      : store(open_store(Secret(url), options).value()) {}
  ResultSet query(const char* sql) { return run_coroutine(context, database->query({sql}, {})); }

  std::unique_ptr<Store> store;
  asio::io_context context;
  std::unique_ptr<Database> database = store->connect(context.get_executor());
};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

struct OtherProgram {
  explicit OtherProgram(const std::filesystem::path& path) {
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  }
  ~OtherProgram() { sqlite3_close(handle); }
  void run(const char* sql) { REQUIRE(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }
  sqlite3* handle = nullptr;
};

}  // namespace

TEST_CASE("the SQLite file and its log are nobody else's to read") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "new.db";
  Client client("sqlite:" + path.string());
  client.query("CREATE TABLE t (n integer)");
  CHECK(mode_of(path) == 0600);
  CHECK(mode_of(path.string() + "-wal") == 0600);
  CHECK(client.query("PRAGMA journal_mode").rows.at(0).text(0) == "wal");
  CHECK(client.query("PRAGMA foreign_keys").rows.at(0).boolean(0));
}

TEST_CASE("what was written is there after the file was closed") {
  const TemporaryFolder folder;
  const auto url = "sqlite://" + (folder.path() / "kept.db").string();
  {
    Client client(url);
    client.query("CREATE TABLE t (n integer)");
    client.query("INSERT INTO t VALUES (7)");
  }
  CHECK(Client(url).query("SELECT n FROM t").rows.at(0).integer(0) == 7);
}

TEST_CASE("each sqlite::memory: is a database of its own") {
  Client first("sqlite::memory:"), second("sqlite::memory:");
  first.query("CREATE TABLE t (n integer)");
  CHECK_THROWS_AS(second.query("SELECT n FROM t"), StatementError);
}

TEST_CASE("a file that cannot be used is told in a sentence") {
  const TemporaryFolder folder;
  const auto text = folder.path() / "text";
  std::ofstream(text) << std::string(4096, 'x');
  CHECK(open_store(Secret("sqlite:" + text.string())).error().contains("not a database"));
  CHECK(open_store(Secret("sqlite:" + (folder.path() / "none/x.db").string())).error().contains("No such file"));
}

TEST_CASE("a file that another program keeps locked is unavailable, and works when it is free") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "shared.db";
  Client client("sqlite:" + path.string(), {.acquire_timeout = std::chrono::milliseconds{200}});
  client.query("CREATE TABLE t (n integer)");
  OtherProgram other(path);
  other.run("BEGIN IMMEDIATE");
  CHECK_THROWS_AS(client.query("INSERT INTO t VALUES (1)"), Failure);
  CHECK_THROWS_AS(run_coroutine(client.context, client.database->begin()), Failure);
  CHECK(client.query("SELECT n FROM t").rows.empty());
  other.run("COMMIT");
  CHECK(client.query("INSERT INTO t VALUES (1)").affected == 1);
}

TEST_CASE("a full disk is unavailable, rolls back, and is used again when there is room") {
  Client client("sqlite::memory:");
  client.query("CREATE TABLE t (s text)");
  client.query("PRAGMA max_page_count = 20");
  auto transaction = run_coroutine(client.context, client.database->begin());
  run_coroutine(client.context, transaction->query({"INSERT INTO t VALUES ('kept?')"}, {}));
  CHECK_THROWS_AS(run_coroutine(client.context, transaction->query({"INSERT INTO t VALUES (zeroblob(200000))"}, {})),
                  Failure);
  transaction.reset();
  CHECK(client.query("SELECT s FROM t").rows.empty());
  client.query("PRAGMA max_page_count = 2000");
  CHECK(client.query("INSERT INTO t VALUES ('x')").affected == 1);
}
