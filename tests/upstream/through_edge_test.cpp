// forward() behind the real edge: the two coroutines of an exchange on one client connection.
#include <doctest/doctest.h>

#include "base/failure.hpp"
#include "tests/edge/edge_world.hpp"
#include "tests/support/scripted_upstream.hpp"
#include "upstream/forward.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;
using Peer = ScriptedUpstream::Peer;

namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.example\r\n\r\n";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct PassAll final : upstream::ForwardObserver {
  bool passes(const http::HeaderField&) override { return true; }
  std::string_view extra_lines(int) override { return ""; }
  void on_stream() override {}
};

struct Gate {
  Gate() {
    config::Upstream settings;
    settings.name = "demo";
    settings.servers = {{"127.0.0.1", peers.port()}};
    group = std::make_unique<upstream::UpstreamGroup>(edge.io, edge.deadlines, settings);
    current = this;
  }
  ~Gate() {
    edge.server.reset();  // runs what goes on to its end: while all the others are there
    current = nullptr;
  }

  static Awaitable<> handle(http::Exchange& exchange) {
    std::string head = std::string(exchange.head.method) + " / HTTP/1.1\r\nHost: upstream\r\n";
    const upstream::ForwardRequest request{.head = head,
                                           .to_head = exchange.head.method == "HEAD",
                                           .idempotent = exchange.head.method == "GET",
                                           .websocket_accept = kAccept,
                                           .timeout = {},
                                           .body_limit = 64 * 1024 * 1024};
    PassAll observer;
    int status = 0;
    try {
      const auto outcome =
          co_await upstream::forward(*current->group, exchange, request, observer, current->edge.clock);
      current->outcomes.push_back(outcome);
      if (outcome.kind == upstream::ForwardOutcome::Kind::body_broken) status = 400;
      if (outcome.kind == upstream::ForwardOutcome::Kind::body_too_large) status = 413;
    } catch (const Failure& failure) {
      status = failure.status();
    }
    if (status != 0) answer(exchange, "", status);
  }

  EdgeWorld edge{&Gate::handle};
  ScriptedUpstream peers{edge.io};
  std::unique_ptr<upstream::UpstreamGroup> group;
  std::vector<upstream::ForwardOutcome> outcomes;
  static inline Gate* current = nullptr;
};

// Answers with what it is sent, while it is sent.
Awaitable<> echo_chunks(Peer& peer) {
  co_await peer.take_head();
  co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (;;) {
    const std::string chunk = co_await peer.take_until("\r\n");
    const auto size = std::stoul(chunk, nullptr, 16);
    const std::string bytes = co_await peer.take(size + 2);
    const bool taken = co_await peer.send(chunk + bytes);
    if (size == 0 || !taken) co_return;
  }
}

}  // namespace

TEST_CASE("exchanges of one client share one upstream connection") {
  Gate gate;
  gate.peers.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  RawClient client(gate.edge);
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    CHECK(client.read_answer().ends_with("\r\n\r\nhello"));
  }
  client.send(std::string(kGet) + std::string(kGet));
  CHECK(client.read_answer().ends_with("\r\n\r\nhello"));
  CHECK(client.read_answer().ends_with("\r\n\r\nhello"));
  CHECK(gate.peers.connections() == 1);
}

TEST_CASE("a body and its answer stream past each other") {
  Gate gate;
  gate.peers.run(echo_chunks);
  RawClient client(gate.edge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string expected, received;
  for (int i = 0; i < 500; ++i) {
    const std::string piece(1 + static_cast<std::size_t>(i) * 7, static_cast<char>('a' + i % 26));
    expected += piece;
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    client.send(size + piece + "\r\n");
  }
  client.send("0\r\n\r\n");
  const std::string answer = client.read_until("\r\n0\r\n\r\n");
  auto at = answer.find("\r\n\r\n") + 4;
  while (at < answer.size()) {
    const auto size = std::stoul(answer.substr(at, 16), nullptr, 16);
    at = answer.find("\r\n", at) + 2;
    received += answer.substr(at, size);
    at += size + 2;
  }
  CHECK((received == expected));
  CHECK(gate.group->idle_count() == 1);
}

TEST_CASE("a client that resets while it uploads costs the upstream connection") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  RawClient client(gate.edge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
  REQUIRE(run_until(gate.edge.io, [&] { return gate.peers.connections() == 1; }));
  run_ready(gate.edge.io);
  client.reset();
  REQUIRE(run_until(gate.edge.io,
                    [&] { return gate.peers.peer(0).is_ended() && gate.edge.server->connection_count() == 0; }));
  CHECK(gate.group->idle_count() == 0);
}

TEST_CASE("a client that resets while it downloads costs the upstream connection") {
  Gate gate;
  static bool upstream_saw_the_end;
  upstream_saw_the_end = false;
  gate.peers.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    for (bool taken = true; taken;) taken = co_await peer.send(std::string(64 * 1024, 'x'));
    upstream_saw_the_end = true;
  });
  RawClient client(gate.edge, 64 * 1024);
  client.send(kGet);
  run_ready(gate.edge.io);
  client.reset();
  REQUIRE(run_until(gate.edge.io, [&] { return upstream_saw_the_end; }));
  REQUIRE(run_until(gate.edge.io, [&] { return gate.edge.server->connection_count() == 0; }));
  REQUIRE(gate.outcomes.size() == 1);
  CHECK(std::string(gate.outcomes[0].reason) == "client_gone");
}

TEST_CASE("a client that leaves while the upstream thinks is found") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  RawClient client(gate.edge);
  client.send(kGet);
  REQUIRE(run_until(gate.edge.io, [&] { return gate.peers.connections() == 1; }));
  gate.edge.pass_time(seconds(2));
  client.close();
  gate.edge.server->check_peers();
  REQUIRE(run_until(gate.edge.io,
                    [&] { return gate.peers.peer(0).is_ended() && gate.edge.server->connection_count() == 0; }));
}

TEST_CASE("an upstream that dies in the middle of its answer resets the client") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    peer.close();
  });
  RawClient client(gate.edge);
  client.send(kGet);
  const std::string text = client.read_all();
  CHECK(client.is_reset());
  CHECK(text.find("\r\n0\r\n") == std::string::npos);
}

TEST_CASE("an early answer reaches a client that is still sending") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    co_await peer.ended();
  });
  RawClient client(gate.edge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  client.send(std::string(500'000, 'x'));
  CHECK(client.read_answer().ends_with("\r\n\r\nno"));
  client.send(std::string(500'000, 'x'));
  client.end_sending();
  CHECK(client.read_all() == "");
  CHECK_FALSE(client.is_reset());
}

TEST_CASE("a body that stalls is answered by the caller, the upstream sees no whole request") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  RawClient client(gate.edge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
  REQUIRE(run_until(gate.edge.io, [&] { return gate.peers.connections() == 1; }));
  gate.edge.pass_time(seconds(31));
  CHECK(client.read_answer().starts_with("HTTP/1.1 400 "));
  REQUIRE(run_until(gate.edge.io, [&] { return gate.peers.peer(0).is_ended(); }));
}

TEST_CASE("a chunk that announces more than the limit leaves is refused before it comes") {
  Gate gate;
  gate.peers.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  const std::string head = "POST /a HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient first(gate.edge);
  first.send(head + "4000001\r\n");
  CHECK(first.read_answer().starts_with("HTTP/1.1 413 "));
  RawClient second(gate.edge);
  second.send(head + "4000001\r\nx");
  CHECK(second.read_answer().starts_with("HTTP/1.1 413 "));
  CHECK(gate.peers.connections() == 0);
  RawClient third(gate.edge);
  third.send(head + "5\r\nhello\r\n3FFFFFC\r\n");
  CHECK(third.read_answer().starts_with("HTTP/1.1 413 "));
  CHECK(gate.peers.connections() == 0);
}

TEST_CASE("a chunk that announces too much in the middle of a body costs the upstream connection") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  RawClient client(gate.edge);
  client.send("POST /a HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  REQUIRE(run_until(gate.edge.io, [&] {
    return gate.peers.connections() == 1 && gate.peers.peer(0).received().ends_with("hello\r\n");
  }));
  client.send("3FFFFFC\r\n");
  CHECK(client.read_answer().starts_with("HTTP/1.1 413 "));
  CHECK(gate.peers.peer(0).received().find("0\r\n\r\n") == std::string::npos);
  REQUIRE(run_until(gate.edge.io, [&] { return gate.peers.peer(0).is_ended(); }));
}

TEST_CASE("a tunnel goes through, with early bytes and a half close") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    co_await peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        std::string(kAccept) + "\r\n\r\nwelcome");
    co_await peer.ended();
    co_await peer.send("goodbye");
    peer.close();
  });
  RawClient client(gate.edge);
  client.send("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly");
  CHECK(client.read_until("welcome").starts_with("HTTP/1.1 101 "));
  client.send(",late");
  client.end_sending();
  CHECK(client.read_all() == "goodbye");
  CHECK(gate.peers.peer(0).received().ends_with("\r\n\r\nearly,late"));
}

TEST_CASE("tunnels and streams end when the server ends everything") {
  Gate gate;
  gate.peers.run([](Peer& peer) -> Awaitable<> {
    co_await peer.take_head();
    if (peer.index() == 0) {
      co_await peer.send(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: " +
          std::string(kAccept) + "\r\n\r\nwelcome");
    } else {
      co_await peer.send("HTTP/1.1 200 OK\r\n\r\nwelcome");
    }
    co_await peer.ended();
  });
  RawClient tunnel(gate.edge);
  tunnel.send("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  tunnel.read_until("welcome");
  RawClient stream(gate.edge);
  stream.send(kGet);
  stream.read_until("welcome");
  gate.edge.server->end_all();
  REQUIRE(run_until(gate.edge.io, [&] { return gate.edge.server->connection_count() == 0; }));
  REQUIRE(run_until(gate.edge.io, [&] { return gate.peers.peer(0).is_ended() && gate.peers.peer(1).is_ended(); }));
}
