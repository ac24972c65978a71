#include <doctest/doctest.h>

#include "base/iso_time.hpp"
#include "storage/database.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;

TEST_CASE("Row reads a time in each form that an engine writes") {
  const Row row({"2026-01-31T23:59:59.123Z", "2026-01-31 23:59:59.123456+00", "2026-01-31 23:59:59.1",
                 "2026-01-31 23:59:59", "2026-01-31 23:59:59+02", "infinity", "", std::nullopt, "2026-01-31",
                 "2026-02-31"});
  CHECK(to_iso(row.time(0)) == "2026-01-31T23:59:59.123Z");
  CHECK(to_iso(row.time(1)) == "2026-01-31T23:59:59.123Z");
  CHECK(to_iso(row.time(2)) == "2026-01-31T23:59:59.100Z");
  CHECK(to_iso(row.time(3)) == "2026-01-31T23:59:59.000Z");
  CHECK_THROWS_AS(row.time(4), StatementError);
  CHECK_THROWS_AS(row.time(5), StatementError);
  CHECK_THROWS_AS(row.time(6), StatementError);
  CHECK_THROWS_AS(row.time(7), StatementError);
  CHECK_FALSE(row.optional_time(7));
  CHECK(to_iso(row.time(8)) == "2026-01-31T00:00:00.000Z");
  CHECK_THROWS_AS(row.time(9), StatementError);
}

TEST_CASE("Row refuses to read a column as what it is not") {
  const Row row({"t", "0", "42", "-7x", "", std::nullopt});
  CHECK(row.boolean(0));
  CHECK_FALSE(row.boolean(1));
  CHECK(row.integer(2) == 42);
  CHECK_THROWS_AS(row.boolean(2), StatementError);
  CHECK_THROWS_AS(row.integer(3), StatementError);
  CHECK_THROWS_AS(row.integer(4), StatementError);
  CHECK_THROWS_AS(row.text(5), StatementError);
  CHECK_THROWS_AS(row.text(6), StatementError);
  CHECK_FALSE(row.optional_text(5));
}
