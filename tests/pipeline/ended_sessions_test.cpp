// What is under way when its session ends: streams, tunnels and long answers are ended, and the log says why.
#include <doctest/doctest.h>

#include "tests/pipeline/pipeline_world.hpp"

using namespace gatehouse;
using namespace std::chrono_literals;
using tests::PipelineWorld;
using Peer = tests::ScriptedUpstream::Peer;

namespace {

struct World : PipelineWorld {
  World() : PipelineWorld("  - {path: /orders/**, upstream: demo}\n") {
    cache.on_session_ended([this](const std::string& token) { live.end_session(token); });
  }

  // Also after a failed REQUIRE: the exchange refers to its client.
  ~World() {
    if (is_over) return;
    client->leave();
    until([&] { return is_over; });
  }

  void start(const auth::Session& session) {
    client = make_client({.target = "/orders/export", .fields = {{"Cookie", cookie_of(session)}}});
    asio::co_spawn(io, pipeline.handle(client->exchange()), [this](const std::exception_ptr&) { is_over = true; });
  }
  void pass_time(std::chrono::milliseconds time) {
    tests::run_ready(io);
    clock.advance(time);
    deadlines.sweep(clock.steady());
    client->look();
    tests::run_ready(io);
  }
  bool until(std::function<bool()> holds) { return tests::run_until(io, std::move(holds)); }

  // Of the one line in the log, which ends with this.
  std::string reason() { return std::string(log_lines().at(0).at("reason").as_string()); }

  Client client;
  bool is_over = false;
};

// The beginning of an answer whose rest does not come.
Awaitable<> long_answer(Peer& peer) {
  co_await peer.take_head();
  co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789");
  co_await peer.ended();
}

}  // namespace

TEST_CASE_FIXTURE(World, "a stream that ends with its session is logged as that, not as a client that left") {
  upstream.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
  const auto session = sign_in();
  start(session);
  REQUIRE(until([&] { return live.size() == 1 && client->body() == "data: 1\n\n"; }));
  tests::run_coroutine(io, sessions.remove(session.token));
  REQUIRE(until([&] { return is_over; }));
  CHECK(reason() == "session_ended");
}

TEST_CASE_FIXTURE(World, "a stream whose client leaves is still logged as that") {
  upstream.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
  start(sign_in());
  REQUIRE(until([&] { return live.size() == 1; }));
  client->leave();
  REQUIRE(until([&] { return is_over; }));
  CHECK(reason() == "client_gone");
}

TEST_CASE_FIXTURE(World, "an answer with a length that takes longer than a second ends with its session") {
  upstream.run(long_answer);
  const auto session = sign_in();
  start(session);
  REQUIRE(until([&] { return client->body() == "0123456789"; }));
  CHECK(live.size() == 0);
  pass_time(1500ms);
  REQUIRE(until([&] { return live.size() == 1; }));
  CHECK_FALSE(is_over);
  tests::run_coroutine(io, sessions.remove(session.token));
  REQUIRE(until([&] { return is_over; }));
  CHECK(client->is_aborted());
  CHECK(live.size() == 0);
  CHECK(reason() == "session_ended");
}

TEST_CASE_FIXTURE(World, "an answer that outlives its session's end in its first second ends when it is long") {
  upstream.run(long_answer);
  const auto session = sign_in();
  start(session);
  REQUIRE(until([&] { return client->body() == "0123456789"; }));
  tests::run_coroutine(io, sessions.remove(session.token));
  tests::run_ready(io);
  CHECK_FALSE(is_over);
  pass_time(1500ms);
  REQUIRE(until([&] { return is_over; }));
  CHECK(client->is_aborted());
  CHECK(reason() == "session_ended");
}

TEST_CASE_FIXTURE(World, "a long answer to a client that reads slowly ends with its session as well") {
  upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
  const auto session = sign_in();
  start(session);
  client->stop_reading();
  REQUIRE(until([&] { return !client->body().empty(); }));
  pass_time(1500ms);
  REQUIRE(until([&] { return live.size() == 1; }));
  tests::run_coroutine(io, sessions.remove(session.token));
  REQUIRE(until([&] { return is_over; }));
  CHECK(client->is_aborted());
  CHECK(reason() == "session_ended");
}
