#include "attack/witness.hpp"

#include <doctest/doctest.h>

using namespace gatehouse::attack;

TEST_CASE("parse_arrival reads what the echo tells") {
  const auto arrival =
      parse_arrival(R"({"method":"GET","path":"/a","query":"b=c","body":"x","body_bytes":9,"canonical":false,)"
                    R"("headers":{"Probe":"run-1","X-A":["1","2"]}})");
  REQUIRE(arrival);
  CHECK(arrival->probe == "run-1");
  CHECK(arrival->path == "/a");
  CHECK(arrival->body_bytes == 9);
  CHECK(!arrival->canonical);
  CHECK(arrival->find_all("x-a").size() == 2);
}

TEST_CASE("parse_arrival takes nothing from a peer that only looks like an echo") {
  for (const char* text :
       {"", "[]", "{}", R"({"path":"/","body_bytes":"many"})", R"({"path":"/","body_bytes":-1})",
        R"({"path":"/","body_bytes":null})", R"({"path":"/","canonical":"yes"})", R"({"path":"/","headers":[]})"}) {
    CAPTURE(text);
    CHECK(!parse_arrival(text));
  }
}
