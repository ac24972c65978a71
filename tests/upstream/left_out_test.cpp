// Servers that fail, are full or come back: where the requests of an upstream go then.
#include <doctest/doctest.h>

#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;
using Fault = upstream::ServerStates::Fault;

namespace {

constexpr std::string_view kOne = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
constexpr std::string_view kTwo = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo";

// Two servers that say who they are.
struct TwoServers : ForwardWorld {
  TwoServers() {
    upstream.answer(std::string(kOne));
    second.answer(std::string(kTwo));
    settings.servers = {{"127.0.0.1", upstream.port()}, {"127.0.0.1", second.port()}};
  }

  std::string ask(std::uint64_t key = 0) {
    MemoryExchange client(io, {});
    const auto forwarded = forward(client, {.balance_key = key});
    return forwarded->failure ? forwarded->reason() : client.body();
  }
  std::string ask_times(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (i > 0 ? " " : "") + ask();
    return text;
  }

  ScriptedUpstream second{io};
};

Awaitable<> hang(Peer& peer) {
  co_await peer.ended();
}

void leave_out(ForwardWorld& world, std::size_t server) {
  for (unsigned i = 0; i < upstream::ServerHealth::kRow; ++i) {
    world.group().states().on_failure(server, Fault::connection, "made up by the test", world.deadlines.now());
  }
}

}  // namespace

TEST_CASE("servers are asked in turn, also on idle connections") {
  TwoServers world;
  CHECK(world.ask_times(6) == "one two one two one two");
  CHECK(world.upstream.connections() == 1);
  CHECK(world.second.connections() == 1);
}

TEST_CASE("a server that refuses connections is left out after five, and no request is lost") {
  TwoServers world;
  world.upstream.stop_listening();
  CHECK(world.ask_times(12) == "two two two two two two two two two two two two");
  CHECK(world.group().states().share(0, world.deadlines.now()) == 0);
  CHECK(world.group().states().numbers(world.deadlines.now())[0].failures == 5);
}

TEST_CASE("a server that hangs is left out after five requests in a row, then the other one gets all") {
  TwoServers world;
  world.upstream.run(hang);
  for (int i = 0; i < 5; ++i) {
    MemoryExchange client(world.io, {});
    const auto forwarded = world.start(client);
    const std::size_t asked = static_cast<std::size_t>(i) + 1;
    REQUIRE(run_until(world.io, [&] {
      return world.upstream.connections() == asked &&
             world.upstream.peer(asked - 1).received().find("\r\n\r\n") != std::string::npos;
    }));
    world.pass_time(31s);
    world.finish(*forwarded);
    CHECK(forwarded->reason() == "upstream_timeout");
    CHECK(world.ask() == "two");
  }
  CHECK(world.ask_times(4) == "two two two two");
}

TEST_CASE("a server that returns gets few requests at first, and its part in the end") {
  TwoServers world;
  leave_out(world, 0);
  CHECK(world.ask_times(3) == "two two two");
  world.pass_time(10s);
  int early = 0;
  for (int i = 0; i < 40; ++i) early += world.ask() == "one" ? 1 : 0;
  CHECK(early >= 2);
  CHECK(early <= 6);
  world.pass_time(30s);
  CHECK(world.ask_times(2).find("one") != std::string::npos);
}

TEST_CASE("when no server is left: 503 at once, but for one request a second that finds out whether one is back") {
  TwoServers world;
  leave_out(world, 0);
  leave_out(world, 1);
  REQUIRE(world.group().states().claim_probe(world.deadlines.now()));
  MemoryExchange client(world.io, {});
  const auto refused = world.forward(client);
  REQUIRE(refused->failure);
  CHECK(refused->failure->status() == 503);
  CHECK(refused->reason() == "upstream_unavailable");
  CHECK(world.upstream.connections() + world.second.connections() == 0);
  world.pass_time(1s);
  CHECK(world.ask_times(3) == "one one one");
}

TEST_CASE("a probe that fails is the only request of its second") {
  TwoServers world;
  world.upstream.stop_listening();
  leave_out(world, 0);
  leave_out(world, 1);
  CHECK(world.ask_times(3) == "upstream_refused upstream_unavailable upstream_unavailable");
}

TEST_CASE("least requests goes where nothing is under way") {
  TwoServers world;
  world.settings.balance = config::Balance::least_requests;
  world.upstream.run(hang);
  MemoryExchange waiting(world.io, {});
  const auto forwarded = world.start(waiting);
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
  CHECK(world.ask_times(3) == "two two two");
  CHECK(world.group().states().requests(0) == 1);
  CHECK(world.group().states().requests(1) == 0);
  world.pass_time(31s);
  world.finish(*forwarded);
  CHECK(world.group().states().requests(0) == 0);
}

TEST_CASE("hash(session) asks the same server each time, and another one while that is left out") {
  TwoServers world;
  world.settings.balance = config::Balance::session_hash;
  std::string of_one, of_two;
  for (std::uint64_t key = 1; of_one.empty() || of_two.empty(); ++key) {
    REQUIRE(key < 100);
    const std::string first = world.ask(key);
    CHECK(world.ask(key) == first);
    CHECK(world.ask(key) == first);
    std::string& seen = first == "one" ? of_one : of_two;
    if (!seen.empty()) continue;
    seen = std::to_string(key);
  }
  leave_out(world, 0);
  CHECK(world.ask(std::stoull(of_one)) == "two");
  CHECK(world.ask(std::stoull(of_two)) == "two");
}

TEST_CASE("a server gets no more than requests_max at a time; when all have as many, it is a 503 at once") {
  TwoServers world;
  world.settings.requests_max = 1;
  world.upstream.run(hang);
  world.second.run(hang);
  MemoryExchange first(world.io, {});
  MemoryExchange second(world.io, {});
  const auto one = world.start(first);
  const auto two = world.start(second);
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() + world.second.connections() == 2; }));
  CHECK(world.upstream.connections() == 1);
  MemoryExchange third(world.io, {});
  const auto refused = world.forward(third);
  REQUIRE(refused->failure);
  CHECK(refused->failure->status() == 503);
  CHECK(refused->reason() == "upstream_busy");
  world.pass_time(31s);
  world.finish(*one);
  world.finish(*two);
  world.upstream.answer(std::string(kOne));
  world.second.answer(std::string(kTwo));
  CHECK(world.ask_times(2).find("upstream") == std::string::npos);
}
