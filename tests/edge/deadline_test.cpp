// Deadlines of each phase, and the graceful end of a server.
#include <doctest/doctest.h>

#include "tests/edge/edge_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.example\r\n\r\n";

bool go_on = false;

Awaitable<> wait_then_answer(http::Exchange& exchange) {
  while (!go_on) co_await asio::post(exchange.executor, use_awaitable);
  answer(exchange, "done");
}

// Runs a few turns of an io_context that is never out of work.
void run_a_little(EdgeWorld& world) {
  for (int i = 0; i < 200; ++i) world.io.poll_one();
}

}  // namespace

TEST_CASE("a connection that says nothing is closed after head_time, without an answer") {
  EdgeWorld world;
  RawClient client(world);
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 1; }));
  world.pass_time(seconds(9));
  CHECK(client.is_quiet());
  world.pass_time(seconds(2));
  CHECK(client.read_all() == "");
  CHECK_FALSE(client.is_reset());
}

TEST_CASE("a head that drips in is refused with 408 after head_time") {
  EdgeWorld world;
  RawClient client(world);
  for (const char c : std::string_view("GET / HTTP")) {
    client.send({&c, 1});
    world.pass_time(std::chrono::milliseconds(900));
  }
  CHECK(client.is_quiet());
  client.send("/");
  world.pass_time(seconds(2));
  CHECK(client.read_answer().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(client.read_all() == "");
  CHECK(world.handler.refusals == std::vector<int>{408});
}

TEST_CASE("an idle connection is closed after keep_alive") {
  EdgeWorld world;
  RawClient client(world);
  client.send(kGet);
  client.read_answer();
  world.pass_time(seconds(74));
  CHECK(client.is_quiet());
  world.pass_time(seconds(2));
  CHECK(client.read_all() == "");
}

TEST_CASE("a silent tunnel is ended after its idle time, traffic in either direction keeps it") {
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    http::ResponseHead head;
    head.status = 101;
    exchange.sink.accept_upgrade(head, seconds(60));
    for (;;) {
      const auto piece = exchange.body.read();
      if (piece.kind == http::BodyPiece::Kind::wait) {
        co_await exchange.body.readable();
        continue;
      }
      if (piece.kind != http::BodyPiece::Kind::data) break;
      exchange.sink.write(piece.bytes);
      exchange.sink.flush();
    }
    exchange.sink.abort();
  });
  RawClient client(world);
  client.send(kGet);
  CHECK(client.read_answer().starts_with("HTTP/1.1 101 "));
  for (int i = 0; i < 3; ++i) {
    world.pass_time(seconds(50));
    client.send("x");
    CHECK(client.read_until("x") == "x");
  }
  world.pass_time(seconds(61));
  client.read_all();
  CHECK(client.is_reset());
}

TEST_CASE("a drain closes idle connections after a moment and lets the others finish") {
  EdgeWorld world(&wait_then_answer);
  go_on = false;
  RawClient idle(world), busy(world);
  busy.send("");
  ::send(busy.descriptor(), kGet.data(), kGet.size(), 0);
  REQUIRE(run_until(world.io, [&] { return world.handler.exchanges == 1 && world.server->connection_count() == 2; }));
  world.server->drain();
  run_a_little(world);
  CHECK(world.server->connection_count() == 2);
  world.clock.advance(seconds(1));
  world.deadlines.sweep(world.clock.steady());
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 1; }));
  run_a_little(world);
  CHECK(world.server->connection_count() == 1);
  go_on = true;
  const std::string answer = busy.read_all();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("done"));
  CHECK(idle.read_all() == "");
  CHECK_FALSE(idle.is_reset());
  busy.close();
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
}

TEST_CASE("a request that comes at the moment of the drain is answered") {
  EdgeWorld world;
  RawClient client(world);
  client.send(kGet);
  client.read_answer();
  ::send(client.descriptor(), kGet.data(), kGet.size(), 0);
  world.server->drain();
  const std::string answer = client.read_all();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("GET /a "));
}

TEST_CASE("a request that comes a moment after the drain is answered, and its client told to close") {
  EdgeWorld world;
  RawClient fresh(world), used(world);
  used.send(kGet);
  used.read_answer();
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 2; }));
  world.server->drain();
  world.pass_time(std::chrono::milliseconds(900));
  for (RawClient* client : {&fresh, &used}) {
    client->send(kGet);
    const std::string answer = client->read_all();
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    CHECK(answer.ends_with("GET /a "));
  }
}

TEST_CASE("a client that the kernel has accepted before the drain is served") {
  EdgeWorld world;
  run_ready(world.io);
  RawClient client(world);
  REQUIRE(world.server->connection_count() == 0);
  world.server->drain();
  client.send(kGet);
  const std::string answer = client.read_all();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("GET /a "));
}

TEST_CASE("a head that is on its way at the drain is answered") {
  EdgeWorld world;
  RawClient client(world);
  client.send(kGet.substr(0, 10));
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 1; }));
  run_ready(world.io);
  world.server->drain();
  client.send(kGet.substr(10));
  CHECK(client.read_all().ends_with("GET /a "));
}

TEST_CASE("an answer that has begun at the drain ends, then a last request is answered") {
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    exchange.sink.start({});
    exchange.sink.write("begun,");
    exchange.sink.flush();
    while (!go_on) co_await asio::post(exchange.executor, use_awaitable);
    exchange.sink.write("ended");
    exchange.sink.finish();
  });
  go_on = false;
  RawClient client(world);
  ::send(client.descriptor(), kGet.data(), kGet.size(), 0);
  REQUIRE(run_until(world.io, [&] { return world.handler.exchanges == 1; }));
  world.server->drain();
  go_on = true;
  const std::string before = client.read_until("0\r\n\r\n");
  CHECK(before.find("Connection: close\r\n") == std::string::npos);
  CHECK(before.ends_with("6\r\nbegun,\r\n5\r\nended\r\n0\r\n\r\n"));
  client.send(kGet);
  const std::string last = client.read_all();
  CHECK(last.find("Connection: close\r\n") != std::string::npos);
  CHECK(last.ends_with("6\r\nbegun,\r\n5\r\nended\r\n0\r\n\r\n"));
}

TEST_CASE("nothing is accepted after a drain") {
  EdgeWorld world;
  run_ready(world.io);
  world.server->drain();
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(world.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0);
  ::close(descriptor);
}

TEST_CASE("end_all ends what goes on, at once") {
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    co_await read_body(exchange);
    CHECK(exchange.sink.gone());
  });
  RawClient reading(world), idle(world), in_head(world);
  reading.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
  in_head.send("GET / HT");
  REQUIRE(run_until(world.io, [&] { return world.handler.exchanges == 1 && world.server->connection_count() == 3; }));
  world.server->end_all();
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
  reading.read_all();
  CHECK(reading.is_reset());
}
