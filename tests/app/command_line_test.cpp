// The commands that look at a configuration, called as a shell calls them.
#include "app/command_line.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <vector>

using namespace gatehouse;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A folder of its own with routes.yaml, deleted at the end.
class Folder {
 public:
  explicit Folder(const std::string& routes) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gatehouse-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()));
    path_ = pattern;
    std::ofstream(path_ / "routes.yaml") << routes;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;

  struct Ended {
    int code;
    std::string out;
    std::string err;
  };

  // `gatehouse arguments… --config FILE --dev` with its output.
  Ended run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "gatehouse");
    arguments.insert(arguments.end(), {"--config", (path_ / "routes.yaml").string(), "--dev"});
    return run_exactly(arguments);
  }
  Ended run_exactly(std::vector<std::string> arguments) const {
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    Ended ended;
    {
      const Redirect out(1, path_ / "out");
      const Redirect err(2, path_ / "err");
      ended.code = app::run_command_line(static_cast<int>(pointers.size()), pointers.data());
    }
    ended.out = read(path_ / "out");
    ended.err = without_folder(read(path_ / "err"));
    ended.out = without_folder(ended.out);
    return ended;
  }

 private:
  // Standard output or error goes to a file while it lives.
  class Redirect {
   public:
    Redirect(int descriptor, const std::filesystem::path& file) : descriptor_(descriptor), saved_(dup(descriptor)) {
      flush();
      std::FILE* target = std::fopen(file.c_str(), "w");
      dup2(fileno(target), descriptor);
      std::fclose(target);
    }
    ~Redirect() {
      flush();
      dup2(saved_, descriptor_);
      close(saved_);
    }
    Redirect(const Redirect&) = delete;

   private:
    static void flush() {
      std::fflush(nullptr);
      std::cout.flush();
      std::cerr.flush();
    }
    int descriptor_;
    int saved_;
  };

  std::string without_folder(std::string text) const {
    const std::string folder = path_.string() + "/";
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder)) text.erase(at, folder.size());
    return text;
  }

  std::filesystem::path path_;
};

const char* const kShop = R"(upstreams:
  orders: {servers: [http://orders-1:8080, http://orders-2:8080], key: orders-key}
  web: {servers: [http://web], key: web-key}
routes:
  - path: /api/orders/**
    upstream: orders
    strip_prefix: /api
    require: {role: [staff, admin]}
  - path: /api/orders/*/refund
    methods: [POST]
    upstream: orders
    require: {role: [admin], fresh: 15m}
    rate_limit: {limit: 5, window: 1m, by: ip}
  - path: /assets/**
    upstream: web
    auth: public
tests:
  - {request: "GET /api/orders/7", as: anonymous, expect: 401}
  - {request: "GET /api/orders/7?x=1", as: {role: staff}, expect: orders}
  - {request: "GET /api/orders/7", as: user, expect: 403}
  - {request: "POST /api/orders/7/refund", as: {role: "user,admin", session_age: 5m}, expect: orders}
  - {request: "POST /api/orders/7/refund", as: {role: admin, session_age: 15m}, expect: 403}
  - {request: "GET /assets/../assets/%6cogo.svg", expect: web}
  - {request: "GET /assets/%2F", expect: 400}
  - {request: "GET /nothing", as: {role: admin}, expect: 404}
  - {request: "POST /api/auth/sign-in/email", expect: auth}
  - {request: "GET /.well-known/jwks.json", expect: jwks}
  - {request: "GET /sign-in", expect: pages}
)";

}  // namespace

TEST_CASE("check tells what it read") {
  const auto ended = Folder(kShop).run({"check"});
  CHECK(ended.err == "");
  CHECK(ended.out == "routes.yaml: 3 routes to 2 upstreams, 11 tests passed\n");
  CHECK(ended.code == 0);
}

TEST_CASE("check tells all problems on standard error and ends with 1") {
  const auto ended = Folder("versoin: 1\nroutes: [{path: /a}]\n").run({"check"});
  CHECK(ended.code == 1);
  CHECK(ended.out == "");
  CHECK(ended.err == R"(routes.yaml:1:1: versoin: unknown key, did you mean 'version'? [GH-CONFIG-UNKNOWN-KEY]
    1 | versoin: ***
      | ^
routes.yaml:2:10: routes[0]: 'upstream' is missing [GH-CONFIG-MISSING]
    2 | routes: [{path: /a}]
      |          ^
2 problems
)");
}

TEST_CASE("check knows that a protected route for everything leaves the hosted pages to the gateway") {
  const std::string rows = R"(tests:
  - {request: "GET /account", as: user, expect: pages}
  - {request: "POST /account", as: user, expect: web}
  - {request: "GET /sign-in", as: user, expect: web}
)";
  const std::string whole(kShop);
  const auto routes = whole.find("routes:\n");
  REQUIRE(routes != std::string::npos);
  const auto ended = Folder(whole.substr(0, routes) +
                            "routes:\n  - {path: /**, upstream: web}\n  - {path: /sign-in, upstream: web}\n" + rows)
                         .run({"check"});
  CHECK(ended.err == "");
  CHECK(ended.out == "routes.yaml: 2 routes to 2 upstreams, 3 tests passed\n");
}

TEST_CASE("check fails on a row of tests that comes to something else") {
  const auto ended =
      Folder(std::string(kShop) + "  - {request: \"GET /assets/x\", as: anonymous, expect: 401}\n").run({"check"});
  CHECK(ended.code == 1);
  CHECK(
      ended.err ==
      R"(routes.yaml:29:5: tests[11]: GET /assets/x comes to web by routes[2] (/assets/**), expected 401 [GH-CONFIG-TEST-FAILED]
   29 |   - {request: "GET /assets/x", as: anonymous, expect: 401}
      |     ^
1 problem
)");
}

TEST_CASE("routes are listed in columns") {
  const auto ended = Folder(kShop).run({"routes"});
  CHECK(ended.code == 0);
  CHECK(
      ended.out ==
      "METHODS  HOST  PATH                    AUTH                             UPSTREAM              PLACE\n"
      "*        *     /api/auth/**            built in                         (auth endpoints)      -\n"
      "GET      *     /.well-known/jwks.json  public                           (keys of assertions)  -\n"
      "*        *     /api/orders/**          required, role staff|admin       orders without /api   routes.yaml:5\n"
      "POST     *     /api/orders/*/refund    required, role admin, fresh 15m  orders                routes.yaml:9\n"
      "*        *     /assets/**              public                           web                   routes.yaml:14\n");
}

TEST_CASE("explain tells the route, why, and where the request goes") {
  const auto ended = Folder(kShop).run({"explain", "POST /api/orders/7/refund?x=1", "--as", "role=admin"});
  CHECK(ended.err == "");
  CHECK(ended.code == 0);
  CHECK(ended.out == R"(request    POST /api/orders/7/refund
caller     a user with role admin
route      routes[1] POST /api/orders/*/refund (routes.yaml:9)
           the most specific of the routes that match
           also matches, less specific: routes[0] * /api/orders/**
auth       required, role admin, fresh 15m
limit      5 per 1m by ip; body up to 10MiB
outcome    forwarded to orders: POST /api/orders/7/refund
           http://orders-1:8080
           http://orders-2:8080
)");
}

TEST_CASE("explain tells a refusal and its reason") {
  const Folder folder(kShop);
  const auto outcome = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "explain");
    const auto out = folder.run(arguments).out;
    const auto at = out.find("outcome ");
    return at == std::string::npos ? out : out.substr(at + 11, out.find('\n', at) - at - 11);
  };
  CHECK(outcome({"GET /api/orders/7"}) == "401 (no_session)");
  CHECK(outcome({"GET /api/orders/7", "--as", "user"}) == "403 (role_missing)");
  CHECK(outcome({"GET /api/orders/7", "--as", "role=staff"}) == "forwarded to orders: GET /orders/7");
  CHECK(outcome({"POST /api/orders/7/refund", "--as", "role=admin", "--as", "session_age=1h"}) ==
        "403 (session_not_fresh)");
  CHECK(outcome({"GET /assets/x"}) == "forwarded to web: GET /assets/x");
  CHECK(outcome({"GET /Assets/x"}) == "404 (no_route)");
  CHECK(outcome({"GET /nothing"}) == "404 (no_route)");
  CHECK(outcome({"GET /api/auth/ok"}) == "answered by the gateway itself (auth)");
}

TEST_CASE("explain and tests know that a stranger gets the hosted page of a protected route that names it") {
  const std::string routes = R"(version: 1
upstreams:
  app: {servers: ["http://app:8080"], key: a-long-enough-key-for-tests-only}
routes:
  - {path: /sign-in, upstream: app}
  - {path: /account/**, upstream: app}
tests:
  - {request: "GET /sign-in", as: anonymous, expect: pages}
  - {request: "GET /sign-in", as: user, expect: app}
  - {request: "POST /sign-in", as: anonymous, expect: 401}
  - {request: "GET /account/x", as: anonymous, expect: 401}
)";
  const Folder folder(routes);
  const auto checked = folder.run({"check"});
  CHECK(checked.err == "");
  CHECK(checked.code == 0);
  CHECK(folder.run({"explain", "GET /sign-in?return_to=/x"}).out == R"(request    GET /sign-in
caller     anonymous
route      routes[0] * /sign-in (routes.yaml:5)
           the most specific of the routes that match
auth       required
limit      none; body up to 10MiB
outcome    answered by the gateway itself (pages)
)");
  CHECK(folder.run({"explain", "POST /sign-in"}).out.find("outcome    401 (no_session)") != std::string::npos);
  CHECK(folder.run({"explain", "GET /sign-in", "--as", "user"}).out.find("forwarded to app: GET /sign-in") !=
        std::string::npos);

  const Folder without(routes.substr(0, routes.find("tests:")) + "gateway: {pages: {enabled: false}}\n");
  CHECK(without.run({"explain", "GET /sign-in"}).out.find("outcome    401 (no_session)") != std::string::npos);
}

TEST_CASE("wrong usage ends with 2 and tells what is right") {
  const Folder folder(kShop);
  CHECK(folder.run({"explain", "nonsense"}).code == 2);
  CHECK(folder.run({"explain", "GET /a", "--as", "rol=x"}).err ==
        "--as rol=x: write anonymous, user, role=NAME or session_age=20m\n");
  CHECK(folder.run_exactly({"gatehouse", "chekc"}).code == 2);
  CHECK(folder.run_exactly({"gatehouse"}).code == 2);
  CHECK(folder.run_exactly({"gatehouse", "check", "--help"}).code == 0);
}

TEST_CASE("schema prints JSON Schema, a file with every key, or tables") {
  const Folder folder("");
  CHECK(folder.run_exactly({"gatehouse", "schema"}).out.starts_with("{\n  \"$schema\""));
  CHECK(folder.run_exactly({"gatehouse", "schema", "--format", "yaml"}).out.find("\nversion: 1\n") !=
        std::string::npos);
  CHECK(folder.run_exactly({"gatehouse", "schema", "--format", "markdown"}).out.find("### `gateway.listen`") !=
        std::string::npos);
  CHECK(folder.run_exactly({"gatehouse", "schema", "--format", "xml"}).code == 2);
}
