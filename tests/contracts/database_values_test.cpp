// What storage/database.hpp promises about single statements: values, errors, results.
#include <doctest/doctest.h>

#include <limits>

#include "base/iso_time.hpp"
#include "tests/contracts/database_backends.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;
using namespace gatehouse::tests;

namespace {

template <class Backend>
struct People : Opened<Backend> {
  People() {
    this->query("CREATE TABLE team (id text PRIMARY KEY)");
    this->query(
        std::string(
            R"(CREATE TABLE person (id text PRIMARY KEY, "fullName" text NOT NULL, email text UNIQUE, active )") +
        Backend::kBoolean + ", score bigint CHECK (score > -1000), seen " + Backend::kTime + ", born " +
        Backend::kLocalTime + ", team text REFERENCES team (id))");
  }
  template <class Call>
  ConstraintError::Kind constraint_of(Call call) {
    try {
      call();
    } catch (const ConstraintError& error) {
      return error.kind();
    }
    FAIL("no ConstraintError");
    return ConstraintError::Kind::other;
  }
};

WallTime at(const char* iso) {
  return parse_iso(iso).value();
}

}  // namespace

TEST_CASE_TEMPLATE("values come back as they were bound", Backend, SqliteBackend, PostgresBackend) {
  People<Backend> db;
  const std::string unicode = "Zoë 東京 \xF0\x9F\x91\xA9 'quoted' \"double\" \\ %s\n\t\x01";
  db.query(
      R"(INSERT INTO person (id, "fullName", email, active, score, seen, born) VALUES ($1, $2, $3, $4, $5, $6, $7))",
      {std::string("a"), unicode, nullptr, true, std::int64_t{9'007'199'254'740'993}, at("2026-01-31T23:59:59.123Z"),
       at("1969-12-31T23:59:59.999Z")});
  const auto found = db.query(R"(SELECT id, "fullName", email, active, score, seen, born, team FROM person)");
  REQUIRE(found.rows.size() == 1);
  const auto& row = found.rows[0];
  CHECK(row.size() == 8);
  CHECK(row.text(0) == "a");
  CHECK(row.text(1) == unicode);
  CHECK_FALSE(row.optional_text(2));
  CHECK(row.boolean(3));
  CHECK(row.integer(4) == 9'007'199'254'740'993);
  CHECK(to_iso(row.time(5)) == "2026-01-31T23:59:59.123Z");
  CHECK(to_iso(row.time(6)) == "1969-12-31T23:59:59.999Z");
  CHECK_FALSE(row.optional_time(7));
  CHECK_THROWS_AS(row.text(2), StatementError);
  CHECK_THROWS_AS(row.text(8), StatementError);
}

TEST_CASE_TEMPLATE("the ends of the ranges are kept", Backend, SqliteBackend, PostgresBackend) {
  Opened<Backend> db;
  db.query(std::string("CREATE TABLE range (n bigint, t ") + Backend::kTime + ", s text, b " + Backend::kBoolean + ")");
  db.query("INSERT INTO range VALUES ($1, $2, $3, $4)",
           {std::numeric_limits<std::int64_t>::min(), at("0001-01-01T00:00:00.000Z"), std::string(), false});
  db.query(
      "INSERT INTO range VALUES ($1, $2, $3, $4)",
      {std::numeric_limits<std::int64_t>::max(), at("9999-12-31T23:59:59.999Z"), std::string(1'000'000, 'x'), true});
  const auto found = db.query("SELECT n, t, s, b FROM range ORDER BY n");
  CHECK(found.rows.at(0).integer(0) == std::numeric_limits<std::int64_t>::min());
  CHECK(to_iso(found.rows.at(0).time(1)) == "0001-01-01T00:00:00.000Z");
  CHECK(found.rows.at(0).text(2).empty());
  CHECK_FALSE(found.rows.at(0).boolean(3));
  CHECK(found.rows.at(1).integer(0) == std::numeric_limits<std::int64_t>::max());
  CHECK(to_iso(found.rows.at(1).time(1)) == "9999-12-31T23:59:59.999Z");
  CHECK(found.rows.at(1).text(2).size() == 1'000'000);
  CHECK(found.rows.at(1).boolean(3));
}

TEST_CASE_TEMPLATE("times and booleans compare inside statements", Backend, SqliteBackend, PostgresBackend) {
  People<Backend> db;
  for (const auto* time : {"2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.010Z"}) {
    db.query(R"(INSERT INTO person (id, "fullName", seen, born, active) VALUES ($1, $1, $2, $4, $3))",
             {std::string(time), at(time), std::string(time).ends_with("1Z"), at(time)});
  }
  const auto cut = at("2026-01-01T00:00:00.001Z");
  CHECK(db.query("SELECT 1 FROM person WHERE seen < $1", {cut}).rows.size() == 1);
  CHECK(db.query("SELECT 1 FROM person WHERE seen = $1", {cut}).rows.size() == 1);
  CHECK(db.query("SELECT 1 FROM person WHERE born >= $1", {cut}).rows.size() == 2);
  CHECK(db.query("SELECT id FROM person WHERE active = $1", {true}).rows.at(0).text(0) == "2026-01-01T00:00:00.001Z");
}

TEST_CASE_TEMPLATE("parameters are numbered, not counted", Backend, SqliteBackend, PostgresBackend) {
  Opened<Backend> db;
  db.query("CREATE TABLE t (a text, b text, c bigint)");
  db.query("INSERT INTO t (c, a, b) VALUES ($2, $1, $1)", {std::string("one"), std::int64_t{2}});
  const auto found = db.query("SELECT a, b, c FROM t WHERE c = $2 AND b = $1", {std::string("one"), std::int64_t{2}});
  CHECK(found.rows.at(0).text(0) == "one");
  CHECK(found.rows.at(0).text(1) == "one");
  CHECK(found.rows.at(0).integer(2) == 2);
}

TEST_CASE_TEMPLATE("affected counts what a statement changed, RETURNING gives the rows", Backend, SqliteBackend,
                   PostgresBackend) {
  Opened<Backend> db;
  CHECK(db.query("CREATE TABLE t (id text PRIMARY KEY, n bigint)").affected == 0);
  CHECK(db.query("INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3)").affected == 3);
  const auto updated =
      db.query("UPDATE t SET n = n + $1 WHERE n >= $2 RETURNING id, n", {std::int64_t{10}, std::int64_t{2}});
  CHECK(updated.affected == 2);
  CHECK(updated.rows.size() == 2);
  const auto selected = db.query("SELECT n FROM t ORDER BY id");
  CHECK(selected.affected == 0);
  CHECK(selected.rows.at(2).integer(0) == 13);
  CHECK(db.query("UPDATE t SET n = 0 WHERE id = $1", {std::string("z")}).affected == 0);
  const auto taken = db.query("DELETE FROM t WHERE id = $1 RETURNING n", {std::string("a")});
  CHECK(taken.affected == 1);
  CHECK(taken.rows.at(0).integer(0) == 1);
  CHECK(db.query("DELETE FROM t WHERE id = $1 RETURNING n", {std::string("a")}).rows.empty());
}

TEST_CASE_TEMPLATE("ON CONFLICT does nothing or updates", Backend, SqliteBackend, PostgresBackend) {
  Opened<Backend> db;
  db.query("CREATE TABLE t (id text PRIMARY KEY, n bigint)");
  const Parameters row{std::string("a"), std::int64_t{1}};
  CHECK(db.query("INSERT INTO t VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", row).affected == 1);
  CHECK(db.query("INSERT INTO t VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", row).affected == 0);
  const auto merged =
      db.query("INSERT INTO t VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n RETURNING n", row);
  CHECK(merged.rows.at(0).integer(0) == 2);
}

TEST_CASE_TEMPLATE("a broken constraint says which kind and changes nothing", Backend, SqliteBackend, PostgresBackend) {
  People<Backend> db;
  using Kind = ConstraintError::Kind;
  const auto insert = [&](const char* id, Value name, Value email, Value score, Value team) {
    return db.constraint_of([&] {
      db.query(R"(INSERT INTO person (id, "fullName", email, score, team) VALUES ($1, $2, $3, $4, $5))",
               {std::string(id), std::move(name), std::move(email), std::move(score), std::move(team)});
    });
  };
  db.query(R"(INSERT INTO person (id, "fullName", email) VALUES ('a', 'Ann', 'ann@example.test'))");
  const std::string name = "x";
  CHECK(insert("a", name, nullptr, nullptr, nullptr) == Kind::unique);
  CHECK(insert("b", name, std::string("ann@example.test"), nullptr, nullptr) == Kind::unique);
  CHECK(insert("b", nullptr, nullptr, nullptr, nullptr) == Kind::not_null);
  CHECK(insert("b", name, nullptr, nullptr, std::string("nowhere")) == Kind::foreign_key);
  CHECK(insert("b", name, nullptr, std::int64_t{-1000}, nullptr) == Kind::other);
  CHECK(db.count("person") == 1);
}

TEST_CASE_TEMPLATE("what an error says holds no value", Backend, SqliteBackend, PostgresBackend) {
  People<Backend> db;
  db.query(R"(INSERT INTO person (id, "fullName", email) VALUES ('a', 'Ann', 'ann@example.test'))");
  try {
    db.query(R"(INSERT INTO person (id, "fullName", email) VALUES ($1, $2, $3))",
             {std::string("secret-id"), std::string("secret-name"), std::string("ann@example.test")});
    FAIL("no error");
  } catch (const ConstraintError& error) {
    const std::string text = error.what();
    CHECK_FALSE(text.contains("secret"));
    CHECK_FALSE(text.contains("ann@"));
  }
}

TEST_CASE_TEMPLATE("text that PostgreSQL cannot hold is refused by both", Backend, SqliteBackend, PostgresBackend) {
  People<Backend> db;
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xC3"), std::string("\xED\xA0\x80")}) {
    CHECK(db.constraint_of([&] { db.query("SELECT id FROM team WHERE id = $1", {text}); }) ==
          ConstraintError::Kind::other);
  }
  CHECK(db.count("team") == 0);
}

TEST_CASE_TEMPLATE("a statement that is wrong throws and breaks nothing", Backend, SqliteBackend, PostgresBackend) {
  Opened<Backend> db;
  db.query("CREATE TABLE t (id text)");
  const std::string a = "a";
  CHECK_THROWS_AS(db.query("SELEC 1"), StatementError);
  CHECK_THROWS_AS(db.query(R"(SELECT "noSuchColumn" FROM t)"), StatementError);
  CHECK_THROWS_AS(db.query("SELECT 1 FROM nowhere"), StatementError);
  CHECK_THROWS_AS(db.query("SELECT id FROM t WHERE id = $1"), StatementError);
  CHECK_THROWS_AS(db.query("SELECT id FROM t WHERE id = $1", {a, a}), StatementError);
  CHECK_THROWS_AS(db.query("SELECT id FROM t; SELECT id FROM t"), StatementError);
  CHECK(db.query("INSERT INTO t VALUES ($1)", {a}).affected == 1);
  CHECK(db.count("t") == 1);
}

TEST_CASE_TEMPLATE("a statement works again after its table was changed", Backend, SqliteBackend, PostgresBackend) {
  Opened<Backend> db;
  db.query("CREATE TABLE t (id text)");
  const char* insert = "INSERT INTO t (id) VALUES ($1)";
  const char* select = "SELECT id FROM t";
  db.query(insert, {std::string("a")});
  CHECK(db.query(select).rows.size() == 1);
  db.query("ALTER TABLE t ADD COLUMN extra text");
  db.query(insert, {std::string("b")});
  CHECK(db.query(select).rows.size() == 2);
}
