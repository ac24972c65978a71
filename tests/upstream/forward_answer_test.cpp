// Answers of an upstream, from the usual to nonsense.
#include <doctest/doctest.h>

#include <boost/asio/post.hpp>

#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

Awaitable<> send_and_close(Peer& peer, std::string bytes) {
  co_await peer.take_head();
  co_await peer.send(std::move(bytes));
  peer.close();
}

}  // namespace

TEST_CASE("an answer with a length is passed on, and the connection kept") {
  ForwardWorld world;
  world.upstream.answer(
      "HTTP/1.1 201 Created\r\nServer: x\r\nX-A: 1\r\nX-A: 2\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\n"
      "Keep-Alive: 5\r\nContent-Length: 5\r\n\r\nhello");
  MemoryExchange client(world.io, {.target = "/a"});
  const auto forwarded = world.forward(client);
  CHECK(forwarded->outcome.kind == Kind::done);
  CHECK(forwarded->outcome.status == 201);
  CHECK_FALSE(forwarded->outcome.aborted);
  CHECK(client.status() == 201);
  CHECK(client.fields() ==
        std::vector<std::pair<std::string, std::string>>{{"X-A", "1"}, {"X-A", "2"}, {"X-Added", "yes"}});
  CHECK(client.told_size() == 5);
  CHECK(client.body() == "hello");
  CHECK(client.is_finished());
  CHECK(world.upstream.peer(0).received() == "GET /a HTTP/1.1\r\nHost: upstream\r\n\r\n");
  CHECK(world.group().idle_count() == 1);

  MemoryExchange second(world.io, {.target = "/b"});
  world.forward(second);
  CHECK(second.body() == "hello");
  CHECK(world.upstream.connections() == 1);
}

TEST_CASE("a chunked answer is passed on decoded, whatever its pieces are") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    for (const char c : std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                         "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n")) {
      co_await peer.send(std::string(1, c));
      co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    }
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.forward(client);
  CHECK(client.body() == "hello world");
  CHECK_FALSE(client.told_size());
  CHECK(client.is_finished());
  CHECK(forwarded->streams <= 1);
  CHECK(world.group().idle_count() == 1);
}

TEST_CASE("a long answer is passed on with bounded memory, at the speed of the client") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n");
    for (int i = 0; i < 1024; ++i) co_await peer.send(std::string(64 * 1024, 'x'));
  });
  MemoryExchange client(world.io, {});
  client.only_count();
  client.stop_reading();
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return client.held_back_most() > 0; }));
  run_ready(world.io);
  CHECK(client.held_back_most() <= 64 * 1024);
  client.resume_reading();
  world.finish(*forwarded);
  CHECK(client.is_finished());
  CHECK(client.body_bytes() == 64 * 1024 * 1024);
}

TEST_CASE("server-sent events go out as they come") {
  ForwardWorld world;
  static bool go_on;
  go_on = false;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "9\r\ndata: 1\n\n\r\n");
    while (!go_on) co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    co_await peer.send("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return client.body() == "data: 1\n\n" && client.flushes() > 0; }));
  REQUIRE(run_until(world.io, [&] { return forwarded->streams == 1; }));
  go_on = true;
  world.finish(*forwarded);
  CHECK(client.body() == "data: 1\n\ndata: 2\n\n");
  CHECK(forwarded->streams == 1);
}

TEST_CASE("an answer without a length ends with the connection") {
  for (const std::string head : {"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"}) {
    ForwardWorld world;
    world.upstream.run([head](Peer& peer) { return send_and_close(peer, head + "hello"); });
    MemoryExchange client(world.io, {});
    const auto forwarded = world.forward(client);
    CHECK(client.body() == "hello");
    CHECK(client.is_finished());
    CHECK_FALSE(forwarded->outcome.aborted);
    CHECK(world.group().idle_count() == 0);
  }
}

TEST_CASE("an answer without a length that ends by a reset is aborted") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.0 200 OK\r\n\r\nhello");
    peer.reset();
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.forward(client);
  // A reset may overtake the head.
  CHECK_FALSE(client.is_finished());
  CHECK((forwarded->reason() == "upstream_aborted" || forwarded->reason() == "upstream_closed"));
}

TEST_CASE("an answer that ends too early is aborted") {
  for (const std::string answer : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5"}) {
    CAPTURE(answer);
    ForwardWorld world;
    world.upstream.run([answer](Peer& peer) { return send_and_close(peer, answer); });
    MemoryExchange client(world.io, {});
    const auto forwarded = world.forward(client);
    CHECK(client.is_aborted());
    CHECK_FALSE(client.is_finished());
    CHECK(forwarded->outcome.aborted);
    CHECK(forwarded->reason() == "upstream_aborted");
  }
}

TEST_CASE("a malformed body is aborted") {
  ForwardWorld world;
  world.upstream.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0x5\r\nworld\r\n0\r\n\r\n");
  MemoryExchange client(world.io, {});
  const auto forwarded = world.forward(client);
  CHECK(client.is_aborted());
  CHECK(forwarded->reason() == "upstream_nonsense");
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("a connection that ends without an answer is a 502") {
  for (const std::string answer : {"", "HTTP/1.1 200 OK\r\nContent-Le"}) {
    CAPTURE(answer);
    ForwardWorld world;
    world.upstream.run([answer](Peer& peer) { return send_and_close(peer, answer); });
    MemoryExchange client(world.io, {});
    const auto forwarded = world.forward(client);
    REQUIRE(forwarded->failure);
    CHECK(forwarded->failure->status() == 502);
    CHECK(forwarded->reason() == "upstream_closed");
    CHECK(client.status() == 0);
  }
}

TEST_CASE("a nonsense head is a 502") {
  for (const std::string answer :
       {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 99 X\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"}) {
    CAPTURE(answer);
    ForwardWorld world;
    world.upstream.answer(answer);
    MemoryExchange client(world.io, {});
    const auto forwarded = world.forward(client);
    REQUIRE(forwarded->failure);
    CHECK(forwarded->failure->status() == 502);
    CHECK(forwarded->reason() == "upstream_nonsense");
    CHECK(client.status() == 0);
    CHECK(world.group().idle_count() == 0);
  }
}

TEST_CASE("a head without end is a 502") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'x'));
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.forward(client);
  CHECK(forwarded->reason() == "upstream_nonsense");
}

TEST_CASE("interim answers are dropped, an endless row of them is a 502") {
  ForwardWorld world;
  world.upstream.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
                        std::string(kHello));
  MemoryExchange client(world.io, {});
  world.forward(client);
  CHECK(client.status() == 200);
  CHECK_FALSE(client.field("Link"));
  CHECK(client.body() == "hello");
  CHECK(world.group().idle_count() == 1);

  ForwardWorld endless;
  endless.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    for (bool taken = true; taken;) taken = co_await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
  });
  MemoryExchange second(endless.io, {});
  CHECK(endless.forward(second)->reason() == "upstream_nonsense");
}

TEST_CASE("answers to HEAD, 204 and 304 have no body, and the connection is kept") {
  const std::pair<std::string, std::string> table[] = {
      {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
      {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}};
  for (const auto& [method, answer] : table) {
    CAPTURE(answer);
    ForwardWorld world;
    world.upstream.answer(answer);
    MemoryExchange client(world.io, {.method = method});
    world.forward(client);
    CHECK(client.is_without_body());
    CHECK(client.is_finished());
    CHECK(client.body() == "");
    CHECK(world.group().idle_count() == 1);
  }
}

TEST_CASE("a connection with bytes behind the answer is not used again") {
  ForwardWorld world;
  world.upstream.answer(std::string(kHello) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  MemoryExchange client(world.io, {});
  world.forward(client);
  CHECK(client.body() == "hello");
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("bytes that come on an idle connection cost it") {
  ForwardWorld world;
  static bool go_on;
  go_on = false;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    if (peer.index() > 0) co_return;
    while (!go_on) co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    go_on = false;
  });
  MemoryExchange first(world.io, {});
  world.forward(first);
  REQUIRE(world.group().idle_count() == 1);
  go_on = true;
  REQUIRE(run_until(world.io, [] { return !go_on; }));
  MemoryExchange second(world.io, {});
  world.forward(second);
  CHECK(second.body() == "hello");
  CHECK(world.upstream.connections() == 2);
}

TEST_CASE("idle connections that the upstream has ended are closed by the sweep") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) { return send_and_close(peer, std::string(kHello)); });
  MemoryExchange client(world.io, {});
  world.forward(client);
  run_ready(world.io);
  world.group().check_idle();
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("idle connections are closed after a minute") {
  ForwardWorld world;
  world.upstream.answer(std::string(kHello));
  MemoryExchange client(world.io, {});
  world.forward(client);
  world.pass_time(seconds(59));
  world.group().check_idle();
  CHECK(world.group().idle_count() == 1);
  world.pass_time(seconds(2));
  world.group().check_idle();
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("what the observer throws leaves nothing behind") {
  ForwardWorld world;
  world.upstream.answer(std::string(kHello));
  MemoryExchange client(world.io, {.method = "POST", .streamed = true});
  const auto forwarded = world.start(client);
  forwarded->throws_in_head = true;
  world.finish(*forwarded);
  CHECK(forwarded->unexpected == "thrown by the test");
  CHECK(world.group().idle_count() == 0);
}
