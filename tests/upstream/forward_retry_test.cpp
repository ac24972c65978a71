// Upstreams that do not answer: what is sent again, what is not, and for how long they are waited for.
#include <doctest/doctest.h>

#include <boost/asio/post.hpp>

#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

// Ends the first connection without an answer when its second request comes, serves all the others.
Awaitable<> stale_once(Peer& peer) {
  for (int i = 0;; ++i) {
    co_await peer.take_head();
    if (peer.is_ended()) co_return;
    if (peer.index() == 0 && i == 1) co_return peer.close();
    co_await peer.send(std::string(kHello));
  }
}

Awaitable<> end_each(Peer& peer) {
  co_await peer.take_head();
  peer.close();
}

// The first server ends each connection without an answer.
struct EndingAndServing : ForwardWorld {
  EndingAndServing() {
    upstream.run(end_each);
    second.answer(std::string(kHello));
    settings.servers = {{"127.0.0.1", upstream.port()}, {"127.0.0.1", second.port()}};
  }

  // The body of the answer, or why there is none.
  std::string ask(MemoryRequest request, ForwardOptions options = {}) {
    MemoryExchange client(io, std::move(request));
    const auto forwarded = forward(client, std::move(options));
    return forwarded->failure ? forwarded->reason() : client.body();
  }

  ScriptedUpstream second{io};
};

}  // namespace

TEST_CASE("an idempotent request on a connection that had ended is sent again, once") {
  ForwardWorld world;
  world.upstream.run(stale_once);
  MemoryExchange first(world.io, {});
  world.forward(first);
  MemoryExchange second(world.io, {});
  world.forward(second);
  CHECK(second.body() == "hello");
  CHECK(world.upstream.connections() == 2);
}

TEST_CASE("a request that is not idempotent, or has a body, is not sent again") {
  ForwardWorld world;
  world.upstream.run(stale_once);
  MemoryExchange first(world.io, {});
  world.forward(first);
  MemoryExchange second(world.io, {.method = "POST"});
  CHECK(world.forward(second, {.idempotent = false})->reason() == "upstream_closed");
  CHECK(world.upstream.connections() == 1);

  ForwardWorld with_body;
  with_body.upstream.run(stale_once);
  MemoryExchange third(with_body.io, {});
  with_body.forward(third);
  MemoryExchange fourth(with_body.io, {.method = "PUT", .body = "x"});
  CHECK(with_body.forward(fourth)->reason() == "upstream_closed");
}

TEST_CASE("a body that has not come yet is not sent again either") {
  ForwardWorld world;
  world.upstream.run(stale_once);
  MemoryExchange first(world.io, {});
  world.forward(first);
  MemoryExchange second(world.io, {.method = "PUT", .streamed = true});
  const auto forwarded = world.forward(second);
  CHECK(forwarded->reason() == "upstream_closed");
  CHECK(second.is_body_cancelled());
  CHECK(world.upstream.connections() == 1);
}

TEST_CASE("an idle connection that ends: another server is asked, also where the first one has less to do") {
  EndingAndServing world;
  world.settings.balance = config::Balance::least_requests;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    if (peer.index() == 0) {
      co_await peer.send(std::string(kHello));
      co_await peer.take_head();
    }
    peer.close();
  });
  const auto busy = world.group().states().count_request(1);
  CHECK(world.ask({}) == "hello");
  CHECK(world.second.connections() == 0);
  CHECK(world.ask({}) == "hello");
  CHECK(world.upstream.connections() == 1);
  CHECK(world.second.connections() == 1);
}

TEST_CASE("an idle connection that ends says nothing of its server: hash(session) stays with it") {
  EndingAndServing world;
  world.upstream.run(stale_once);
  world.second.run(stale_once);
  world.settings.balance = config::Balance::session_hash;
  CHECK(world.ask({}) == "hello");
  CHECK(world.ask({}) == "hello");
  const bool is_first = world.upstream.connections() > 0;
  CHECK(world.upstream.connections() == (is_first ? 2 : 0));
  CHECK(world.second.connections() == (is_first ? 0 : 2));
}

TEST_CASE("a new connection that ends without an answer: the only server is asked once more, if that can do no harm") {
  const auto ask = [](MemoryRequest request, ForwardOptions options, bool always, std::size_t connections) {
    ForwardWorld world;
    world.upstream.run([always](Peer& peer) -> Awaitable<> {
      co_await peer.take_head();
      if (!always && peer.index() > 0) co_await peer.send(std::string(kHello));
      peer.close();
    });
    MemoryExchange client(world.io, std::move(request));
    const auto forwarded = world.forward(client, std::move(options));
    CHECK(world.upstream.connections() == connections);
    return forwarded->failure ? forwarded->reason() : client.body();
  };
  CHECK(ask({}, {}, false, 2) == "hello");
  CHECK(ask({.method = "DELETE"}, {}, false, 2) == "hello");
  CHECK(ask({}, {}, true, 2) == "upstream_closed");
  CHECK(ask({.method = "POST"}, {.idempotent = false}, false, 1) == "upstream_closed");
  CHECK(ask({.method = "PUT", .body = "x"}, {}, false, 1) == "upstream_closed");
}

TEST_CASE("a new connection that ends without an answer: an idempotent request without a body goes to another server") {
  EndingAndServing world;
  CHECK(world.ask({}) == "hello");
  CHECK(world.upstream.connections() == 1);
  CHECK(world.second.connections() == 1);
  CHECK(world.group().states().numbers(world.deadlines.now())[0].failures == 1);

  EndingAndServing deleting;
  CHECK(deleting.ask({.method = "DELETE"}) == "hello");
}

TEST_CASE("what may not be done twice, or was answered in part, goes to no other server") {
  EndingAndServing posting;
  CHECK(posting.ask({.method = "POST"}, {.idempotent = false}) == "upstream_closed");
  CHECK(posting.second.connections() == 0);

  EndingAndServing with_body;
  CHECK(with_body.ask({.method = "PUT", .body = "x"}) == "upstream_closed");
  CHECK(with_body.second.connections() == 0);

  EndingAndServing in_part;
  in_part.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200");
    peer.close();
  });
  CHECK(in_part.ask({}) == "upstream_closed");
  CHECK(in_part.second.connections() == 0);
}

TEST_CASE("of many servers that end the connection no more than two are asked") {
  EndingAndServing world;
  world.second.run(end_each);
  ScriptedUpstream third(world.io);
  third.answer(std::string(kHello));
  world.settings.servers.push_back({"127.0.0.1", third.port()});
  CHECK(world.ask({}) == "upstream_closed");
  CHECK(world.upstream.connections() == 1);
  CHECK(world.second.connections() == 1);
  CHECK(third.connections() == 0);
}

TEST_CASE("an upstream that refuses the connection is a 502, another server of it is asked first") {
  ForwardWorld world;
  world.upstream.stop_listening();
  asio::ip::tcp::acceptor closed(world.io, {asio::ip::address_v4::loopback(), 0});
  const auto port = closed.local_endpoint().port();
  closed.close();
  world.settings.servers = {{"127.0.0.1", port}};
  MemoryExchange client(world.io, {});
  const auto refused = world.forward(client);
  REQUIRE(refused->failure);
  CHECK(refused->failure->status() == 502);
  CHECK(refused->reason() == "upstream_refused");

  ForwardWorld two;
  two.upstream.answer(std::string(kHello));
  two.settings.servers = {{"127.0.0.1", port}, {"127.0.0.1", two.upstream.port()}};
  MemoryExchange second(two.io, {.method = "POST", .body = "x"});
  two.forward(second, {.idempotent = false});
  CHECK(second.body() == "hello");
}

TEST_CASE("a name is resolved, one that does not exist is a 502") {
  ForwardWorld world;
  world.upstream.answer(std::string(kHello));
  world.settings.servers = {{"localhost", world.upstream.port()}};
  for (int i = 0; i < 3; ++i) {
    MemoryExchange client(world.io, {});
    world.forward(client);
    CHECK(client.body() == "hello");
    world.pass_time(seconds(11));
  }
}

TEST_CASE("an upstream that does not answer in time is a 504") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  MemoryExchange client(world.io, {.method = "POST", .body = "abc"});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] {
    return world.upstream.connections() == 1 && world.upstream.peer(0).received().ends_with("abc");
  }));
  world.pass_time(milliseconds(29'900));
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(milliseconds(200));
  world.finish(*forwarded);
  REQUIRE(forwarded->failure);
  CHECK(forwarded->failure->status() == 504);
  CHECK(forwarded->reason() == "upstream_timeout");
  CHECK(world.group().idle_count() == 0);
}

TEST_CASE("single bytes of a head do not prolong the time for the answer") {
  ForwardWorld world;
  static int sent;
  static int allowed;
  sent = allowed = 0;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    for (const char c : std::string_view("HTTP/1.1 200 OK\r\n")) {
      while (sent == allowed) co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
      const bool taken = co_await peer.send(std::string(1, c));
      if (!taken) co_return;
      ++sent;
    }
  });
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  for (int i = 0; i < 4 && !forwarded->is_over; ++i) {
    ++allowed;
    REQUIRE(run_until(world.io, [] { return sent == allowed; }));
    for (int turn = 0; turn < 20; ++turn) world.io.poll_one();
    world.clock.advance(seconds(10));
    world.deadlines.sweep(world.clock.steady());
    for (int turn = 0; turn < 20; ++turn) world.io.poll_one();
  }
  CHECK(forwarded->is_over);
  CHECK(forwarded->reason() == "upstream_timeout");
  allowed = 1000;
  run_ready(world.io);
}

TEST_CASE("the time for the answer begins when the body is up") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  MemoryExchange client(world.io, {.method = "POST", .streamed = true, .streamed_size = 3});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
  for (const char* piece : {"a", "b", "c"}) {
    world.pass_time(seconds(25));
    client.give(piece);
    world.pass_time(seconds(0));
  }
  client.end_body();
  world.pass_time(seconds(29));
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(seconds(2));
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_timeout");
}

TEST_CASE("an upstream that does not take the body is a 504") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.take_head(); });
  MemoryExchange client(world.io, {.method = "PUT", .streamed = true, .streamed_size = 64 * 1024 * 1024});
  const auto forwarded = world.start(client, {.body_limit = 1 << 30});
  for (int i = 0; i < 1024; ++i) client.give(std::string(64 * 1024, 'x'));
  REQUIRE(run_until(world.io, [&] { return world.upstream.connections() == 1; }));
  run_ready(world.io);
  world.pass_time(seconds(61));
  world.finish(*forwarded);
  REQUIRE(forwarded->failure);
  CHECK(forwarded->failure->status() == 504);
}
