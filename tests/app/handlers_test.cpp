#include <doctest/doctest.h>

#include "app/internal_handler.hpp"
#include "app/redirect_handler.hpp"
#include "tests/support/memory_exchange.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace gatehouse;
using tests::MemoryExchange;

namespace {

struct Internal {
  bool ready = true;
  app::InternalSources sources{.readiness = [this] { return app::Readiness{ready, "database: ready\n"}; },
                               .metrics = [] { return "a 1\n"; },
                               .jwks = "{\"keys\":[]}"};
  app::InternalHandler handler{sources};
  asio::io_context io;

  std::unique_ptr<MemoryExchange> ask(std::string method, std::string target) {
    auto client =
        std::make_unique<MemoryExchange>(io, tests::MemoryRequest{.method = std::move(method), .target = target});
    tests::run_coroutine(io, handler.handle(client->exchange()));
    return client;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Internal, "the internal listener tells probes, Prometheus and upstreams what they need") {
  CHECK(ask("GET", "/livez")->status() == 200);
  CHECK(ask("GET", "/readyz")->status() == 200);
  CHECK(ask("GET", "/readyz")->body() == "ready\ndatabase: ready\n");
  CHECK(ask("GET", "/metrics")->body() == "a 1\n");
  CHECK(ask("GET", "/metrics")->field("Content-Type") == "text/plain; version=0.0.4");
  CHECK(ask("GET", "/.well-known/jwks.json")->body() == "{\"keys\":[]}");
  ready = false;
  CHECK(ask("GET", "/readyz")->status() == 503);
  CHECK(ask("GET", "/livez")->status() == 200);
}

TEST_CASE_FIXTURE(Internal, "the internal listener does nothing else") {
  CHECK(ask("GET", "/")->status() == 404);
  CHECK(ask("GET", "/api/auth/ok")->status() == 404);
  const auto refused = ask("POST", "/metrics");
  CHECK(refused->status() == 405);
  CHECK(refused->field("Allow") == "GET, HEAD");
  CHECK(ask("HEAD", "/livez")->is_without_body());
}

TEST_CASE("the plain listener sends everything to the public origin, whatever host was asked for") {
  asio::io_context io;
  app::RedirectHandler handler("https://app.example:8443");
  MemoryExchange client(io, {.method = "POST", .target = "//evil.example/a?next=//b", .host = "evil.example"});
  tests::run_coroutine(io, handler.handle(client.exchange()));
  CHECK(client.status() == 308);
  CHECK(client.field("Location") == "https://app.example:8443/evil.example/a?next=//b");
  CHECK(client.told_size() == 0);
}
