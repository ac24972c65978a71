// The way up: bodies, and clients and upstreams that stop in the middle.
#include <doctest/doctest.h>

#include <boost/asio/post.hpp>

#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

}  // namespace

TEST_CASE("a body of a told length goes up with its head") {
  ForwardWorld world;
  world.upstream.answer(std::string(kHello));
  MemoryExchange client(world.io, {.method = "POST", .body = "{\"a\":1}"});
  world.forward(client);
  CHECK(world.upstream.peer(0).received() == "POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST_CASE("an empty body keeps its told length of 0") {
  ForwardWorld world;
  world.upstream.answer(std::string(kHello));
  MemoryExchange client(world.io, {.method = "POST", .fields = {{"Content-Length", "0"}}});
  world.forward(client);
  CHECK(world.upstream.peer(0).received() == "POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a chunked body goes up chunked anew") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_until("0\r\n\r\n");
    co_await peer.send(std::string(kHello));
  });
  MemoryExchange client(world.io, {.method = "POST", .streamed = true});
  client.give("first");
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
  run_ready(world.io);
  client.give("and the second");
  client.end_body();
  world.finish(*forwarded);
  CHECK(world.upstream.peer(0).received() ==
        "POST / HTTP/1.1\r\nHost: upstream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nfirst\r\ne\r\nand the second\r\n0\r\n\r\n");
  CHECK(client.body() == "hello");
  CHECK(world.group().idle_count() == 1);
}

TEST_CASE("a long body goes up with bounded memory") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.discard(16 * 1024 * 1024);
    co_await peer.send(std::string(kHello));
  });
  MemoryExchange client(world.io, {.method = "PUT", .streamed = true, .streamed_size = 16 * 1024 * 1024});
  const auto forwarded = world.start(client, {.body_limit = 1 << 30});
  for (int i = 0; i < 1024; ++i) {
    client.give(std::string(16 * 1024, 'x'));
    if (i % 16 == 0) run_ready(world.io);
  }
  client.end_body();
  world.finish(*forwarded);
  CHECK(client.body() == "hello");
  CHECK(world.group().idle_count() == 1);
}

TEST_CASE("a told length over the limit is refused before anything is asked or sent") {
  ForwardWorld world;
  MemoryExchange client(world.io, {.method = "POST", .streamed = true, .streamed_size = 11});
  const auto forwarded = world.forward(client, {.body_limit = 10});
  CHECK(forwarded->outcome.kind == Kind::body_too_large);
  CHECK_FALSE(client.was_body_asked_for());
  CHECK(world.upstream.connections() == 0);
}

TEST_CASE("a chunked body over the limit is refused, the upstream sees no whole request") {
  for (const bool at_once : {true, false}) {
    CAPTURE(at_once);
    ForwardWorld world;
    world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
    MemoryExchange client(world.io, {.method = "POST", .streamed = true});
    if (at_once) client.give("0123456789+");
    const auto forwarded = world.start(client, {.body_limit = 10});
    if (!at_once) {
      REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
      client.give("0123456789");
      run_ready(world.io);
      client.give("+");
    }
    world.finish(*forwarded);
    CHECK(forwarded->outcome.kind == Kind::body_too_large);
    CHECK(client.status() == 0);
    CHECK(world.group().idle_count() == 0);
    if (!at_once) {
      REQUIRE(run_until(world.io, [&] { return world.upstream.peer(0).is_ended(); }));
      CHECK(world.upstream.peer(0).received().find("0\r\n\r\n") == std::string::npos);
    }
  }
}

TEST_CASE("a body that breaks off is no whole request for the upstream") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  MemoryExchange client(world.io, {.method = "POST", .streamed = true});
  client.give("abc");
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
  client.break_body();
  world.finish(*forwarded);
  CHECK(forwarded->outcome.kind == Kind::body_broken);
  CHECK(client.status() == 0);
  REQUIRE(run_until(world.io, [&] { return world.upstream.peer(0).is_ended(); }));
  CHECK(world.upstream.peer(0).received().ends_with("3\r\nabc\r\n"));
}

TEST_CASE("a client that leaves ends the exchange with the upstream") {
  for (const bool with_body : {false, true}) {
    CAPTURE(with_body);
    ForwardWorld world;
    world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
    MemoryExchange client(world.io, {.method = with_body ? "POST" : "GET", .streamed = with_body});
    if (!with_body) client.end_body();
    const auto forwarded = world.start(client);
    REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
    run_ready(world.io);
    client.leave();
    world.finish(*forwarded);
    CHECK(forwarded->outcome.aborted);
    CHECK(forwarded->reason() == "client_gone");
    REQUIRE(run_until(world.io, [&] { return world.upstream.peer(0).is_ended(); }));
    CHECK(world.group().idle_count() == 0);
  }
}

TEST_CASE("a client that leaves in the middle of the answer ends the exchange with the upstream") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    co_await peer.ended();
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return client.body() == "hello"; }));
  run_ready(world.io);
  client.leave();
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "client_gone");
  REQUIRE(run_until(world.io, [&] { return world.upstream.peer(0).is_ended(); }));
}

TEST_CASE("an exchange that is ended when it turns out to be a stream is over at once") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    co_await peer.ended();
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  forwarded->when_streaming = [](void* exchange) { static_cast<MemoryExchange*>(exchange)->exchange().sink.abort(); };
  forwarded->streaming_argument = &client;
  world.finish(*forwarded);
  CHECK(client.is_aborted());
}

TEST_CASE("an answer that stops in the middle is aborted after the idle time") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    co_await peer.ended();
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return client.body() == "hello"; }));
  world.pass_time(seconds(59));
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(seconds(2));
  world.finish(*forwarded);
  CHECK(client.is_aborted());
  CHECK(forwarded->reason() == "upstream_timeout");
}

TEST_CASE("an early answer is passed on, its connection is not used again") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nhello");
    co_await peer.ended();
  });
  MemoryExchange client(world.io, {.method = "POST", .streamed = true, .streamed_size = 100});
  client.give("the beginning");
  const auto forwarded = world.forward(client);
  CHECK(forwarded->outcome.kind == Kind::done);
  CHECK(client.status() == 401);
  CHECK(client.is_finished());
  CHECK(client.is_body_cancelled());
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("an early answer before the last chunk was taken costs the connection") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send(std::string(kHello));
    static bool never = false;
    while (!never) co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  });
  MemoryExchange client(world.io, {.method = "POST", .streamed = true});
  for (int i = 0; i < 512; ++i) client.give(std::string(64 * 1024, 'x'));
  client.end_body();
  const auto forwarded = world.start(client, {.body_limit = 1 << 30});
  REQUIRE(run_until(world.io, [&] { return forwarded->is_over; }));
  CHECK(client.body() == "hello");
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("an upstream that answers and closes before it has read the body is heard") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    peer.end_sending();
    co_await peer.discard();
  });
  MemoryExchange client(world.io, {.method = "POST", .streamed = true, .streamed_size = 100});
  client.give("x");
  world.forward(client);
  CHECK(client.status() == 413);
  CHECK(client.is_finished());
}

TEST_CASE("a body that goes over the limit or breaks behind an early answer aborts that") {
  for (const bool too_large : {true, false}) {
    CAPTURE(too_large);
    ForwardWorld world;
    world.upstream.run([](Peer& peer) -> Awaitable<> {
      co_await peer.take_head();
      co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      co_await peer.ended();
    });
    MemoryExchange client(world.io, {.method = "POST", .streamed = true});
    const auto forwarded = world.start(client, {.body_limit = 10});
    REQUIRE(run_until(world.io, [&] { return client.body() == "hello"; }));
    if (too_large) {
      client.give("0123456789+");
    } else {
      client.break_body();
    }
    world.finish(*forwarded);
    // Answered already: the caller must not answer again.
    CHECK(forwarded->outcome.kind == Kind::done);
    CHECK(forwarded->outcome.aborted);
    CHECK(forwarded->reason() == (too_large ? "body_too_large" : "client_body_broken"));
    CHECK(client.is_aborted());
  }
}

TEST_CASE("a stream in both directions goes on with its idle time after the body's end") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    co_await peer.take_until("0\r\n\r\n");
    co_await peer.ended();
  });
  MemoryExchange client(world.io, {.method = "POST", .streamed = true});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return client.body() == "hello"; }));
  client.end_body();
  world.pass_time(seconds(45));
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(seconds(16));
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_timeout");
}
