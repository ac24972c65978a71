// What the process log says of servers that fail.
#include "upstream/server_states.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "base/log.hpp"
#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

// The process log, as the test's own text.
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(logger);
  }
  ~Log() { spdlog::set_default_logger(before_); }
  // What came since the last call.
  std::string take() {
    std::string text = text_.str();
    text_.str("");
    return text;
  }

 private:
  std::ostringstream text_;
  const std::shared_ptr<spdlog::logger> before_;
};

config::Upstream two_servers() {
  config::Upstream settings;
  settings.name = "orders";
  settings.servers = {{"one.internal", 8080}, {"two.internal", 8081}};
  return settings;
}

const SteadyTime kStart{1h};
using Fault = upstream::ServerStates::Fault;

}  // namespace

TEST_CASE("a server that fails is told once, when it is left out, and when it serves again, with the count") {
  Log log;
  upstream::ServerStates states(two_servers());
  for (int i = 0; i < 500; ++i) states.on_failure(1, Fault::connection, "connection refused", kStart + i * 10ms);
  CHECK(log.take() ==
        "warning upstream orders: server two.internal:8081 fails: connection refused\n"
        "warning upstream orders: server two.internal:8081 is left out for 10 s: connection refused\n");
  CHECK(states.is_failing(1));
  CHECK_FALSE(states.is_failing(0));
  CHECK(states.share(1, kStart + 5s) == 0);
  CHECK(states.share(0, kStart + 5s) == upstream::kFullShare);
  states.on_answer(0, false, kStart + 5s);
  CHECK(log.take() == "");
  states.on_answer(1, false, kStart + 21s);
  CHECK(log.take() == "info upstream orders: server two.internal:8081 serves again, after 500 failures in 5 s\n");
  CHECK_FALSE(states.is_failing(1));
  states.on_answer(1, false, kStart + 22s);
  CHECK(log.take() == "");
}

TEST_CASE("at most half of the servers are left out for answers, all of them when they cannot be reached") {
  Log log;
  upstream::ServerStates states(two_servers());
  for (std::size_t i = 0; i < 20; ++i) states.on_failure(i % 2, Fault::answer, "no answer in time", kStart);
  CHECK((states.share(0, kStart) == 0) != (states.share(1, kStart) == 0));
  CHECK(log.take().find("no server is left") == std::string::npos);
  for (std::size_t i = 0; i < 20; ++i) states.on_failure(i % 2, Fault::connection, "connection refused", kStart);
  CHECK(states.share(0, kStart) == 0);
  CHECK(states.share(1, kStart) == 0);
  CHECK(log.take().ends_with("error upstream orders: no server is left: requests are answered with 503\n"));
}

TEST_CASE("while all are left out one request a second is a probe, for the one that is back first") {
  upstream::ServerStates states(two_servers());
  for (int i = 0; i < 5; ++i) states.on_failure(1, Fault::connection, "connection refused", kStart);
  for (int i = 0; i < 5; ++i) states.on_failure(0, Fault::connection, "connection refused", kStart + 1s);
  CHECK(states.claim_probe(kStart + 2s) == 1);
  CHECK_FALSE(states.claim_probe(kStart + 2500ms));
  CHECK(states.claim_probe(kStart + 3s) == 1);
  states.on_answer(1, true, kStart + 3s);
  CHECK(states.share(1, kStart + 3s) > 0);
}

TEST_CASE("a check is claimed by one at a time, and what it says is told once") {
  Log log;
  config::Upstream settings = two_servers();
  upstream::ServerStates unchecked(settings);
  CHECK_FALSE(unchecked.claim_check(0, kStart));
  settings.health = config::HealthCheck{"/healthz", 5s, 2s};
  upstream::ServerStates states(settings);
  CHECK(states.claim_check(0, kStart));
  CHECK_FALSE(states.claim_check(0, kStart + 4s));
  CHECK(states.claim_check(1, kStart + 4s));
  CHECK(states.claim_check(0, kStart + 5s));
  for (int i = 0; i < 9; ++i) states.on_check(0, false, "status 500", kStart + 5s);
  CHECK(log.take() ==
        "warning upstream orders: server one.internal:8080 is left out: its health check fails: status 500\n");
  states.on_check(1, false, "status 503", kStart + 5s);
  CHECK(log.take() ==
        "warning upstream orders: server two.internal:8081 is left out: its health check fails: status 503\n"
        "error upstream orders: no server is left: requests are answered with 503\n");
  CHECK_FALSE(states.claim_probe(kStart + 6s));
  states.on_check(0, true, "", kStart + 7s);
  CHECK(log.take() == "info upstream orders: server one.internal:8080 passes its health check: it returns\n");
  CHECK(states.share(0, kStart + 7s) > 0);
}

TEST_CASE("requests are counted where that matters, and never more than requests_max") {
  config::Upstream settings = two_servers();
  upstream::ServerStates uncounted(settings);
  const auto free = uncounted.count_request(0);
  CHECK(free.has_value());
  CHECK(uncounted.requests(0) == 0);

  settings.requests_max = 2;
  upstream::ServerStates states(settings);
  auto first = states.count_request(0);
  auto second = states.count_request(0);
  CHECK(states.requests(0) == 2);
  CHECK_FALSE(states.count_request(0).has_value());
  CHECK(states.requests(0) == 2);
  CHECK(states.count_request(1).has_value());
  CHECK(states.requests(1) == 0);
  upstream::RequestCount moved = std::move(*second);
  second.reset();
  CHECK(states.requests(0) == 2);
  moved.end();
  moved.end();
  first.reset();
  CHECK(states.requests(0) == 0);
}

TEST_CASE("states fit an upstream whose servers and checks are the same") {
  config::Upstream settings = two_servers();
  const upstream::ServerStates states(settings);
  settings.key = Secret("another key");
  CHECK(states.fit(settings));
  settings.balance = config::Balance::least_requests;
  CHECK_FALSE(states.fit(settings));
  settings = two_servers();
  settings.servers[1].port = 9090;
  CHECK_FALSE(states.fit(settings));
  settings = two_servers();
  settings.health = config::HealthCheck{"/healthz", 5s, 2s};
  CHECK_FALSE(states.fit(settings));
}

TEST_CASE("numbers tell what became of each server") {
  upstream::ServerStates states(two_servers());
  for (int i = 0; i < 7; ++i) states.on_failure(1, Fault::connection, "connection refused", kStart);
  const auto numbers = states.numbers(kStart);
  REQUIRE(numbers.size() == 2);
  CHECK(numbers[0].server == "one.internal:8080");
  CHECK(numbers[0].serves);
  CHECK(numbers[0].failures == 0);
  CHECK_FALSE(numbers[1].serves);
  CHECK(numbers[1].failures == 7);
  CHECK(numbers[1].times_left_out == 1);
}

TEST_CASE("a name that is not resolved is told once, and once when it is") {
  Log log;
  upstream::ServerStates states(two_servers());
  states.on_lookup(0, true);
  CHECK(log.take() == "");
  for (int i = 0; i < 3; ++i) states.on_lookup(0, false);
  CHECK(log.take() ==
        "warning upstream orders: the name of one.internal:8080 is not resolved: what it was last resolved to stays in "
        "use\n");
  for (int i = 0; i < 3; ++i) states.on_lookup(0, true);
  CHECK(log.take() == "info upstream orders: the name of one.internal:8080 is resolved again\n");
}

TEST_CASE("a server that fails now and then is told once, not at each turn") {
  Log log;
  upstream::ServerStates states(two_servers());
  for (int i = 0; i < 100; ++i) {
    states.on_failure(0, Fault::answer, "closed", kStart + i * 1s);
    states.on_answer(0, false, kStart + i * 1s + 500ms);
  }
  CHECK(log.take() == "warning upstream orders: server one.internal:8080 fails: closed\n");
  states.on_answer(0, false, kStart + 120s);
  CHECK(log.take() == "info upstream orders: server one.internal:8080 serves again, after 100 failures in 99 s\n");
}

TEST_CASE("a cookie of the gateway's own is told once") {
  Log log;
  upstream::ServerStates states(two_servers());
  states.on_own_cookie();
  states.on_own_cookie();
  CHECK(log.take() ==
        "warning upstream orders tries to set a cookie of the gateway's own: such cookies are dropped from its "
        "answers\n");
}

TEST_CASE("whatever way a server fails a request, it counts; an answer of any status does not") {
  const auto tell = [](std::string sent, bool closes) {
    Log log;
    ForwardWorld world;
    world.upstream.run([sent = std::move(sent), closes](Peer& peer) -> Awaitable<> {
      co_await peer.take_head();
      co_await peer.send(sent);
      if (closes) peer.close();
    });
    MemoryExchange client(world.io, {});
    world.forward(client);
    std::string told = log.take();
    const auto from = told.find("fails: ");
    return from == std::string::npos ? told : told.substr(from);
  };
  CHECK(tell("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", false) == "");
  CHECK(tell("", true) == "fails: demo: the connection ended without an answer\n");
  CHECK(tell("nonsense\r\n\r\n", true) == "fails: demo: the answer is malformed\n");
  CHECK(tell("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", true) == "fails: upstream_aborted\n");
  Log log;
  ForwardWorld world;
  world.upstream.stop_listening();
  for (int i = 0; i < 4; ++i) {
    MemoryExchange client(world.io, {});
    CHECK(world.forward(client)->reason() == "upstream_refused");
  }
  const std::string told = log.take();
  CHECK(told.starts_with("warning upstream demo: server 127.0.0.1:"));
  CHECK(told.find("fails: demo: 127.0.0.1:") != std::string::npos);
  CHECK(std::count(told.begin(), told.end(), '\n') == 1);
}
