// PostgreSQL's side of storage/: how it is reached, and what the gateway sees of its outages.
#include <doctest/doctest.h>

#include <chrono>

#include "base/failure.hpp"
#include "storage/open.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_certificate.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

struct Client {
  explicit Client(const std::string& url) : store(open_store(Secret(url)).value()) {}
  ResultSet query(const char* sql) { return run_coroutine(context, database->query({sql}, {})); }
  std::string text(const char* sql) { return query(sql).rows.at(0).text(0); }

  // What the Failure says; empty if the query was answered.
  std::string failure_of(const char* sql) {
    try {
      query(sql);
      return {};
    } catch (const Failure& failure) {
      CHECK(failure.status() == 503);
      CHECK(failure.reason() == "database_unavailable");
      return failure.what();
    }
  }

  // Its attempts to connect go on while it waits.
  bool recovers() {
    const auto end = std::chrono::steady_clock::now() + seconds{20};
    while (std::chrono::steady_clock::now() < end) {
      if (failure_of("SELECT 1").empty()) return true;
      context.run_one_for(std::chrono::milliseconds{100});
    }
    return false;
  }

  std::unique_ptr<Store> store;
  asio::io_context context;
  std::unique_ptr<Database> database = store->connect(context.get_executor());
};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

// Its time for one call, whatever comes of it.
template <class Call>
std::chrono::steady_clock::duration time_of(Call call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::steady_clock::now() - start;
}

}  // namespace

TEST_CASE("the forms of a PostgreSQL URL that people have are understood") {
  auto& server = PostgresServer::shared();
  const auto url = server.create_database();
  const std::string name = url.substr(url.rfind('/') + 1);
  CHECK(Client(url).text("SELECT current_database()") == name);
  CHECK(Client(replaced(url, "postgres:", "postgresql:")).text("SELECT current_database()") == name);
  CHECK(Client(replaced(url, "127.0.0.1", "localhost")).text("SELECT current_database()") == name);
  CHECK(Client(server.socket_url(url)).text("SELECT current_database()") == name);
  CHECK(Client(url + "?sslmode=disable").text("SELECT current_user") == "gatehouse");
  CHECK(Client(url + "?sslmode=prefer&connect_timeout=5").text("SELECT current_user") == "gatehouse");
  CHECK(Client(url + "?options=-c%20search_path%3Dauth").text("SHOW search_path") == "auth");
  CHECK(Client(url + "?options=-c search_path=auth").text("SHOW search_path") == "auth");
  CHECK(Client(url + "?options=-c+search_path=auth&sslmode=disable").text("SHOW search_path") == "auth");
  CHECK(Client(url).text("SHOW application_name") == "gatehouse");
  CHECK(Client(url + "?application_name=edge").text("SHOW application_name") == "edge");
}

TEST_CASE("a socket's folder may stand in the place of the host") {
  auto& server = PostgresServer::shared();
  const auto url = server.socket_url(server.create_database());
  const auto folder = url.substr(url.find("host=") + 5, url.find("&port") - url.find("host=") - 5);
  const auto port = url.substr(url.rfind('=') + 1);
  std::string encoded;
  for (const char c : folder) encoded += c == '/' ? std::string("%2F") : std::string(1, c);
  const auto name = url.substr(url.find("@/") + 2, url.find('?') - url.find("@/") - 2);
  CHECK(Client("postgres://gatehouse@" + encoded + ":" + port + "/" + name).text("SELECT current_database()") == name);
}

TEST_CASE("the server's certificate is checked as sslmode says") {
  PostgresServer server;
  const auto url = server.create_database();
  const TemporaryFolder folder;
  const auto own = write_certificate(folder.path(), "own", {"localhost"});
  const auto other = write_certificate(folder.path(), "other", {"localhost"});
  server.kill();
  server.use_tls(own.cert, own.key);
  server.start();
  const auto encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
  const auto by_name = replaced(url, "127.0.0.1", "localhost");
  CHECK(Client(url + "?sslmode=require").text(encrypted) == "t");
  CHECK(Client(url + "?ssl=true").text(encrypted) == "t");
  CHECK(Client(by_name + "?sslmode=verify-full&sslrootcert=" + own.cert).text(encrypted) == "t");
  CHECK(Client(url + "?sslmode=verify-ca&sslrootcert=" + own.cert).text(encrypted) == "t");
  CHECK(Client(url + "?sslmode=verify-full&sslrootcert=" + own.cert).failure_of(encrypted).contains("127.0.0.1"));
  CHECK(Client(by_name + "?sslmode=verify-full&sslrootcert=" + other.cert)
            .failure_of(encrypted)
            .contains("certificate verify failed"));
}

TEST_CASE("what cannot work in a URL is told at the start") {
  const auto error_of = [](const char* url) { return open_store(Secret(url)).error(); };
  CHECK(
      error_of("postgres://u:p@h/d?sslmode=no-verify") ==
      "the database URL has sslmode=no-verify; PostgreSQL's libpq knows disable, allow, prefer, require, verify-ca and "
      "verify-full");
  CHECK(error_of("postgres://u:p@h/d?sslmode=verify-full&sslrootcert=/no/such.pem") ==
        "the database URL has sslrootcert=/no/such.pem, which cannot be read");
}

TEST_CASE("of several servers the first that answers is used") {
  const auto url = PostgresServer::shared().create_database();
  CHECK(Client(replaced(url, "@127.0.0.1", "@127.0.0.1:1,127.0.0.1")).text("SELECT 'here'") == "here");
  CHECK(Client(replaced(url, "@127.0.0.1", "@no-such-host.invalid:1,127.0.0.1")).text("SELECT 'here'") == "here");
}

TEST_CASE("a parameter of the URL that libpq does not know is named") {
  CHECK(open_store(Secret("postgres://u:p@h/d?sslmode=prefer&schema=auth")).error() ==
        "the database URL has the parameter \"schema\", which PostgreSQL's libpq does not know");
}

TEST_CASE("no error shows a part of the URL that is secret") {
  for (const char* url : {"postgres://user:hunter2@[::1", "postgres://user:hunter2%zz@host/db",
                          "postgres://u:hunter2@h/d?nosuch=1", "mysql://user:hunter2@host/db",
                          "postgres://user:a/hun?hunter2@host/db", "hunter2", "sqlite:", "sqlite://hunter2/x"}) {
    const auto opened = open_store(Secret(url));
    REQUIRE_FALSE(opened);
    CHECK_FALSE(opened.error().contains("hunter2"));
    CHECK_FALSE(opened.error().empty());
  }
  const auto url = replaced(PostgresServer::shared().create_database(), "p%40ss", "hunter2");
  Client client(url);
  const auto failure = client.failure_of("SELECT 1");
  CHECK(failure.contains("password authentication failed"));
  CHECK_FALSE(failure.contains("hunter2"));
}

TEST_CASE("a server without TLS is refused where the URL requires TLS") {
  Client client(PostgresServer::shared().create_database() + "?sslmode=require");
  CHECK(client.failure_of("SELECT 1").contains("does not support SSL"));
}

TEST_CASE("a server that crashes fails what is under way, and is used again when it is back") {
  PostgresServer server;
  Client client(server.create_database());
  client.query("CREATE TABLE t (n bigint)");
  server.kill();
  CHECK_FALSE(client.failure_of("INSERT INTO t VALUES (1)").empty());
  CHECK_FALSE(client.failure_of("SELECT 1").empty());
  CHECK_THROWS_AS(run_coroutine(client.context, client.database->begin()), Failure);
  CHECK(time_of([&] { client.failure_of("SELECT 1"); }) < seconds{1});
  server.start();
  CHECK(client.recovers());
  CHECK(client.text("SELECT count(*) FROM t") == "0");
}

TEST_CASE("a server that is down at the start is used when it comes") {
  PostgresServer server;
  const auto url = server.create_database();
  server.kill();
  Client client(url);
  CHECK_FALSE(client.failure_of("SELECT 1").empty());
  server.start();
  CHECK(client.recovers());
}

TEST_CASE("a server that hangs costs a call its time-outs and no more, and no write is repeated") {
  PostgresServer server;
  Client client(server.create_database());
  client.query("CREATE TABLE t (n bigint)");
  client.query("INSERT INTO t VALUES (0)");
  server.freeze();
  CHECK(time_of([&] { CHECK_FALSE(client.failure_of("UPDATE t SET n = n + 1").empty()); }) < seconds{5});
  CHECK(time_of([&] { CHECK_FALSE(client.failure_of("SELECT n FROM t").empty()); }) < seconds{5});
  CHECK(time_of([&] { CHECK_FALSE(client.failure_of("SELECT n FROM t").empty()); }) < seconds{1});
  server.thaw();
  CHECK(client.recovers());
  const auto value = client.text("SELECT n FROM t");
  CHECK((value == "0" || value == "1"));
}

TEST_CASE("a connection that the server ended while it was idle is replaced without an error") {
  const auto url = PostgresServer::shared().create_database();
  Client client(url), other(url);
  const auto backend = "SELECT pg_backend_pid()";
  const auto first = client.text(backend);
  const auto listed = "SELECT 1 FROM pg_stat_activity WHERE pid = " + first;
  other.query(("SELECT pg_terminate_backend(" + first + ")").c_str());
  while (!other.query(listed.c_str()).rows.empty()) {
  }
  client.context.restart();
  while (client.context.run_one_for(std::chrono::milliseconds{200}) > 0) {
  }
  CHECK(client.text(backend) != first);
}

TEST_CASE("a transaction that loses its connection fails, and its work with it") {
  const auto url = PostgresServer::shared().create_database();
  Client client(url), other(url);
  client.query("CREATE TABLE t (n bigint)");
  auto transaction = run_coroutine(client.context, client.database->begin());
  const auto pid =
      run_coroutine(client.context, transaction->query({"SELECT pg_backend_pid()"}, {})).rows.at(0).text(0);
  run_coroutine(client.context, transaction->query({"INSERT INTO t VALUES (1)"}, {}));
  other.query(("SELECT pg_terminate_backend(" + pid + ")").c_str());
  while (!other.query(("SELECT 1 FROM pg_stat_activity WHERE pid = " + pid).c_str()).rows.empty()) {
  }
  CHECK_THROWS_AS(run_coroutine(client.context, transaction->commit()), Failure);
  transaction.reset();
  CHECK(client.text("SELECT count(*) FROM t") == "0");
}

TEST_CASE("text that is too long for an index is the value's fault") {
  Client client(PostgresServer::shared().create_database());
  client.query("CREATE TABLE t (id text UNIQUE)");
  // Nothing that can be compressed.
  const char* insert = "INSERT INTO t SELECT string_agg(md5(n::text), '') FROM generate_series(1, 300) n";
  CHECK_THROWS_AS(client.query(insert), ConstraintError);
  CHECK(client.text("SELECT count(*) FROM t") == "0");
}
