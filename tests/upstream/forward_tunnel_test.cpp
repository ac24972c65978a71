// WebSocket handshakes and the tunnels behind them.
#include <doctest/doctest.h>

#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::string_view kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: x, Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

ForwardOptions upgrade() {
  return {.websocket_accept = std::string(kAccept)};
}

Awaitable<> switch_and_echo(Peer& peer) {
  co_await peer.take_head();
  co_await peer.send(std::string(kSwitch) + "welcome,");
  for (;;) {
    const std::string line = co_await peer.take_until("\n");
    if (peer.is_ended()) break;
    co_await peer.send("echo " + line);
  }
  co_await peer.send("bye");
  peer.end_sending();
}

}  // namespace

TEST_CASE("a requested upgrade becomes a tunnel, bytes behind the 101 included") {
  ForwardWorld world;
  world.upstream.run(switch_and_echo);
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client, upgrade());
  REQUIRE(run_until(world.io, [&] { return client.body() == "welcome,"; }));
  CHECK(client.is_tunnel());
  CHECK(client.status() == 101);
  CHECK(client.field("Upgrade") == "websocket");
  CHECK(client.field("Connection") == "Upgrade");
  CHECK(client.field("Sec-WebSocket-Accept") == kAccept);
  CHECK(client.field("Sec-WebSocket-Protocol") == "chat");
  CHECK(forwarded->streams == 1);
  client.give("one\n");
  REQUIRE(run_until(world.io, [&] { return client.body() == "welcome,echo one\n"; }));

  // The client's half is closed, the upstream may still say something.
  client.end_body();
  world.finish(*forwarded);
  CHECK(client.body() == "welcome,echo one\nbye");
  CHECK(client.is_finished());
  CHECK_FALSE(forwarded->outcome.aborted);
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("a tunnel ends when the upstream ends it") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send(std::string(kSwitch) + "all");
    peer.close();
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.forward(client, upgrade());
  CHECK(client.body() == "all");
  CHECK(client.is_finished());
  CHECK(forwarded->outcome.kind == Kind::done);
}

TEST_CASE("a client that leaves a tunnel ends it, whichever way that is found") {
  for (const bool by_reading : {true, false}) {
    CAPTURE(by_reading);
    ForwardWorld world;
    world.upstream.run(switch_and_echo);
    MemoryExchange client(world.io, {});
    const auto forwarded = world.start(client, upgrade());
    REQUIRE(run_until(world.io, [&] { return client.is_tunnel(); }));
    run_ready(world.io);
    if (by_reading) {
      client.break_body();
    } else {
      client.leave();
    }
    world.finish(*forwarded);
    // Answered already: the caller must not answer again.
    CHECK(forwarded->outcome.kind == Kind::done);
    CHECK(forwarded->reason() == "client_gone");
    REQUIRE(run_until(world.io, [&] { return world.upstream.peer(0).is_ended(); }));
  }
}

TEST_CASE("a tunnel that is silent in both directions is ended, traffic in one keeps it") {
  ForwardWorld world;
  world.upstream.run(switch_and_echo);
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client, upgrade());
  REQUIRE(run_until(world.io, [&] { return client.is_tunnel(); }));
  for (int i = 0; i < 3; ++i) {
    world.pass_time(seconds(50));
    client.give("x");  // no line: no echo
  }
  world.pass_time(seconds(50));
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(seconds(61));
  world.finish(*forwarded);
  CHECK(forwarded->outcome.kind == Kind::done);
  CHECK(forwarded->reason() == "tunnel_idle");
}

TEST_CASE("a 101 that nobody asked for, or with another key, is a 502") {
  ForwardWorld world;
  world.upstream.answer(std::string(kSwitch));
  MemoryExchange client(world.io, {});
  const auto forwarded = world.forward(client);
  REQUIRE(forwarded->failure);
  CHECK(forwarded->failure->status() == 502);

  for (const std::string wrong :
       {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"}) {
    CAPTURE(wrong);
    ForwardWorld another;
    another.upstream.answer(wrong);
    MemoryExchange second(another.io, {});
    CHECK(another.forward(second, upgrade())->reason() == "upstream_nonsense");
    CHECK_FALSE(second.is_tunnel());
  }
}

TEST_CASE("an upstream that answers an upgrade in the ordinary way is passed on") {
  ForwardWorld world;
  world.upstream.answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  MemoryExchange client(world.io, {});
  world.forward(client, upgrade());
  CHECK(client.status() == 403);
  CHECK(client.body() == "no");
  CHECK(world.group().idle_count() == 1);
}

TEST_CASE("an upgrade whose request has a body becomes a tunnel when the body is up, not before") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_until("late");
    co_await switch_and_echo(peer);
  });
  MemoryExchange client(world.io, {.streamed = true, .streamed_size = 4});
  const auto forwarded = world.start(client, upgrade());
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
  run_ready(world.io);
  client.give("late");
  client.end_body();
  world.upstream.peer(0).end_sending();
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_closed");

  ForwardWorld early;
  early.upstream.answer(std::string(kSwitch));
  MemoryExchange second(early.io, {.streamed = true});
  CHECK(early.forward(second, upgrade())->reason() == "upstream_nonsense");

  ForwardWorld orderly;
  orderly.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_until("late");
    co_await peer.send(std::string(kSwitch) + "welcome,");
    co_await peer.ended();
  });
  MemoryExchange third(orderly.io, {.streamed = true, .streamed_size = 4});
  const auto tunnel = orderly.start(third, upgrade());
  REQUIRE(run_until(orderly.io, [&] { return orderly.upstream.connections() == 1; }));
  run_ready(orderly.io);
  third.give("late");
  third.end_body();
  REQUIRE(run_until(orderly.io, [&] { return third.body() == "welcome,"; }));
  third.leave();
  orderly.finish(*tunnel);
  CHECK(tunnel->reason() == "client_gone");
}
