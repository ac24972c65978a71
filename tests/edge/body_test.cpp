// Bodies of requests at the edge: 100-continue, what is left unread, cancelling, slow clients in both directions.
#include <doctest/doctest.h>

#include "base/event.hpp"
#include "tests/edge/edge_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.example\r\n\r\n";

std::string post(std::string_view lines, std::string_view body) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("100 Continue is sent once, when the body is asked for") {
  EdgeWorld world;
  RawClient client(world);
  client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.is_quiet());
  client.send("hello");
  CHECK(client.read_answer().ends_with("POST /p hello"));
  client.send(kGet);
  CHECK(client.read_answer().ends_with("GET /a "));
}

TEST_CASE("100 Continue is not sent when the body is there already") {
  EdgeWorld world;
  RawClient client(world);
  client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"));
  CHECK(client.read_answer().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("an answer instead of 100 Continue ends the connection: the body may follow or not") {
  EdgeWorld world(&answer_without_reading);
  RawClient client(world);
  client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
  const std::string answer = client.read_answer();
  CHECK(answer.starts_with("HTTP/1.1 401 "));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(client.read_all() == "");
}

TEST_CASE("a small body that is left unread does not cost the connection, wherever it is") {
  EdgeWorld world(&answer_without_reading);
  RawClient client(world);
  client.send(post("Content-Length: 5\r\n", "hello") + std::string(kGet));
  for (int i = 0; i < 2; ++i) {
    const std::string answer = client.read_answer();
    CHECK(answer.starts_with("HTTP/1.1 401 "));
    CHECK(answer.find("Connection: close") == std::string::npos);
  }
  // The answer overtakes the body.
  client.send(post("Content-Length: 10\r\n", "hello"));
  CHECK(client.read_answer().starts_with("HTTP/1.1 401 "));
  client.send("world");
  client.send(kGet);
  CHECK(client.read_answer().starts_with("HTTP/1.1 401 "));
  CHECK(world.handler.exchanges == 4);
}

TEST_CASE("the rest of an unread body is waited for as long as any body") {
  EdgeWorld world(&answer_without_reading);
  RawClient client(world);
  client.send(post("Content-Length: 10\r\n", "hello"));
  CHECK(client.read_answer().starts_with("HTTP/1.1 401 "));
  world.pass_time(seconds(29));
  CHECK(client.is_quiet());
  world.pass_time(seconds(2));
  CHECK(client.read_all() == "");
}

TEST_CASE("a large or endless body that is left unread ends the connection, the answer stays readable") {
  for (const std::string_view framing : {"Content-Length: 500000\r\n", "Transfer-Encoding: chunked\r\n"}) {
    CAPTURE(framing);
    EdgeWorld world(&answer_without_reading);
    RawClient client(world);
    const bool chunked = framing.starts_with("T");
    client.send(post(framing, chunked ? "7a120\r\n" : ""));
    client.send(std::string(500'000, 'x'));
    const std::string answer = client.read_answer();
    CHECK(answer.starts_with("HTTP/1.1 401 "));
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    CHECK(answer.ends_with("refused"));
    client.end_sending();
    CHECK(client.read_all() == "");
    CHECK_FALSE(client.is_reset());
    CHECK(world.handler.exchanges == 1);
  }
}

TEST_CASE("a client that goes on sending after a refusal is cut off at last") {
  EdgeWorld world(&answer_without_reading);
  RawClient client(world);
  client.send(post("Content-Length: 500000\r\n", "x"));
  CHECK(client.read_answer().ends_with("refused"));
  world.pass_time(seconds(3));
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
}

TEST_CASE("cancelling a body ends the wait for it, and a small rest is thrown away") {
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    if (exchange.body.size() == 0) {
      answer(exchange, "next");
      co_return;
    }
    exchange.body.cancel();
    CHECK(exchange.body.read().kind == http::BodyPiece::Kind::broken);
    answer(exchange, "enough");
  });
  RawClient client(world);
  client.send(post("Content-Length: 10\r\n", "hello"));
  CHECK(client.read_answer().ends_with("enough"));
  client.send("world" + std::string(kGet));
  CHECK(client.read_answer().ends_with("next"));
}

TEST_CASE("a body that stalls is broken after body_idle, single bytes are no stall") {
  EdgeWorld world;
  RawClient client(world);
  client.send(post("Content-Length: 5\r\n", "he"));
  world.pass_time(seconds(29));
  client.send("l");
  world.pass_time(seconds(29));
  CHECK(client.is_quiet());
  world.pass_time(seconds(2));
  CHECK(client.read_answer().ends_with("POST /p hel!"));
  CHECK(client.read_all() == "");
}

TEST_CASE("a client that leaves in the middle of its body breaks it") {
  EdgeWorld world;
  {
    RawClient client(world);
    client.send(post("Content-Length: 5\r\n", "he"));
    client.end_sending();
    CHECK(client.read_answer().ends_with("POST /p he!"));
  }
  {
    RawClient client(world);
    client.send(post("Content-Length: 5\r\n", "he"));
    REQUIRE(run_until(world.io, [&] { return world.handler.exchanges == 2; }));
    client.reset();
    REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
  }
}

TEST_CASE("a long chunk header or trailer does not fill the memory") {
  EdgeWorld world;
  RawClient client(world);
  client.send(post("Transfer-Encoding: chunked\r\n", "5;" + std::string(100'000, 'x')));
  CHECK(client.read_answer().ends_with("POST /p !"));
}

TEST_CASE("a slow reader of a long answer holds back its producer") {
  static std::size_t given;
  given = 0;
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    http::ResponseHead head;
    head.size = 64 * 1024 * 1024;
    exchange.sink.start(head);
    const std::string piece(64 * 1024, 'x');
    for (int i = 0; i < 1024 && !exchange.sink.gone(); ++i) {
      exchange.sink.write(piece);
      given += piece.size();
      if (!exchange.sink.credit()) co_await exchange.sink.drained();
    }
    exchange.sink.finish();
  });
  RawClient client(world, 64 * 1024);
  client.send(kGet);
  run_ready(world.io);
  CHECK(given < 16 * 1024 * 1024);  // what the kernel's buffers take
  const std::size_t before = given;
  run_ready(world.io);
  CHECK(given == before);
  client.read_until("\r\n\r\n");
  CHECK(client.discard(64 * 1024 * 1024) == 64 * 1024 * 1024);
  CHECK(given == 64 * 1024 * 1024);
  client.send(kGet);
  CHECK(client.read_until("\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a client that does not read at all is ended after body_idle") {
  static bool was_gone;
  was_gone = false;
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    exchange.sink.start({});
    const std::string piece(64 * 1024, 'x');
    while (!exchange.sink.gone()) {
      exchange.sink.write(piece);
      if (!exchange.sink.credit()) co_await exchange.sink.drained();
    }
    was_gone = true;
  });
  RawClient client(world, 64 * 1024);
  client.send(kGet);
  world.pass_time(seconds(29));
  CHECK_FALSE(was_gone);
  world.pass_time(seconds(2));
  CHECK(was_gone);
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
}

TEST_CASE("small pieces go out together, and at once when they are flushed") {
  static bool go_on;
  go_on = false;
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    exchange.sink.start({});
    for (int i = 0; i < 3; ++i) {
      exchange.sink.write("a");
      CHECK(exchange.sink.credit());
    }
    CHECK(exchange.sink.bytes_sent() == 0);
    exchange.sink.flush();
    CHECK(exchange.sink.bytes_sent() > 0);
    while (!go_on) co_await asio::post(exchange.executor, use_awaitable);
    exchange.sink.finish();
  });
  RawClient client(world);
  client.send("");
  ::send(client.descriptor(), kGet.data(), kGet.size(), 0);
  const bool came = run_until(world.io, [&] {
    char buffer[1000];
    const auto size = ::recv(client.descriptor(), buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
    return size > 0 &&
           std::string_view(buffer, static_cast<std::size_t>(size)).ends_with("1\r\na\r\n1\r\na\r\n1\r\na\r\n");
  });
  CHECK(came);
  go_on = true;
  client.read_until("0\r\n\r\n");
}

TEST_CASE("the client's leaving is found while the handler waits for somebody else") {
  static bool hook_called;
  hook_called = false;
  EdgeWorld world([](http::Exchange& exchange) -> Awaitable<> {
    SteadyTimer forever(exchange.executor, SteadyTimer::time_point::max());
    exchange.sink.on_abort({[](void* timer) {
                              hook_called = true;
                              static_cast<SteadyTimer*>(timer)->cancel();
                            },
                            &forever});
    boost::system::error_code ignored;
    co_await forever.async_wait(asio::redirect_error(use_awaitable, ignored));
    CHECK(exchange.sink.gone());
  });
  RawClient client(world);
  client.send(kGet);
  REQUIRE(run_until(world.io, [&] { return world.handler.exchanges == 1; }));
  world.pass_time(seconds(2));
  world.server->check_peers();
  run_ready(world.io);
  CHECK_FALSE(hook_called);
  client.close();
  world.server->check_peers();
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
  CHECK(hook_called);
}
