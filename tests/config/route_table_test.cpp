#include "config/route_table.hpp"

#include <doctest/doctest.h>

using namespace gatehouse::config;

namespace {

struct Table {
  Configuration configuration;
  Table& route(std::string path, std::vector<std::string> methods = {}, std::string host = {}) {
    Route route;
    route.path = std::move(path);
    route.methods = std::move(methods);
    route.host = std::move(host);
    configuration.routes.push_back(std::move(route));
    return *this;
  }
  // What matches, as "[host]path[ METHOD…]", or the kind.
  std::string find(std::string_view method, std::string_view path, std::string_view host = "localhost") const {
    const RouteTable table(configuration);
    const Match match = table.match(method, host, path);
    switch (match.kind) {
      case Match::Kind::no_match:
        return "none";
      case Match::Kind::method_not_allowed:
        return "other method";
      case Match::Kind::auth:
        return "auth";
      case Match::Kind::jwks:
        return "jwks";
      case Match::Kind::route:
        break;
    }
    std::string text = match.route->host + match.route->path;
    for (const auto& listed : match.route->methods) text += " " + listed;
    return text;
  }
};

}  // namespace

TEST_CASE("match finds nothing where nothing is declared") {
  Table table;
  CHECK(table.find("GET", "/") == "none");
  table.route("/api/orders");
  CHECK(table.find("GET", "/") == "none");
  CHECK(table.find("GET", "/api") == "none");
  CHECK(table.find("GET", "/api/orders/7") == "none");
  CHECK(table.find("GET", "/api/ordersx") == "none");
  CHECK(table.find("GET", "/API/orders") == "none");
  CHECK(table.find("GET", "") == "none");
  CHECK(table.find("OPTIONS", "*") == "none");
}

TEST_CASE("match takes a path with and without a slash at its end as one") {
  Table table;
  table.route("/admin").route("/docs/").route("/**");
  CHECK(table.find("GET", "/admin") == "/admin");
  CHECK(table.find("GET", "/admin/") == "/admin");
  CHECK(table.find("GET", "/docs") == "/docs/");
  CHECK(table.find("GET", "/docs/") == "/docs/");
  CHECK(table.find("GET", "/docs/x") == "/**");
}

TEST_CASE("match lets a double star stand for any rest, also none") {
  Table table;
  table.route("/a/**");
  CHECK(table.find("GET", "/a") == "/a/**");
  CHECK(table.find("GET", "/a/") == "/a/**");
  CHECK(table.find("GET", "/a/b/c/d") == "/a/**");
  CHECK(table.find("GET", "/ab") == "none");
}

TEST_CASE("match lets a star stand for exactly one segment") {
  Table table;
  table.route("/a/*").route("/a/*/c");
  CHECK(table.find("GET", "/a/b") == "/a/*");
  CHECK(table.find("GET", "/a/b/") == "/a/*");
  CHECK(table.find("GET", "/a/b/c") == "/a/*/c");
  CHECK(table.find("GET", "/a") == "none");
  CHECK(table.find("GET", "/a/") == "none");
  CHECK(table.find("GET", "/a/b/d") == "none");
}

TEST_CASE("match prefers exact, then the longest literal prefix, then one star, then two") {
  Table table;
  table.route("/**").route("/*/b").route("/a/**").route("/a/*").route("/a/b/**").route("/a/b/c").route("/a/*/c");
  CHECK(table.find("GET", "/a/b/c") == "/a/b/c");
  CHECK(table.find("GET", "/a/b/x") == "/a/b/**");
  CHECK(table.find("GET", "/a/b") == "/a/b/**");
  CHECK(table.find("GET", "/a/x/c") == "/a/*/c");
  CHECK(table.find("GET", "/a/x") == "/a/*");
  CHECK(table.find("GET", "/a/x/y") == "/a/**");
  CHECK(table.find("GET", "/x/b") == "/*/b");
  CHECK(table.find("GET", "/x/c") == "/**");
}

TEST_CASE("match does not depend on the order of the routes") {
  Table table;
  table.route("/a/b/c").route("/a/*/c").route("/a/b/**").route("/a/*").route("/a/**").route("/**");
  CHECK(table.find("GET", "/a/b/c") == "/a/b/c");
  CHECK(table.find("GET", "/a/b/x") == "/a/b/**");
  CHECK(table.find("GET", "/a/x/c") == "/a/*/c");
}

TEST_CASE("match narrows by method and asks the next route for others") {
  Table table;
  table.route("/orders/**").route("/orders/*/refund", {"POST"});
  CHECK(table.find("POST", "/orders/7/refund") == "/orders/*/refund POST");
  CHECK(table.find("GET", "/orders/7/refund") == "/orders/**");
  CHECK(table.find("post", "/orders/7/refund") == "/orders/**");
}

TEST_CASE("match prefers the route that lists the method on one path") {
  Table table;
  table.route("/x").route("/x", {"POST"}).route("/x", {"PUT", "PATCH"});
  CHECK(table.find("POST", "/x") == "/x POST");
  CHECK(table.find("PATCH", "/x") == "/x PUT PATCH");
  CHECK(table.find("GET", "/x") == "/x");
}

TEST_CASE("match tells a wrong method from an unknown path") {
  Table table;
  table.route("/x", {"POST"}).route("/y/**", {"GET"});
  CHECK(table.find("GET", "/x") == "other method");
  CHECK(table.find("DELETE", "/y/z") == "other method");
  CHECK(table.find("GET", "/z") == "none");
}

TEST_CASE("match serves HEAD where GET is listed, unless HEAD is listed itself") {
  Table table;
  table.route("/x", {"GET"}).route("/y", {"GET"}).route("/y", {"HEAD"}).route("/y");
  CHECK(table.find("HEAD", "/x") == "/x GET");
  CHECK(table.find("HEAD", "/y") == "/y HEAD");
  CHECK(table.find("GET", "/y") == "/y GET");
}

TEST_CASE("match prefers a route of the host over any other") {
  Table table;
  table.route("/a/b").route("/**", {}, "admin.example.com").route("/only", {}, "other.example.com");
  CHECK(table.find("GET", "/a/b", "admin.example.com") == "admin.example.com/**");
  CHECK(table.find("GET", "/a/b", "www.example.com") == "/a/b");
  CHECK(table.find("GET", "/only", "www.example.com") == "none");
  CHECK(table.find("GET", "/a/b", "other.example.com") == "/a/b");
}

TEST_CASE("match reserves the auth base path and the key set whatever is declared") {
  Table table;
  table.route("/**").route("/**", {}, "localhost");
  CHECK(table.find("GET", "/api/auth") == "auth");
  CHECK(table.find("POST", "/api/auth/sign-in/email") == "auth");
  CHECK(table.find("GET", "/api/authx") == "localhost/**");
  CHECK(table.find("GET", "/.well-known/jwks.json") == "jwks");
}

TEST_CASE("match visits each pattern at most once, whatever the path") {
  // With naive backtracking this takes 2^24 steps.
  Table table;
  for (int i = 0; i < 24; ++i) {
    std::string pattern;
    for (int j = 0; j < 24; ++j) pattern += j == i ? "/a" : "/*";
    table.route(pattern + "/end");
  }
  std::string path;
  for (int j = 0; j < 24; ++j) path += "/a";
  CHECK(table.find("GET", path + "/x") == "none");
  CHECK(table.find("GET", path + "/end") == table.configuration.routes[0].path);
}

TEST_CASE("serves knows base_url's host, further hosts and those of routes") {
  Table table;
  table.configuration.gateway.base_url.host = "example.com";
  table.configuration.gateway.hosts = {"www.example.com"};
  table.route("/", {}, "admin.example.com");
  const RouteTable routes(table.configuration);
  CHECK(routes.serves("example.com"));
  CHECK(routes.serves("www.example.com"));
  CHECK(routes.serves("admin.example.com"));
  CHECK_FALSE(routes.serves("evil.example.com"));
  CHECK_FALSE(routes.serves(""));
}

TEST_CASE("forwarded_path cuts the prefix of the route") {
  Route route;
  CHECK(forwarded_path(route, "/api/x") == "/api/x");
  route.strip_prefix = "/api";
  CHECK(forwarded_path(route, "/api/x") == "/x");
  CHECK(forwarded_path(route, "/api/") == "/");
  CHECK(forwarded_path(route, "/api") == "/");
}
