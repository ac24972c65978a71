// Active health checks: what is asked, and what counts as good.
#include <doctest/doctest.h>

#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGood = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kBad = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

struct CheckedWorld : ForwardWorld {
  CheckedWorld() { settings.health = config::HealthCheck{"/healthz", 5s, 2s}; }

  std::uint64_t failed() { return group().states().numbers(deadlines.now())[0].checks_failed; }
  bool serves() { return group().states().share(0, deadlines.now()) > 0; }

  // One check, from its beginning to its end.
  void check() {
    const std::size_t before = upstream.connections();
    group().begin_checks(nullptr);
    REQUIRE(run_until(io, [&] { return upstream.connections() == before + 1 && upstream.peer(before).is_ended(); }));
    run_ready(io);
    pass_time(5s);
  }
};

}  // namespace

TEST_CASE("a check asks for the path with the upstream's key, and no more often than the interval says") {
  CheckedWorld world;
  world.settings.key = Secret("the-key");
  world.upstream.answer(std::string(kGood));
  world.check();
  CHECK(world.upstream.peer(0).received() ==
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(world.upstream.port()) +
            "\r\nUser-Agent: gatehouse\r\nConnection: close\r\nAuthorization: Bearer the-key\r\n\r\n");
  CHECK(world.serves());
  world.check();
  world.group().begin_checks(nullptr);
  world.group().begin_checks(nullptr);
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 3 && world.upstream.peer(2).is_ended(); }));
  CHECK(world.upstream.connections() == 3);
}

TEST_CASE("without a health section nothing is asked") {
  ForwardWorld world;
  world.group().begin_checks(nullptr);
  run_ready(world.io);
  CHECK(world.upstream.connections() == 0);
}

TEST_CASE("a server whose checks fail gets no requests, and returns when they pass") {
  CheckedWorld world;
  world.upstream.answer(std::string(kBad));
  world.check();
  CHECK(world.failed() == 1);
  CHECK_FALSE(world.serves());
  MemoryExchange client(world.io, {});
  CHECK(world.forward(client)->reason() == "upstream_unavailable");
  world.upstream.answer(std::string(kGood));
  world.check();
  CHECK(world.serves());
}

TEST_CASE("2xx and 3xx are good, everything else is not") {
  const auto passes = [](std::string answer) {
    CheckedWorld world;
    world.upstream.run([answer = std::move(answer)](Peer& peer) -> Awaitable<> {
      co_await peer.take_head();
      co_await peer.send(answer);
      peer.end_sending();
      co_await peer.ended();
    });
    world.check();
    return world.serves();
  };
  CHECK(passes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
  CHECK(passes("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"));
  CHECK_FALSE(passes("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"));
  CHECK_FALSE(passes("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"));
  CHECK_FALSE(passes("nonsense\r\n\r\n"));
  CHECK_FALSE(passes(""));
  CHECK_FALSE(passes("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')));
}

TEST_CASE("a server that does not answer in time, or refuses the connection, fails its check") {
  CheckedWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  world.group().begin_checks(nullptr);
  REQUIRE(run_until(world.io, [&] {
    return world.upstream.connections() == 1 && world.upstream.peer(0).received().ends_with("\r\n\r\n");
  }));
  run_ready(world.io);
  CHECK(world.serves());
  world.pass_time(2100ms);
  REQUIRE(run_until(world.io, [&] { return world.failed() == 1; }));
  CHECK_FALSE(world.serves());

  CheckedWorld refused;
  refused.upstream.stop_listening();
  refused.group().begin_checks(nullptr);
  REQUIRE(run_until(refused.io, [&] { return refused.failed() == 1; }));
  CHECK_FALSE(refused.serves());
}
