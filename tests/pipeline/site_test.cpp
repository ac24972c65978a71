#include "pipeline/site.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gatehouse;
using Kind = config::Match::Kind;

namespace {

config::Route route(std::string path, std::vector<std::string> methods = {}) {
  config::Route made;
  made.path = std::move(path);
  made.methods = std::move(methods);
  return made;
}

config::Configuration with(std::vector<config::Route> routes) {
  config::Configuration configuration;
  configuration.gateway.base_url = {"https", "app.example", 8443};
  configuration.gateway.hosts = {"other.example"};
  for (auto& one : routes) {
    one.index = configuration.routes.size();
    configuration.routes.push_back(std::move(one));
  }
  return configuration;
}

// The pattern that serves a path; "none" without.
std::string pattern_for(const pipeline::Site& site, std::string_view path) {
  const auto match = site.match("GET", "app.example", path);
  return match.kind == Kind::route ? match.route->path : match.kind == Kind::no_match ? "none" : "other";
}

bool has_page(const pipeline::Site& site, std::string_view path, std::string_view method = "GET") {
  return site.find_page(method, site.match(method, "app.example", path), path) != nullptr;
}

config::Route route_for(std::string path, config::AuthMode auth) {
  auto made = route(std::move(path));
  made.auth = auth;
  return made;
}

}  // namespace

TEST_CASE("a route that needs a session and names no path leaves the hosted pages to the gateway") {
  for (const char* pattern : {"/**", "/*"}) {
    const pipeline::Site site(with({route(pattern)}));
    for (const char* path : {"/account", "/sign-in"}) {
      CAPTURE(path);
      CHECK(has_page(site, path));
      CHECK(has_page(site, path, "HEAD"));
      CHECK_FALSE(has_page(site, path, "POST"));
      CHECK_FALSE(has_page(site, path, "OPTIONS"));
    }
    CHECK_FALSE(has_page(site, "/Account"));
    CHECK_FALSE(has_page(site, "/accounts"));
  }
  CHECK(has_page(pipeline::Site(with({route("/**")})), "/.gatehouse/page.css"));
}

TEST_CASE("a route that names the path of a page has it, and so has one that strangers may use") {
  for (const char* pattern : {"/account", "/account/**", "/account/"}) {
    CAPTURE(pattern);
    const pipeline::Site site(with({route("/**"), route(pattern)}));
    CHECK_FALSE(has_page(site, "/account"));
    CHECK(has_page(site, "/sign-in"));
  }
  CHECK_FALSE(has_page(pipeline::Site(with({route_for("/**", config::AuthMode::open)})), "/account"));
  CHECK_FALSE(has_page(pipeline::Site(with({route_for("/**", config::AuthMode::optional)})), "/account"));
}

TEST_CASE("a route for other methods takes no page away") {
  CHECK(has_page(pipeline::Site(with({route("/account", {"POST"})})), "/account"));
  CHECK_FALSE(has_page(pipeline::Site(with({route("/account", {"GET"})})), "/account"));
  CHECK(has_page(pipeline::Site(with({})), "/account"));
}

TEST_CASE("a path that a lenient upstream could take for a stricter route has no match") {
  const pipeline::Site site(with({route("/**"), route("/admin/**"), route("/exact")}));
  CHECK(pattern_for(site, "/admin/users") == "/admin/**");
  CHECK(pattern_for(site, "/free") == "/**");
  for (const auto* path : {"/ADMIN/users", "/Admin", "/admin./users", "/admin%20/users", "/admin..", "/admin.%20.",
                           "/EXACT", "/exact.", "/exact%20", "/Exact/"}) {
    CAPTURE(path);
    CHECK(pattern_for(site, path) == "none");
  }
}

TEST_CASE("a spelling that leads to the same route is served") {
  const pipeline::Site site(with({route("/**"), route("/admin/**")}));
  CHECK(pattern_for(site, "/admin/Users.") == "/admin/**");
  CHECK(pattern_for(site, "/Free/Path.") == "/**");
  CHECK(pattern_for(site, "/Free%20") == "/**");
}

TEST_CASE("a route that is written in upper case is guarded as well") {
  const pipeline::Site site(with({route("/**"), route("/Admin/**")}));
  CHECK(pattern_for(site, "/Admin/users") == "/Admin/**");
  CHECK(pattern_for(site, "/admin/users") == "none");
  CHECK(pattern_for(site, "/ADMIN") == "none");
  CHECK(pattern_for(site, "/free") == "/**");
}

TEST_CASE("patterns that differ in letter case alone are both served where their rule is the same") {
  const pipeline::Site site(with({route("/Orders/**"), route("/orders/**"), route("/**")}));
  CHECK(pattern_for(site, "/Orders/7") == "/Orders/**");
  CHECK(pattern_for(site, "/orders/7") == "/orders/**");
  CHECK(pattern_for(site, "/ORDERS/7") == "none");
  auto open = route("/Notes/**");
  open.auth = config::AuthMode::open;
  const pipeline::Site apart(with({route("/notes/**"), open}));
  CHECK(pattern_for(apart, "/notes/7") == "/notes/**");
  CHECK(pattern_for(apart, "/Notes/7") == "none");
}

TEST_CASE("the reserved paths are guarded as well") {
  const pipeline::Site site(with({route("/**")}));
  CHECK(pattern_for(site, "/api/auth/sign-in/email") == "other");
  CHECK(pattern_for(site, "/.well-known/jwks.json") == "other");
  CHECK(pattern_for(site, "/API/auth/sign-in/email") == "none");
  CHECK(pattern_for(site, "/api/auth./sign-in/email") == "none");
  CHECK(pattern_for(site, "/.Well-Known/jwks.json") == "none");
}

TEST_CASE("a method that the stricter route does not list does not open it") {
  const pipeline::Site site(with({route("/**"), route("/admin", {"POST"})}));
  CHECK(site.match("POST", "app.example", "/admin").route->path == "/admin");
  CHECK(site.match("GET", "app.example", "/admin").route->path == "/**");
  CHECK(site.match("POST", "app.example", "/ADMIN").kind == Kind::no_match);
}

TEST_CASE("allowed_methods lists what the routes of a path take") {
  const pipeline::Site site(with({route("/orders", {"GET", "POST"}), route("/dav/**", {"PROPFIND"}), route("/any")}));
  CHECK(site.allowed_methods("app.example", "/orders") == "GET, HEAD, POST");
  CHECK(site.allowed_methods("app.example", "/dav/x") == "PROPFIND");
  CHECK(site.allowed_methods("app.example", "/any") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, PROPFIND");
  CHECK(site.allowed_methods("app.example", "/none") == "");
}

TEST_CASE("a host is written as in base_url, others as they are") {
  const pipeline::Site site(with({}));
  CHECK(site.base_url == "https://app.example:8443");
  CHECK(site.authority("app.example") == "app.example:8443");
  CHECK(site.authority("other.example") == "other.example");
}

TEST_CASE("a new site keeps what is known of servers that are the same, and nothing of the others") {
  config::Configuration configuration = with({});
  configuration.upstreams.resize(2);
  configuration.upstreams[0].name = "orders";
  configuration.upstreams[0].servers = {{"one", 80}, {"two", 80}};
  configuration.upstreams[1].name = "web";
  configuration.upstreams[1].servers = {{"web", 443, true}};
  const pipeline::Site before(configuration);
  std::swap(configuration.upstreams[0], configuration.upstreams[1]);
  configuration.upstreams[0].servers.push_back({"another", 443, true});
  const pipeline::Site after(configuration, &before);
  CHECK(after.servers[1] == before.servers[0]);
  CHECK(after.servers[0] != before.servers[1]);
  CHECK(after.upstream_tls[0] != nullptr);
  CHECK(after.upstream_tls[1] == nullptr);
}
