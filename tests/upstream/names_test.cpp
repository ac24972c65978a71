// Servers that are written as names: when the names are resolved anew, and what happens when they are not.
#include <doctest/doctest.h>

#include "base/check.hpp"
#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

// What the test's resolver answers, and how often it was asked.
struct Names {
  upstream::Endpoints endpoints;
  int asked = 0;
};

Awaitable<upstream::Endpoints> answer_from(Names* names, std::string host, std::string) {
  GATEHOUSE_CHECK(host == "orders.internal");
  ++names->asked;
  co_return names->endpoints;
}

struct NamedWorld : ForwardWorld {
  NamedWorld() {
    upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    second.answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
    settings.servers = {{"orders.internal", 8080}};
    resolve = [this](std::string host, std::string port) {
      return answer_from(&names, std::move(host), std::move(port));
    };
    lead_to(upstream.port());
  }

  void lead_to(std::uint16_t port) { names.endpoints = {{asio::ip::address_v4::loopback(), port}}; }

  std::string ask() {
    MemoryExchange client(io, {});
    const auto forwarded = forward(client);
    return forwarded->failure ? forwarded->reason() : client.body();
  }
  // The time passes, and what the sweep does each second is done.
  void pass(std::chrono::milliseconds time) {
    pass_time(time);
    group().check_idle();
    run_ready(io);
    group().check_idle();
  }

  Names names;
  ScriptedUpstream second{io};
};

asio::ip::tcp::endpoint loopback(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

}  // namespace

TEST_CASE("a name is resolved when it is first used, then every ten seconds, whether or not connections are new") {
  NamedWorld world;
  world.pass(60s);
  CHECK(world.names.asked == 0);
  CHECK(world.ask() == "one");
  CHECK(world.ask() == "one");
  CHECK(world.names.asked == 1);
  world.pass(9s);
  CHECK(world.names.asked == 1);
  world.pass(2s);
  CHECK(world.names.asked == 2);
  CHECK(world.ask() == "one");
  CHECK(world.upstream.connections() == 1);
}

TEST_CASE("a name that leads elsewhere takes its requests there, those on idle connections, too") {
  NamedWorld world;
  CHECK(world.ask() == "one");
  world.lead_to(world.second.port());
  world.pass(11s);
  CHECK(world.group().idle_count() == 0);
  CHECK(world.ask() == "two");
}

TEST_CASE("the last good address stays in use while the resolver has none") {
  NamedWorld world;
  CHECK(world.ask() == "one");
  world.names.endpoints.clear();
  for (int i = 0; i < 5; ++i) world.pass(61s);
  CHECK(world.group().idle_count() == 0);
  CHECK(world.ask() == "one");
  CHECK(world.names.asked > 1);
  world.lead_to(world.second.port());
  world.pass(11s);
  CHECK(world.ask() == "two");
}

TEST_CASE("a name that has no address is a 502, until it has one") {
  NamedWorld world;
  world.names.endpoints.clear();
  CHECK(world.ask() == "upstream_unknown_host");
  world.lead_to(world.upstream.port());
  CHECK(world.ask() == "one");
}

TEST_CASE("of a name's addresses, one that refuses costs no request") {
  NamedWorld world;
  world.names.endpoints = {loopback(world.upstream.port()), loopback(world.second.port())};
  world.upstream.stop_listening();
  CHECK(world.ask() == "two");
  CHECK(world.group().states().numbers(world.deadlines.now())[0].failures == 0);
}

TEST_CASE("of a name's addresses, one that does not answer is waited for once, then the one that does is asked first") {
  NamedWorld world;
  const SilentAddress silent(world.io);
  world.names.endpoints = {silent.endpoint(), loopback(world.second.port())};
  MemoryExchange first(world.io, {});
  const auto forwarded = world.start(first);
  run_ready(world.io);
  CHECK_FALSE(forwarded->is_over);
  world.pass_time(1100ms);
  world.finish(*forwarded);
  CHECK(first.body() == "two");
  for (int i = 0; i < 3; ++i) {
    world.pass(61s);
    CHECK(world.group().idle_count() == 0);
    CHECK(world.ask() == "two");
  }
}

TEST_CASE("the addresses of a name that do not answer are a 504 in the time of one, however many there are") {
  NamedWorld world;
  const SilentAddress one(world.io), two(world.io), three(world.io);
  world.names.endpoints = {one.endpoint(), two.endpoint(), three.endpoint()};
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  for (const auto time : {900ms, 200ms, 500ms, 300ms, 200ms}) {
    CHECK_FALSE(forwarded->is_over);
    world.pass_time(time);
  }
  world.finish(*forwarded);
  CHECK(forwarded->reason() == "upstream_connect_timeout");
}
