// Connections of proxies that say for whom they speak: who is believed, what is counted, and that TLS begins behind the
// header.
#include <doctest/doctest.h>

#include "tests/edge/tls_client.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_certificate.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using edge::ProxyProtocol;
using std::chrono::seconds;

namespace {

constexpr std::string_view kHeader = "PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n";
constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.example\r\n\r\n";
const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kLocal = kSignature + std::string("\x20\0\0\0", 4);

// "203.0.113.7 56324 known"
Awaitable<> tell_peer(http::Exchange& exchange) {
  const bool is_socket = exchange.peer.to_string() == "127.0.0.1";
  answer(exchange, exchange.peer.to_string() + " " + (is_socket ? "port" : std::to_string(exchange.peer_port)) +
                       (exchange.peer_is_known ? " known" : " unknown"));
  co_return;
}

config::Limits two_of_each_address() {
  config::Limits limits;
  limits.per_address = 2;
  return limits;
}

struct ProxiedWorld {
  explicit ProxiedWorld(std::string_view trusted = "127.0.0.0/8", config::Limits limits = {})
      : proxies({*parse_cidr(trusted)}, clock), world(&tell_peer, nullptr, limits, &proxies) {}

  std::string ask(std::string_view header) {
    RawClient client(world);
    client.send(std::string(header) + std::string(kGet));
    const std::string text = client.read_answer();
    return text.substr(std::min(text.size(), text.find("\r\n\r\n") + 4));
  }
  std::uint64_t refused() const {
    return proxies.refused(ProxyProtocol::Refusal::stranger) + proxies.refused(ProxyProtocol::Refusal::malformed) +
           proxies.refused(ProxyProtocol::Refusal::late);
  }

  ManualClock clock;
  ProxyProtocol proxies;
  EdgeWorld world;
};

}  // namespace

TEST_CASE("a trusted proxy says who the client is") {
  ProxiedWorld proxied;
  CHECK(proxied.ask(kHeader) == "203.0.113.7 56324 known");
  CHECK(proxied.ask("PROXY TCP6 2001:db8::7 2001:db8::1 1 443\r\n") == "2001:db8::7 1 known");
  CHECK(proxied.ask(kSignature + std::string("\x21\x11\0\x0f\xcb\0\x71\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb\x04\0\0",
                                             19)) == "203.0.113.7 56324 known");
  CHECK(proxied.refused() == 0);
}

TEST_CASE("a proxy that speaks for itself or for nobody in particular is the peer") {
  ProxiedWorld proxied;
  CHECK(proxied.ask(kLocal) == "127.0.0.1 port known");
  CHECK(proxied.ask("PROXY UNKNOWN\r\n") == "127.0.0.1 port unknown");
}

TEST_CASE("the header counts once: a second one is a bad request, and so is any where none is expected") {
  ProxiedWorld proxied;
  RawClient client(proxied.world);
  client.send(std::string(kHeader) + std::string(kHeader) + std::string(kGet));
  CHECK(client.read_all().starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EdgeWorld plain;
  for (const std::string& header : {std::string(kHeader), kLocal}) {
    RawClient other(plain);
    other.send(header + std::string(kGet));
    CHECK(other.read_all().starts_with("HTTP/1.1 400 Bad Request\r\n"));
  }
  CHECK(plain.handler.exchanges == 0);
  CHECK(proxied.world.handler.exchanges == 0);
}

TEST_CASE("a stranger's connection is closed unread and counted") {
  ProxiedWorld proxied("192.0.2.0/24");
  RawClient client(proxied.world);
  CHECK(client.read_all() == "");
  CHECK(proxied.proxies.refused(ProxyProtocol::Refusal::stranger) == 1);
  CHECK(proxied.world.handler.exchanges == 0);
}

TEST_CASE("a connection without a header is closed without a word and counted") {
  ProxiedWorld proxied;
  RawClient http(proxied.world), hello(proxied.world), cut(proxied.world), silent(proxied.world);
  http.send(kGet);
  CHECK(http.read_all() == "");
  hello.send("\x16\x03\x01");
  CHECK(hello.read_all() == "");
  cut.send(kHeader.substr(0, 30));
  cut.end_sending();
  CHECK(cut.read_all() == "");
  CHECK(proxied.proxies.refused(ProxyProtocol::Refusal::malformed) == 3);
  silent.end_sending();  // only wanted to know whether somebody listens
  CHECK(silent.read_all() == "");
  CHECK(proxied.refused() == 3);
  CHECK(proxied.world.connection_limits.open() == 0);
}

TEST_CASE("a header that does not come in time ends the connection, whatever drips in") {
  ProxiedWorld proxied;
  RawClient client(proxied.world);
  for (const char byte : kHeader.substr(0, 9)) {
    client.send({&byte, 1});
    proxied.world.pass_time(seconds(1));
    CHECK(client.is_quiet());
  }
  proxied.world.pass_time(seconds(2));
  CHECK(client.read_all() == "");
  CHECK(proxied.proxies.refused(ProxyProtocol::Refusal::late) == 1);
}

TEST_CASE("TLS begins with the first byte behind the header, also when both come together") {
  TemporaryFolder folder;
  const auto files = write_certificate(folder.path(), "app", {"app.example"});
  const edge::TlsContext tls{{{files.cert, files.key}}};
  ManualClock clock;
  ProxyProtocol proxies({*parse_cidr("127.0.0.1")}, clock);
  EdgeWorld world(&tell_peer, &tls, {}, &proxies);
  const std::string extended = kSignature +
                               std::string("\x21\x11\x01\x0c\xcb\0\x71\x07\xc6\x33\x64\x01\0\x09\x01\xbb", 16) +
                               std::string(256, 'x');
  for (const std::string& header : {std::string(kHeader), extended}) {
    TlsClient client(world);
    REQUIRE(::send(client.raw().descriptor(), header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()));
    REQUIRE(client.handshake());
    client.send(kGet);
    CHECK(client.read_until("known").find("\r\n\r\n203.0.113.7 ") != std::string::npos);
  }
  TlsClient without(world);
  CHECK_FALSE(without.handshake());
  CHECK(proxies.refused(ProxyProtocol::Refusal::malformed) == 1);
}

TEST_CASE("the limit of one address is that of the client, not of its proxy") {
  ProxiedWorld proxied("127.0.0.0/8", two_of_each_address());
  RawClient first(proxied.world), second(proxied.world), third(proxied.world), other(proxied.world);
  for (auto* client : {&first, &second}) {
    client->send(std::string(kHeader) + std::string(kGet));
    CHECK(client->read_answer().ends_with("203.0.113.7 56324 known"));
  }
  third.send(std::string(kHeader) + std::string(kGet));
  CHECK(third.read_all() == "");
  CHECK(proxied.world.connection_limits.refused() == 1);
  other.send("PROXY TCP4 203.0.113.8 198.51.100.1 1 443\r\n" + std::string(kGet));
  CHECK(other.read_answer().ends_with("203.0.113.8 1 known"));
  CHECK(proxied.world.connection_limits.open() == 3);
  first.close();
  REQUIRE(run_until(proxied.world.io, [&] { return proxied.world.connection_limits.open() == 2; }));
  CHECK(proxied.ask(kHeader) == "203.0.113.7 56324 known");
}

TEST_CASE("a drain ends a connection whose header has not come") {
  ProxiedWorld proxied;
  RawClient client(proxied.world);
  client.send(kHeader.substr(0, 9));
  REQUIRE(run_until(proxied.world.io, [&] { return proxied.world.server->connection_count() == 1; }));
  run_ready(proxied.world.io);
  proxied.world.server->drain();
  proxied.world.pass_time(std::chrono::seconds(1));
  CHECK(client.read_all() == "");
  CHECK(proxied.refused() == 0);
}
