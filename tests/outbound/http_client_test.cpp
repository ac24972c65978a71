#include "outbound/http_client.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>

#include "base/failure.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/scripted_upstream.hpp"

using namespace gatehouse;
using namespace gatehouse::outbound;
using namespace std::chrono_literals;
using tests::run_coroutine;
using tests::ScriptedUpstream;

namespace {

constexpr Reach kAnywhere{.insecure_http = true, .private_network = true};

struct World {
  asio::io_context io;
  ScriptedUpstream server{io};
  CurlHttpClient client;

  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(server.port()) + path;
  }
  HttpRequest get(const std::string& path = "/") const { return {.url = url(path), .reach = kAnywhere}; }

  HttpResponse send(HttpRequest request) { return run_coroutine(io, client.send(std::move(request))); }
  // The reason of the failure; "" where there was an answer.
  std::string failure_of(HttpRequest request) {
    try {
      run_coroutine(io, client.send(std::move(request)));
      return "";
    } catch (const Failure& failure) {
      return failure.reason();
    }
  }
};

}  // namespace

TEST_CASE("an answer comes back with status, type and body") {
  World world;
  world.server.answer("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const auto response = world.send(world.get("/a?b=c"));
  CHECK(response.status == 404);
  CHECK(response.content_type == "application/json");
  CHECK(response.body == "{}");
  CHECK(world.server.peer(0).received().starts_with("GET /a?b=c HTTP/1.1\r\n"));
  CHECK(world.client.counts().answered == 1);
}

TEST_CASE("a form is posted with the header fields that were given") {
  World world;
  world.server.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  auto request = world.get("/token");
  request.method = "POST";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = "code=x&state=y";
  world.send(std::move(request));
  const std::string& seen = world.server.peer(0).received();
  CHECK(seen.starts_with("POST /token HTTP/1.1\r\n"));
  CHECK(seen.find("\r\nContent-Type: application/x-www-form-urlencoded\r\n") != std::string::npos);
  CHECK(seen.find("\r\nContent-Length: 14\r\n") != std::string::npos);
  CHECK(seen.ends_with("\r\n\r\ncode=x&state=y"));
}

TEST_CASE("a header field that would be more than one, or is too long, is not sent") {
  World world;
  for (const std::string& token :
       {std::string("a\r\nX-Other: b"), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3),
        std::string("a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n"), std::string(20'000, 'a')}) {
    CAPTURE(token);
    auto request = world.get();
    request.headers = {{"Authorization", "Bearer " + token}};
    CHECK(world.failure_of(std::move(request)) == "outbound_refused");
  }
  CHECK(world.server.connections() == 0);
  CHECK(world.client.counts().failed == 6);
}

TEST_CASE("redirects are answers and are not followed") {
  World world;
  world.server.answer("HTTP/1.1 302 Found\r\nLocation: " + world.url("/elsewhere") + "\r\nContent-Length: 0\r\n\r\n");
  const auto response = world.send(world.get());
  CHECK(response.status == 302);
  CHECK(response.is_redirect());
  CHECK(world.server.connections() == 1);
}

TEST_CASE("http is refused where it is not allowed, and every other scheme everywhere") {
  World world;
  auto request = world.get();
  request.reach.insecure_http = false;
  CHECK(world.failure_of(request) == "outbound_refused");
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "nonsense"}) {
    CAPTURE(url);
    request.reach = kAnywhere;
    request.url = url;
    CHECK(!world.failure_of(request).empty());
  }
  CHECK(world.server.connections() == 0);
}

TEST_CASE("an address that is not public is not connected to where it is not allowed, however it is written") {
  World world;
  const std::string port = std::to_string(world.server.port());
  for (const std::string host :
       {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    CAPTURE(host);
    HttpRequest request{.url = "http://" + host + ":" + port + "/", .reach = {.insecure_http = true}};
    CHECK(world.failure_of(std::move(request)) == "outbound_refused");
  }
  CHECK(world.server.connections() == 0);
}

TEST_CASE("a peer that never answers costs its deadline and no more") {
  World world;
  world.server.run([](ScriptedUpstream::Peer& peer) { return peer.ended(); });
  auto request = world.get();
  request.timeout = 100ms;
  CHECK(world.failure_of(std::move(request)) == "outbound_timeout");
  CHECK(world.client.counts().failed == 1);
}

TEST_CASE("an answer that is too long is broken off") {
  World world;
  world.server.answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'));
  auto request = world.get();
  request.answer_max = 99;
  CHECK(world.failure_of(std::move(request)) == "outbound_too_large");
}

TEST_CASE("a head that is too long is broken off") {
  World world;
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) head += "X-" + std::to_string(i) + ": " + std::string(1'000, 'x') + "\r\n";
  world.server.answer(head + "Content-Length: 0\r\n\r\n");
  CHECK(world.failure_of(world.get()) == "outbound_too_large");
}

TEST_CASE("nonsense and a peer that is away are failures") {
  World world;
  world.server.answer("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  CHECK(world.failure_of(world.get()) == "outbound_unreachable");
  HttpRequest request{.url = world.url(), .reach = kAnywhere, .timeout = 2s};
  world.server.stop_listening();
  CHECK(world.failure_of(std::move(request)) == "outbound_unreachable");
}

TEST_CASE("what is too much at once for one origin is turned away, and the rest ends with the client") {
  asio::io_context io;
  ScriptedUpstream server(io);
  server.run([](ScriptedUpstream::Peer& peer) { return peer.ended(); });
  CurlHttpClient client({.parallel_of_origin_max = 2, .waiting_of_origin_max = 3});
  std::vector<std::string> reasons;
  for (int i = 0; i < 20; ++i) {
    HttpRequest request{
        .url = "http://127.0.0.1:" + std::to_string(server.port()) + "/", .reach = kAnywhere, .timeout = 60s};
    asio::co_spawn(io.get_executor(), client.send(std::move(request)), [&](std::exception_ptr error, HttpResponse) {
      try {
        if (error) std::rethrow_exception(error);
        reasons.push_back("answered");
      } catch (const Failure& failure) {
        reasons.push_back(failure.reason());
      }
    });
  }
  io.restart();
  while (reasons.size() < 10) io.run_one();
  CHECK(std::ranges::count(reasons, "outbound_busy") == static_cast<std::ptrdiff_t>(reasons.size()));
  CHECK(client.counts().under_way <= 2);
  client.stop();
  while (reasons.size() < 20) io.run_one();
  CHECK(std::ranges::count(reasons, "shutting_down") >= 2);
  CHECK(std::ranges::count(reasons, "answered") == 0);
}

TEST_CASE("public addresses are told from all others") {
  for (const char* text : {"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808"}) {
    CAPTURE(text);
    CHECK(is_public(*parse_ip(text)));
  }
  for (const char* text : {"0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "127.0.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.168.0.1",
                           "198.18.0.1",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:10.0.0.1",
                           "fe80::1",
                           "fc00::1",
                           "fd12::1",
                           "ff02::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a00:1",
                           "2001::1"}) {
    CAPTURE(text);
    CHECK(!is_public(*parse_ip(text)));
  }
}
