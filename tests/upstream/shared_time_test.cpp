// How long all tries at one request take together.
#include "upstream/shared_time.hpp"

#include <doctest/doctest.h>

#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

config::Server at(const SilentAddress& silent) {
  return {"127.0.0.1", silent.endpoint().port()};
}

// Serves one request of each connection, takes the next, and says no more.
Awaitable<> serve_one_and_hang(Peer& peer) {
  co_await peer.take_head();
  co_await peer.send(std::string(kHello));
  co_await peer.take_head();
  co_await peer.ended();
}

Awaitable<> hang(Peer& peer) {
  co_await peer.take_head();
  co_await peer.ended();
}

bool has_request(ScriptedUpstream& upstream) {
  return upstream.connections() > 0 && upstream.peer(0).received().ends_with("\r\n\r\n");
}

}  // namespace

TEST_CASE("each try that another may follow gets half of the time that is left, the last one all of it") {
  ManualClock clock;
  Deadlines deadlines(clock.steady());
  const auto pass = [&](std::chrono::milliseconds time) {
    clock.advance(time);
    deadlines.sweep(clock.steady());
  };
  const upstream::SharedTime time(deadlines, 2s);
  CHECK(time.share(false).left() == 2s);
  CHECK(time.share(true).left() == 1s);
  pass(1s);
  CHECK(time.share(true).left() == 500ms);
  CHECK(time.share(false).left() == 1s);
  pass(700ms);
  CHECK(time.share(true).left() == 250ms);
  CHECK_FALSE(time.is_over());
  pass(300ms);
  CHECK(time.is_over());

  const upstream::SharedTime little(deadlines, 100ms);
  CHECK(little.share(false).left() == 100ms);
  CHECK(little.share(true).left() == 100ms);
  pass(250ms);
  CHECK_FALSE(little.is_over());
  CHECK(little.share(false).left() == 100ms);
  pass(250ms);
  CHECK(little.is_over());
}

TEST_CASE("a server that does not accept leaves half of the time to connect for another one") {
  ForwardWorld world;
  const SilentAddress silent(world.io);
  world.upstream.answer(std::string(kHello));
  world.settings.servers = {at(silent), {"127.0.0.1", world.upstream.port()}};
  MemoryExchange client(world.io, {.method = "POST", .body = "x"});
  const auto forwarded = world.start(client, {.idempotent = false});
  world.pass_time(900ms);
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(200ms);
  world.finish(*forwarded);
  CHECK(client.body() == "hello");
}

TEST_CASE("servers that do not accept are a 504 in the time of one, however many there are") {
  ForwardWorld world;
  const SilentAddress one(world.io), two(world.io), three(world.io), four(world.io);
  world.settings.servers = {at(one), at(two), at(three), at(four)};
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  for (int passed = 0; passed < 1750; passed += 250) {
    world.pass_time(250ms);
    CHECK_FALSE(forwarded->is_over);
  }
  world.pass_time(250ms);
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_connect_timeout");
}

TEST_CASE("an only server has the whole time to connect") {
  ForwardWorld world;
  const SilentAddress silent(world.io);
  world.settings.servers = {at(silent)};
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  world.pass_time(1900ms);
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(200ms);
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_connect_timeout");
}

TEST_CASE("a request that is sent again at another server is answered in the time of one") {
  ForwardWorld world;
  ScriptedUpstream second(world.io);
  world.upstream.run(hang);
  second.run(hang);
  world.settings.servers = {{"127.0.0.1", world.upstream.port()}, {"127.0.0.1", second.port()}};
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return has_request(world.upstream); }));
  world.pass_time(20s);
  world.upstream.peer(0).close();
  REQUIRE(run_until(world.io, [&] { return has_request(second); }));
  world.pass_time(9s);
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(2s);
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_timeout");
}

TEST_CASE("a request that is sent again on a new connection is answered in the time of one") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) { return peer.index() == 0 ? serve_one_and_hang(peer) : hang(peer); });
  MemoryExchange first(world.io, {});
  world.forward(first);
  CHECK(first.body() == "hello");
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  run_ready(world.io);
  world.pass_time(25s);
  world.upstream.peer(0).close();
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 2; }));
  world.pass_time(6s);
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_timeout");
}

TEST_CASE("the connection for a request that is sent again takes no longer than the answer may") {
  ForwardWorld world;
  const SilentAddress silent(world.io);
  world.upstream.run(hang);
  world.settings.servers = {{"127.0.0.1", world.upstream.port()}, at(silent)};
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return has_request(world.upstream); }));
  world.pass_time(29s);
  world.upstream.peer(0).close();
  run_ready(world.io);
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(1100ms);
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_connect_timeout");
}
