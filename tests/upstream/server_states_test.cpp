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

}  // namespace

TEST_CASE("a server that fails is told once, and once when it serves again, with the count") {
  Log log;
  upstream::ServerStates states(two_servers());
  for (int i = 0; i < 500; ++i) states.on_failure(1, "connection refused", kStart + i * 10ms);
  CHECK(log.take() == "warning upstream orders: server two.internal:8081 fails: connection refused\n");
  CHECK(states.is_failing(1));
  CHECK_FALSE(states.is_failing(0));
  states.on_answer(0, kStart + 5s);
  CHECK(log.take() == "");
  states.on_answer(1, kStart + 20s);
  CHECK(log.take() == "info upstream orders: server two.internal:8081 serves again, after 500 failures in 5 s\n");
  CHECK_FALSE(states.is_failing(1));
  states.on_answer(1, kStart + 21s);
  CHECK(log.take() == "");
}

TEST_CASE("a server that fails now and then is told once, not at each turn") {
  Log log;
  upstream::ServerStates states(two_servers());
  for (int i = 0; i < 100; ++i) {
    states.on_failure(0, "closed", kStart + i * 1s);
    states.on_answer(0, kStart + i * 1s + 500ms);
  }
  CHECK(log.take() == "warning upstream orders: server one.internal:8080 fails: closed\n");
  states.on_answer(0, kStart + 120s);
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
  for (int i = 0; i < 5; ++i) {
    MemoryExchange client(world.io, {});
    CHECK(world.forward(client)->reason() == "upstream_refused");
  }
  const std::string told = log.take();
  CHECK(told.starts_with("warning upstream demo: server 127.0.0.1:"));
  CHECK(told.find("fails: demo: 127.0.0.1:") != std::string::npos);
  CHECK(std::count(told.begin(), told.end(), '\n') == 1);
}
