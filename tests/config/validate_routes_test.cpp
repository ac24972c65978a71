#include "config/validate_routes.hpp"

#include <doctest/doctest.h>

#include "tests/config/loading.hpp"

using namespace gatehouse::config;

namespace {

// Routes of one upstream `web` below what every file needs. Heads of the problems, without file and place.
std::string with_routes(const std::string& routes) {
  std::string heads = heads_of(kListen + "upstreams: {web: {servers: [http://web]}}\nroutes:\n" + routes);
  std::string out;
  while (!heads.empty()) {
    const auto end = heads.find('\n');
    std::string line = heads.substr(0, end);
    heads.erase(0, end + 1);
    out += line.substr(line.find(": ") + 2) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("public stands on a route, without require, and not over everything unless that is written") {
  CHECK(with_routes("- {path: /a/**, upstream: web, auth: public}") == "");
  CHECK(with_routes("- {path: /a, upstream: web, auth: public, require: {role: admin}}") ==
        "routes[0].require: a public route looks at no session and can require nothing [GH-CONFIG-PUBLIC]\n");
  CHECK(with_routes("- {path: /**, upstream: web, auth: public}").ends_with("[GH-CONFIG-PUBLIC-ROOT]\n"));
  CHECK(with_routes("- {path: /*/a, upstream: web, auth: public}").ends_with("[GH-CONFIG-PUBLIC-ROOT]\n"));
  CHECK(with_routes("- {path: /, upstream: web, auth: public}") == "");
  CHECK(with_routes("- {path: /**, upstream: web}") == "");
  CHECK(with_routes("- {path: /**, upstream: web, auth: public, insecure_public_root: true}") == "");
  CHECK(with_routes("- {path: /a, upstream: web, auth: public, insecure_public_root: true}")
            .ends_with("[GH-CONFIG-VALUE]\n"));
}

TEST_CASE("routes that match the same requests equally well are refused with both places") {
  CHECK(with_routes("- {path: /a/*, upstream: web}\n- {path: /a/*/, upstream: web}\n") ==
        "routes[1].path:  /a/* for every method is already declared by routes[0] at routes.yaml:4:3 "
        "[GH-CONFIG-DUPLICATE-ROUTE]\n");
  CHECK(with_routes("- {path: /a, upstream: web, methods: [GET, PUT]}\n- {path: /a, upstream: web, methods: [PUT]}\n")
            .ends_with("[GH-CONFIG-DUPLICATE-ROUTE]\n"));
  CHECK(with_routes("- {path: /%61, upstream: web}\n- {path: /a, upstream: web}\n")
            .ends_with("[GH-CONFIG-DUPLICATE-ROUTE]\n"));
  CHECK(with_routes(
            "- {path: /a, upstream: web}\n- {path: /a, upstream: web, methods: [PUT]}\n- {path: /a, upstream: web, "
            "host: x.example.com}\n- {path: /b, upstream: web, methods: [GET]}\n- {path: /b, upstream: web, methods: "
            "[PUT]}") == "");
}

TEST_CASE("paths of the gateway itself cannot be declared") {
  CHECK(with_routes("- {path: /api/auth/extra, upstream: web}") ==
        "routes[0].path: /api/auth belongs to the gateway itself [GH-CONFIG-RESERVED-PATH]\n");
  CHECK(with_routes("- {path: /api/auth/**, upstream: web}").ends_with("[GH-CONFIG-RESERVED-PATH]\n"));
  CHECK(with_routes("- {path: /.well-known/jwks.json, upstream: web}").ends_with("[GH-CONFIG-RESERVED-PATH]\n"));
  CHECK(with_routes("- {path: /api/**, upstream: web}\n- {path: /api/authors, upstream: web}") == "");
}

TEST_CASE("strip_prefix is the literal beginning of the path, by whole segments") {
  CHECK(with_routes("- {path: /api/a/**, upstream: web, strip_prefix: /api}") == "");
  CHECK(with_routes("- {path: /api/a/**, upstream: web, strip_prefix: /api/a/}") == "");
  for (const char* prefix : {"/ap", "/other", "/api/a/b", "/"}) {
    CAPTURE(prefix);
    CHECK(with_routes("- {path: /api/a/**, upstream: web, strip_prefix: " + std::string(prefix) + "}")
              .ends_with("[GH-CONFIG-PATH]\n"));
  }
}

TEST_CASE("the client's Authorization cannot be forwarded under a name that means something") {
  CHECK(with_routes("- {path: /a, upstream: web, forward_authorization_as: X-Client-Authorization}") == "");
  for (const char* name : {"Authorization", "X-User-ID", "x-user-anything", "Host", "X-Forwarded-For", "Cookie",
                           "Connection", "X-Gatehouse-Assertion", "X.User.ID"}) {
    CAPTURE(name);
    CHECK(with_routes("- {path: /a, upstream: web, forward_authorization_as: " + std::string(name) + "}")
              .ends_with("[GH-CONFIG-VALUE]\n"));
  }
}

TEST_CASE("lists that would mean nobody or nothing are refused") {
  CHECK(with_routes("- {path: /a, upstream: web, require: {role: []}}") ==
        "routes[0].require.role: needs at least one role [GH-CONFIG-MISSING]\n");
  CHECK(with_routes("- {path: /a, upstream: web, methods: []}") ==
        "routes[0].methods: needs at least one method [GH-CONFIG-MISSING]\n");
  CHECK(with_routes("- {path: /a, upstream: web, require: {role: ['a,b']}}").ends_with("[GH-CONFIG-VALUE]\n"));
  CHECK(with_routes("- {path: /a, upstream: web, rate_limit: {by: []}}").ends_with("[GH-CONFIG-MISSING]\n"));
}

TEST_CASE("a limit counts by one thing, by several each on its own, or by several together") {
  const auto by = [](const std::string& keys) {
    return with_routes("- {path: /a, upstream: web, rate_limit: {by: " + keys + "}}");
  };
  for (const char* keys : {"user", "route", "[user, ip]", "[[user, ip]]", "[[user, ip], route]", "[[ip]]"}) {
    CAPTURE(keys);
    CHECK(by(keys) == "");
  }
  CHECK(by("[user, ip, user]") == "routes[0].rate_limit.by[2]: 'user' is there twice [GH-CONFIG-VALUE]\n");
  CHECK(by("[[user, ip], [ip, user]]") == "routes[0].rate_limit.by[1]: 'user+ip' is there twice [GH-CONFIG-VALUE]\n");
  CHECK(by("[[ip, ip]]") == "routes[0].rate_limit.by[0][1]: 'ip' is there twice [GH-CONFIG-VALUE]\n");
  CHECK(by("[[]]") ==
        "routes[0].rate_limit.by[0]: needs at least one of ip, session, user, route [GH-CONFIG-MISSING]\n");
  CHECK(by("[[usr]]").starts_with("routes[0].rate_limit.by[0][0]: 'usr' is none of ip, session, user, route"));
}

TEST_CASE("known keys whose behaviour is not there are refused, unless they say what is the case") {
  for (const char* key : {"require: {org_role: [owner]}", "require: {permission: ['order:refund']}",
                          "require: {scope: x}", "require: {two_factor: true}"}) {
    CAPTURE(key);
    CHECK(
        with_routes("- {path: /a, upstream: web, " + std::string(key) + "}").ends_with("[GH-CONFIG-NOT-AVAILABLE]\n"));
  }
  for (const char* key : {"auth: {two_factor: {}}"}) {
    CAPTURE(key);
    const auto heads = heads_of("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, " + std::string(key) + "}");
    CHECK(heads.ends_with("[GH-CONFIG-NOT-AVAILABLE]\n"));
  }
}

TEST_CASE("a key in the wrong place is told where it belongs") {
  CHECK(with_routes("- {path: /a, upstream: web, base_url: https://a}") ==
        "routes[0].base_url: is no key of this place, it belongs in gateway [GH-CONFIG-MISPLACED-KEY]\n");
  CHECK(with_routes("- {path: /a, upstream: web, nonsense: 1}") ==
        "routes[0].nonsense: unknown key [GH-CONFIG-UNKNOWN-KEY]\n");
  CHECK(heads_of(kListen + "defaults: {strip_prefix: /a}") ==
        "routes.yaml:2:12: defaults.strip_prefix: is no key of this place, it belongs in routes[] "
        "[GH-CONFIG-MISPLACED-KEY]\n");
}

TEST_CASE("routes that differ in letter case alone are one to many an upstream: they need the same rule") {
  CHECK(with_routes("  - {path: /Admin/**, upstream: web, auth: public}\n"
                    "  - {path: /admin/**, upstream: web, require: {role: [admin]}}\n") ==
        "routes[1].path: /admin/** and /Admin/** of routes[0] at routes.yaml:4:5 are told apart by letter case alone, "
        "and "
        "their rules differ: an upstream that takes both for the same would serve what is protected "
        "[GH-CONFIG-CASE-TWINS]\n");
  const auto refused = [](const std::string& routes) {
    return with_routes(routes).find("[GH-CONFIG-CASE-TWINS]") != std::string::npos;
  };
  CHECK(
      refused("  - {path: /a/Key, upstream: web, auth: public}\n  - {path: /a/key, upstream: web, auth: optional}\n"));
  CHECK(refused("  - {path: /a/Key, upstream: web, require: {role: [x]}}\n  - {path: /a/key, upstream: web}\n"));
  CHECK(
      refused("  - {path: /a/Key, upstream: web, require: {fresh: 5m}}\n"
              "  - {path: /a/key, upstream: web, require: {fresh: 10m}}\n"));
  CHECK(refused("  - {path: /a/Key, upstream: web, csrf: false}\n  - {path: /a/key, upstream: web}\n"));
  CHECK(
      refused("  - {path: /a/Key, upstream: web, methods: [GET]}\n"
              "  - {path: /a/key, upstream: web, auth: public}\n"));
  CHECK(
      refused("  - {path: /a/Key, upstream: web, host: www.example.com}\n"
              "  - {path: /a/key, upstream: web, auth: public}\n"));
  CHECK(refused("  - {path: /A/*, upstream: web, auth: public}\n  - {path: /a/**, upstream: web}\n"));
  CHECK(refused("  - {path: /A/**, upstream: web, auth: public}\n  - {path: /a, upstream: web}\n"));
  CHECK(refused("  - {path: /A/x, upstream: web, auth: public}\n  - {path: /a/*, upstream: web}\n"));
  CHECK_FALSE(refused("  - {path: /A/x, upstream: web, auth: public}\n  - {path: /a/x/y, upstream: web}\n"));
  CHECK_FALSE(refused("  - {path: /A, upstream: web, auth: public}\n  - {path: /b/**, upstream: web}\n"));
  CHECK(with_routes("  - {path: /a/Key, upstream: web}\n  - {path: /a/key, upstream: web}\n") == "");
  CHECK(with_routes("  - {path: /a/Key, upstream: web, methods: [GET]}\n"
                    "  - {path: /a/key, upstream: web, methods: [POST], auth: public}\n") == "");
  CHECK(with_routes("  - {path: /a/Key, upstream: web, host: a.example}\n"
                    "  - {path: /a/key, upstream: web, host: b.example, auth: public}\n") == "");
  CHECK(with_routes("  - {path: /a/*/Key, upstream: web}\n  - {path: /a/**, upstream: web, auth: public}\n") == "");
}
