// Secrets are never shown, and routes.yaml cannot reach the gateway's.
#include <doctest/doctest.h>

#include "tests/config/loading.hpp"

using namespace gatehouse::config;

namespace {

bool shows(const std::string& yaml, std::string_view secret = "hunter2") {
  const auto problems = problems_of(yaml);
  REQUIRE_FALSE(problems.empty());
  return problems.find(secret) != std::string::npos;
}

}  // namespace

TEST_CASE("no problem shows a secret that stands in the file") {
  CHECK_FALSE(shows("gateway: {secret: hunter2, listne: 1}\n"));
  CHECK_FALSE(shows("gateway: {listne: 1, secret: hunter2}\n"));
  CHECK_FALSE(shows("gateway: {secrte: hunter2}\n"));
  CHECK_FALSE(shows("gateway: {databse: {url: postgres://u:hunter2@h/d}}\n"));
  CHECK_FALSE(shows("gateway: {\"secret\" : hunter2}\n"));
  CHECK_FALSE(shows("gateway:\n  secret: hunter2\n"));
  CHECK_FALSE(shows("gateway:\n  secret:\n    hunter2\n"));
  CHECK_FALSE(shows("gateway:\n  secret:\n    hunter2: x\n"));
  CHECK_FALSE(shows("gateway:\n  secret:\n  - hunter2\n"));
  CHECK_FALSE(shows("gateway:\n  secret: &a hunter2\n"));
  CHECK_FALSE(shows("gateway:\n  secret:\n    !x hunter2\n"));
  CHECK_FALSE(shows("gateway:\n  secret: x\n  secret: hunter2\n"));
  CHECK_FALSE(shows("gateway:\n  database:\n    url: mysql://u:hunter2@h/d\n"));
  CHECK_FALSE(shows("gateway:\n  redis: redis://:hunter2@h\n"));
  CHECK_FALSE(shows("upstreams: {a: {servers: [http://a], key: \"hunter2 x\"}}\n"));
  CHECK_FALSE(shows("gateway:\n  secret: \"hunter2\n"));
  CHECK_FALSE(shows("routes:\n- key: hunter2\n"));
}

TEST_CASE("no problem shows what a reference stands for") {
  Loading loading;
  loading.environment["OTHER"] = "hunter2";
  const auto problems = problems_of("gateway: {base_url: \"${env:OTHER}\", threads: \"${env:OTHER}\"}", loading);
  CHECK(problems.find("the value of '${env:OTHER}' is not an origin") != std::string::npos);
  CHECK(problems.find("the value of '${env:OTHER}' is not a whole number") != std::string::npos);
  CHECK(problems.find("hunter2") == std::string::npos);
}

TEST_CASE("a secret of the gateway cannot be used outside of its section") {
  const std::string upstream = "upstreams: {a: {servers: [http://a], key: \"${env:BETTER_AUTH_SECRET}\"}}\n";
  CHECK(heads_of(kListen + upstream) ==
        "routes.yaml:2:43: upstreams.a.key: BETTER_AUTH_SECRET is a secret of the gateway and may be used below "
        "`gateway` alone "
        "[GH-CONFIG-SECRET-REFERENCE]\n");
  Loading loading;
  loading.files["/run/secrets/gateway"] = kSecret;
  CHECK(heads_of("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, secret: \"${file:/run/secrets/gateway}\"}\n"
                 "upstreams: {a: {servers: [http://a], key: \"${file:/run/secrets/gateway}\"}}\n",
                 loading)
            .ends_with("[GH-CONFIG-SECRET-REFERENCE]\n"));
}

TEST_CASE("with a file for the gateway, the file of the routes may not hold its section") {
  Loading loading;
  loading.gateway = "gateway.yaml";
  loading.environment["MY_SECRET"] = kSecret;
  loading.files["gateway.yaml"] = "version: 1\n" + kListen;
  CHECK(heads_of("version: 1\nupstreams: {a: {servers: [http://a]}}\n", loading) == "");
  CHECK(heads_of("gateway: {threads: 1}\n", loading) ==
        "routes.yaml:1:1: gateway: is in gateway.yaml and may not be here [GH-CONFIG-MISPLACED-KEY]\n");
  loading.files["gateway.yaml"] = kListen + "routes: []\n";
  CHECK(heads_of("", loading) ==
        "gateway.yaml:2:1: routes: belongs in the file of the routes [GH-CONFIG-MISPLACED-KEY]\n");
  loading.files["gateway.yaml"] = "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, secret: \"${env:MY_SECRET}\"}\n";
  CHECK(heads_of("upstreams: {a: {servers: [http://a], key: \"${env:MY_SECRET}\"}}\n", loading)
            .ends_with("[GH-CONFIG-SECRET-REFERENCE]\n"));
}

TEST_CASE("a file that cannot be read is a problem with its name") {
  Loading loading;
  loading.gateway = "gateway.yaml";
  CHECK(heads_of("", loading) == "gateway.yaml: cannot be read: No such file or directory [GH-CONFIG-FILE]\n");
}
