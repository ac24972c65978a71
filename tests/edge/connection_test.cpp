// HTTP/1.1 over a real loopback connection: keeping it, pipelining, refusing, ending.
#include <doctest/doctest.h>

#include <sys/resource.h>

#include "tests/edge/edge_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.example\r\n\r\n";

std::string without_date(std::string answer) {
  const auto date = answer.find("Date: ");
  if (date != std::string::npos) answer.erase(date, answer.find("\r\n", date) + 2 - date);
  return answer;
}

// A long answer in chunks.
Awaitable<> stream_pieces(http::Exchange& exchange) {
  exchange.sink.start({});
  exchange.sink.write("one,");
  exchange.sink.write("two");
  exchange.sink.finish();
  co_return;
}

}  // namespace

TEST_CASE("a connection serves one request after another") {
  EdgeWorld world;
  RawClient client(world);
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    CHECK(without_date(client.read_answer()) == "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nGET /a ");
  }
  CHECK(world.handler.exchanges == 3);
  CHECK(world.server->connection_count() == 1);
  client.close();
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
  CHECK(world.connection_limits.open() == 0);
}

TEST_CASE("the handler sees who asks for what") {
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    CHECK(exchange.head.scheme == "http");
    CHECK(exchange.head.host == "app.example");
    CHECK(exchange.head.find(http::Name::cookie) == "a=b");
    CHECK(exchange.peer.to_string() == "127.0.0.1");
    CHECK(exchange.peer_port != 0);
    CHECK(exchange.server_name == "");
    CHECK(exchange.body.size() == 0);
    return echo(exchange);
  });
  RawClient client(world);
  client.send("GET //a/%61?q HTTP/1.1\r\nHost: App.example.:80\r\nCookie: a=b\r\n\r\n");
  CHECK(client.read_answer().ends_with("\r\n\r\nGET /a/a?q "));
}

TEST_CASE("a request that comes byte by byte is the same") {
  EdgeWorld world;
  RawClient client(world);
  for (const char c : std::string_view("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "5;x=y\r\nhello\r\n0\r\nTrailer: t\r\n\r\n")) {
    client.send({&c, 1});
  }
  CHECK(client.read_answer().ends_with("\r\n\r\nPOST /b hello"));
  client.send(kGet);
  CHECK(client.read_answer().ends_with("\r\n\r\nGET /a "));
}

TEST_CASE("pipelined requests are answered in order, each on its own") {
  EdgeWorld world;
  RawClient client(world);
  client.send(
      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
      "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nyo\r\n0\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      "GET /5 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.read_answer().ends_with("\r\n\r\nPOST /1 hello"));
  CHECK(client.read_answer().ends_with("\r\n\r\nGET /2 "));
  CHECK(client.read_answer().ends_with("\r\n\r\nPOST /3 yo"));
  const std::string last = client.read_answer();
  CHECK(last.ends_with("\r\n\r\nGET /4 "));
  CHECK(last.find("Connection: close\r\n") != std::string::npos);
  CHECK(client.read_all() == "");
  CHECK(world.handler.exchanges == 4);
}

TEST_CASE("many pipelined requests are all answered") {
  EdgeWorld world;
  RawClient client(world);
  std::string all;
  for (int i = 0; i < 2000; ++i) all += kGet;
  client.send(all);
  for (int i = 0; i < 2000; ++i) REQUIRE(client.read_answer().ends_with("GET /a "));
}

TEST_CASE("a body that looks like a request is a body") {
  EdgeWorld world;
  RawClient client(world);
  const std::string inner = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n\r\n" + inner);
  CHECK(client.read_answer().ends_with("\r\n\r\nGET /a " + inner));
  CHECK(client.is_quiet());
  CHECK(world.handler.exchanges == 1);
}

TEST_CASE("a refused request ends the connection, and nothing behind it is read") {
  EdgeWorld world;
  for (const std::string_view bad :
       {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01"}) {
    CAPTURE(bad);
    RawClient client(world);
    client.send(std::string(bad) + std::string(kGet));
    const std::string answer = client.read_answer();
    CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nX-Request-ID: 1\r\n"));
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    CHECK(answer.find("{\"code\":\"BAD_") != std::string::npos);
    CHECK(client.read_all() == "");
    CHECK_FALSE(client.is_reset());
  }
  CHECK(world.handler.exchanges == 0);
  CHECK(world.handler.refusals == std::vector<int>{400, 400, 400, 400, 400});
  RawClient fresh(world);
  fresh.send(kGet);
  CHECK(fresh.read_answer().ends_with("GET /a "));
}

TEST_CASE("a refusal comes after the answers of the requests before it") {
  EdgeWorld world;
  RawClient client(world);
  client.send(std::string(kGet) + "nonsense\r\n\r\n" + std::string(kGet));
  CHECK(client.read_answer().ends_with("GET /a "));
  CHECK(client.read_answer().starts_with("HTTP/1.1 400 "));
  CHECK(client.read_all() == "");
  CHECK(world.handler.exchanges == 1);
}

TEST_CASE("a head over the limit is refused, with the rest of it unread") {
  EdgeWorld world;
  RawClient client(world);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(200'000, 'x'));
  CHECK(client.read_answer().starts_with("HTTP/1.1 431 "));
  client.end_sending();
  CHECK(client.read_all() == "");
  RawClient second(world);
  second.send("GET /" + std::string(20'000, 'x'));
  CHECK(second.read_answer().starts_with("HTTP/1.1 414 "));
}

TEST_CASE("a refusal tells what was asked for, as far as that has come") {
  EdgeWorld world;
  const auto line_of = [&](const std::string& bytes) {
    RawClient client(world);
    client.send(bytes);
    CHECK(client.read_answer().starts_with("HTTP/1.1 4"));
    return world.handler.refused_lines.back();
  };
  CHECK(line_of("GET /a?b=c HTTP/1.1\r\n\r\n") == "GET /a?b=c");
  CHECK(line_of("POST /a/../b HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n") == "POST /a/../b");
  CHECK(line_of("GET /late HTTP/1.1\r\nHost: a\r\nA: " + std::string(200'000, 'x')) == "GET /late");
  CHECK(line_of("GET /" + std::string(20'000, 'x')).starts_with("GET /xxxx"));
  CHECK(line_of("G\x01T /a HTTP/1.1\r\nHost: a\r\n\r\n") == " ");
  CHECK(line_of("nonsense\r\n\r\n") == " ");
}

TEST_CASE("broken chunked framing ends the connection after the answer") {
  EdgeWorld world;
  RawClient client(world);
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n" +
              std::string(kGet));
  CHECK(client.read_answer().ends_with("POST /a hello!"));
  CHECK(client.read_all() == "");
  CHECK(world.handler.exchanges == 1);
}

TEST_CASE("HTTP/1.0 ends the connection unless it is asked to keep it") {
  EdgeWorld world;
  RawClient client(world);
  client.send("GET /a HTTP/1.0\r\nHost: a\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);

  RawClient kept(world);
  kept.send("GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  CHECK(kept.read_answer().find("Connection: keep-alive\r\n") != std::string::npos);
  kept.send("GET /a HTTP/1.0\r\nHost: a\r\n\r\n");
  CHECK(kept.read_answer().ends_with("GET /a "));
}

TEST_CASE("an answer without a length is chunked, or until close for HTTP/1.0") {
  EdgeWorld world(&stream_pieces);
  RawClient client(world);
  client.send(kGet);
  CHECK(
      client.read_until("0\r\n\r\n").ends_with("Transfer-Encoding: chunked\r\n\r\n4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n"));
  RawClient old(world);
  old.send("GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = old.read_all();
  CHECK(answer.find("Transfer-Encoding") == std::string::npos);
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\none,two"));
}

TEST_CASE("an answer to HEAD has the head of the answer to GET") {
  EdgeWorld world;
  RawClient client(world);
  client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(without_date(client.read_answer(true)) == "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
  client.send(kGet);
  CHECK(client.read_answer().ends_with("GET /a "));
}

TEST_CASE("an answer shorter or longer than was told is aborted") {
  const auto shorter = [](http::Exchange& exchange) -> Awaitable<> {
    http::ResponseHead head;
    head.size = 10;
    exchange.sink.start(head);
    exchange.sink.write("hello");
    exchange.sink.flush();
    exchange.sink.finish();
    CHECK(exchange.sink.gone());
    co_return;
  };
  const auto longer = [](http::Exchange& exchange) -> Awaitable<> {
    http::ResponseHead head;
    head.size = 5;
    exchange.sink.start(head);
    exchange.sink.write("hel");
    exchange.sink.write("lo world");
    CHECK(exchange.sink.gone());
    exchange.sink.finish();
    co_return;
  };
  const auto unfinished = [](http::Exchange& exchange) -> Awaitable<> {
    exchange.sink.start({});
    exchange.sink.write("hello");
    co_return;
  };
  for (const Handler handler :
       {static_cast<Handler>(shorter), static_cast<Handler>(longer), static_cast<Handler>(unfinished)}) {
    EdgeWorld world(handler);
    RawClient client(world);
    client.send(kGet);
    const std::string answer = client.read_all();
    CHECK(client.is_reset());
    CHECK(answer.find("\r\n0\r\n") == std::string::npos);
    REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
  }
}

TEST_CASE("what a handler throws is a 500, or an aborted answer") {
  EdgeWorld world([](http::Exchange&) -> Awaitable<> { throw std::runtime_error("thrown by the test"); });
  RawClient client(world);
  client.send(kGet);
  CHECK(client.read_all().starts_with("HTTP/1.1 500 Internal Server Error\r\n"));

  EdgeWorld started([](http::Exchange& exchange) -> Awaitable<> {
    exchange.sink.start({});
    exchange.sink.write("hello");
    exchange.sink.flush();
    throw std::runtime_error("thrown by the test");
  });
  RawClient second(started);
  second.send(kGet);
  second.read_all();
  CHECK(second.is_reset());
}

TEST_CASE("an accepted upgrade is a tunnel in both directions") {
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    const http::HeaderField fields[] = {{"Upgrade", "websocket", http::Name::upgrade},
                                        {"Connection", "Upgrade", http::Name::connection}};
    http::ResponseHead head;
    head.status = 101;
    head.fields = fields;
    exchange.sink.accept_upgrade(head, seconds(60));
    CHECK_FALSE(exchange.body.size());
    const std::string all = co_await read_body(exchange);
    exchange.sink.write("got " + all);
    exchange.sink.finish();
  });
  RawClient client(world);
  client.send("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly,");
  CHECK(client.read_answer() ==
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  client.send("GET /late HTTP/1.1\r\n\r\n");
  client.end_sending();
  CHECK(client.read_all() == "got early,GET /late HTTP/1.1\r\n\r\n");
  CHECK(world.handler.exchanges == 1);
}

TEST_CASE("connections over the limits are refused at accept and counted") {
  config::Limits limits;
  limits.per_address = 2;
  EdgeWorld world(&echo, nullptr, limits);
  RawClient first(world), second(world), third(world);
  CHECK(third.read_all() == "");
  CHECK(world.connection_limits.refused() == 1);
  first.send(kGet);
  CHECK(first.read_answer().ends_with("GET /a "));
  first.close();
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 1; }));
  RawClient fourth(world);
  fourth.send(kGet);
  CHECK(fourth.read_answer().ends_with("GET /a "));
}

TEST_CASE("without file descriptors connections wait, nothing spins, and they are accepted when there are some again") {
  EdgeWorld world;
  RawClient open(world);
  open.send(kGet);
  CHECK(open.read_answer().ends_with("GET /a "));
  RawClient late(world);
  const int lowest = ::dup(open.descriptor());
  REQUIRE(lowest >= 0);
  ::close(lowest);
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit none = limit;
  none.rlim_cur = static_cast<rlim_t>(lowest);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  int rounds = 0;
  while (world.io.poll() > 0 && rounds < 1000) ++rounds;
  CHECK(rounds < 1000);
  CHECK(world.server->connection_count() == 1);
  open.send(kGet);
  CHECK(open.read_answer().ends_with("GET /a "));
  CHECK(late.is_quiet());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  late.send(kGet);
  CHECK(late.read_answer().ends_with("GET /a "));
  CHECK(world.server->connection_count() == 2);
}

TEST_CASE("a server that is destroyed ends what goes on") {
  {
    EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
      co_await read_body(exchange);
      exchange.sink.on_abort({});
    });
    RawClient busy(world), idle(world);
    busy.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    REQUIRE(run_until(world.io, [&] { return world.handler.exchanges == 1 && world.server->connection_count() == 2; }));
    world.server.reset();
    CHECK(world.connection_limits.open() == 0);
  }
}
