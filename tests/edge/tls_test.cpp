#include <doctest/doctest.h>

#include <fstream>

#include "tests/edge/tls_client.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_certificate.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;
using std::chrono::seconds;

namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.example\r\n\r\n";

config::TlsCertificate pair(const CertificateFiles& files) {
  return {files.cert, files.key};
}

struct OneCertificate {
  TemporaryFolder folder;
  edge::TlsContext tls{{pair(write_certificate(folder.path(), "app", {"app.example"}))}};
};

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::trunc) << text;
}

std::string copy_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Awaitable<> tell_connection(http::Exchange& exchange) {
  answer(exchange, std::string(exchange.head.scheme) + " " + std::string(exchange.server_name));
  co_return;
}

// 4 MiB whose bytes tell their place.
std::string long_text() {
  std::string text;
  text.reserve(4 * 1024 * 1024);
  for (std::uint32_t i = 0; i < 1024 * 1024; ++i) text.append(reinterpret_cast<const char*>(&i), sizeof i);
  return text;
}

Awaitable<> give_long_text(http::Exchange& exchange) {
  const std::string text = long_text();
  http::ResponseHead head;
  head.size = text.size();
  exchange.sink.start(head);
  // Pieces of many sizes: some are held back, some go straight to the socket.
  std::size_t at = 0;
  for (std::size_t size = 1; at < text.size(); size = size * 7 % 65'521) {
    const auto piece = std::string_view(text).substr(at, size);
    exchange.sink.write(piece);
    at += piece.size();
    if (!exchange.sink.credit()) co_await exchange.sink.drained();
  }
  exchange.sink.finish();
}

}  // namespace

TEST_CASE("requests are served over TLS 1.2 and 1.3") {
  OneCertificate one;
  EdgeWorld world(&tell_connection, &one.tls);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(world, {.server_name = "App.Example", .min_version = version, .max_version = version});
    REQUIRE(client.handshake());
    for (int i = 0; i < 3; ++i) {
      client.send(kGet);
      CHECK(client.read_until("example").ends_with("\r\n\r\nhttps app.example"));
    }
  }
}

TEST_CASE("old protocols, static RSA and other applications are refused") {
  OneCertificate one;
  EdgeWorld world(&echo, &one.tls);
  CHECK_FALSE(TlsClient(world, {.min_version = TLS1_VERSION, .max_version = TLS1_1_VERSION}).handshake());
  CHECK_FALSE(TlsClient(world, {.max_version = TLS1_2_VERSION, .ciphers = "AES128-SHA"}).handshake());
  CHECK_FALSE(TlsClient(world, {.max_version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA"}).handshake());
  CHECK_FALSE(TlsClient(world, {.max_version = TLS1_2_VERSION, .ciphers = "aNULL"}).handshake());
  CHECK_FALSE(TlsClient(world, {.protocols = "\x02h2"}).handshake());
  TlsClient both(world, {.protocols = "\x02h2\x08http/1.1"});
  REQUIRE(both.handshake());
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(both.ssl(), &protocol, &size);
  CHECK(std::string(reinterpret_cast<const char*>(protocol), size) == "http/1.1");
  RawClient plain(world);
  plain.send(kGet);
  CHECK(plain.read_all().find("HTTP/1.1 200") == std::string::npos);
  CHECK(world.handler.exchanges == 0);
}

TEST_CASE("a client cannot renegotiate") {
  OneCertificate one;
  EdgeWorld world(&echo, &one.tls);
  TlsClient client(world, {.max_version = TLS1_2_VERSION});
  REQUIRE(client.handshake());
  client.send(kGet);
  CHECK(client.read_until("GET /a ").starts_with("HTTP/1.1 200 "));
  SSL_renegotiate(client.ssl());
  CHECK_FALSE(client.handshake());
}

TEST_CASE("the certificate is chosen by the server name") {
  TemporaryFolder folder;
  const edge::TlsContext tls(
      {pair(write_certificate(folder.path(), "first", {"first.example"})),
       pair(write_certificate(folder.path(), "wild", {"*.wild.example"})),
       pair(write_certificate(folder.path(), "exact", {"exact.wild.example", "Other.Example"}))});
  EdgeWorld world(&echo, &tls);
  const std::pair<std::string, std::string> table[] = {{"first.example", "first.example"},
                                                       {"a.wild.example", "*.wild.example"},
                                                       {"exact.wild.example", "exact.wild.example"},
                                                       {"EXACT.Wild.example", "exact.wild.example"},
                                                       {"other.example", "exact.wild.example"},
                                                       {"a.b.wild.example", "first.example"},
                                                       {"wild.example", "first.example"},
                                                       {"unknown.example", "first.example"},
                                                       {"", "first.example"}};
  for (const auto& [name, shown] : table) {
    CAPTURE(name);
    TlsClient client(world, {.server_name = name});
    REQUIRE(client.handshake());
    CHECK(client.common_name() == shown);
  }
  CHECK(tls.serves_same("", "exact.wild.example"));
  CHECK(tls.serves_same("exact.wild.example", "other.example"));
  CHECK(tls.serves_same("a.wild.example", "b.wild.example"));
  CHECK(tls.serves_same("unknown.example", "first.example"));
  CHECK_FALSE(tls.serves_same("a.wild.example", "exact.wild.example"));
  CHECK_FALSE(tls.serves_same("first.example", "other.example"));
}

TEST_CASE("a session is resumed, also after a reload") {
  OneCertificate one;
  EdgeWorld world(&echo, &one.tls);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    TlsClient first(world, {.min_version = version, .max_version = version});
    REQUIRE(first.handshake());
    CHECK_FALSE(SSL_session_reused(first.ssl()));
    first.send(kGet);
    first.read_until("GET /a ");
    SSL_SESSION* session = SSL_get1_session(first.ssl());
    for (const bool reloaded : {false, true}) {
      CAPTURE(reloaded);
      if (reloaded) {
        write_certificate(one.folder.path(), "app", {"app.example"});
        REQUIRE(one.tls.reload_if_changed());
      }
      TlsClient second(world, {.min_version = version, .max_version = version, .session = session});
      REQUIRE(second.handshake());
      CHECK(SSL_session_reused(second.ssl()));
      second.send(kGet);
      CHECK(second.read_until("GET /a ").starts_with("HTTP/1.1 200 "));
    }
    SSL_SESSION_free(session);
  }
}

TEST_CASE("ticket keys live for an hour, and for another one as the previous ones") {
  OneCertificate one;
  EdgeWorld world(&echo, &one.tls);
  const SteadyTime start{std::chrono::hours(1000)};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const SteadyTime begin = start + std::chrono::hours(10) * version;
    one.tls.rotate_ticket_keys(begin);
    TlsClient first(world, {.min_version = version, .max_version = version});
    REQUIRE(first.handshake());
    first.send(kGet);
    first.read_until("GET /a ");
    SSL_SESSION* session = SSL_get1_session(first.ssl());
    const auto resumes = [&](std::chrono::minutes after) {
      one.tls.rotate_ticket_keys(begin + after);
      TlsClient second(world, {.min_version = version, .max_version = version, .session = session});
      REQUIRE(second.handshake());
      return SSL_session_reused(second.ssl()) == 1;
    };
    using std::chrono::minutes;
    CHECK(resumes(minutes(59)));
    CHECK(resumes(minutes(61)));
    CHECK(resumes(minutes(119)));
    CHECK_FALSE(resumes(minutes(122)));
    SSL_SESSION_free(session);
  }
}

TEST_CASE("replaced files are used for new handshakes, a broken pair leaves the old one") {
  TemporaryFolder folder;
  const auto files = write_certificate(folder.path(), "app", {"old.example"});
  edge::TlsContext tls({pair(files)});
  EdgeWorld world(&echo, &tls);
  const auto shown = [&] {
    TlsClient client(world);
    REQUIRE(client.handshake());
    return client.common_name();
  };
  CHECK_FALSE(tls.reload_if_changed());
  TlsClient before(world);
  REQUIRE(before.handshake());

  const std::string old_key = copy_of(files.key);
  write_certificate(folder.path(), "app", {"new.example"}, std::chrono::hours(48));
  const std::string new_key = copy_of(files.key);
  write_file(files.key, old_key);
  CHECK_THROWS_AS(tls.reload_if_changed(), std::runtime_error);
  CHECK(shown() == "old.example");
  CHECK_FALSE(tls.reload_if_changed());  // told once

  write_file(files.key, "");
  CHECK_THROWS_AS(tls.reload_if_changed(), std::runtime_error);
  CHECK(shown() == "old.example");

  write_file(files.key, new_key);
  CHECK(tls.reload_if_changed());
  CHECK(shown() == "new.example");
  before.send(kGet);
  CHECK(before.read_until("GET /a ").starts_with("HTTP/1.1 200 "));

  std::filesystem::remove(files.cert);
  CHECK_THROWS_AS(tls.reload_if_changed(), std::runtime_error);
  CHECK(shown() == "new.example");
}

TEST_CASE("what cannot be used at the start is told with file and reason") {
  TemporaryFolder folder;
  const auto one = write_certificate(folder.path(), "one", {"a"});
  const auto two = write_certificate(folder.path(), "two", {"b"});
  const auto reason_of = [](config::TlsCertificate files) -> std::string {
    try {
      const edge::TlsContext tls({std::move(files)});
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(reason_of({"/nowhere/cert.pem", one.key}).starts_with("cannot use the certificate /nowhere/cert.pem: "));
  CHECK(reason_of({one.cert, two.key}).starts_with("cannot use the key " + two.key + " with " + one.cert + ": "));
  CHECK(reason_of({one.cert, one.key}) == "");
  CHECK_THROWS_AS(edge::TlsContext({}), std::runtime_error);
}

TEST_CASE("expires_at is the first end among the certificates") {
  TemporaryFolder folder;
  const edge::TlsContext tls({pair(write_certificate(folder.path(), "a", {"a"}, std::chrono::hours(100))),
                              pair(write_certificate(folder.path(), "b", {"b"}, std::chrono::hours(10)))});
  const auto left = tls.expires_at() - SystemClock().now();
  CHECK(left > std::chrono::hours(9));
  CHECK(left <= std::chrono::hours(10));
}

TEST_CASE("a handshake that does not end is ended after its time") {
  OneCertificate one;
  EdgeWorld world(&echo, &one.tls);
  RawClient silent(world), dripping(world);
  dripping.send("\x16\x03");
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 2; }));
  world.pass_time(seconds(6));
  dripping.send("\x01");
  CHECK(silent.is_quiet());
  world.pass_time(seconds(5));
  CHECK(silent.read_all() == "");
  CHECK(dripping.read_all() == "");
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
}

TEST_CASE("a long answer over TLS arrives whole, at the speed of the client") {
  OneCertificate one;
  EdgeWorld world(&give_long_text, &one.tls);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(world, {.max_version = version});
    REQUIRE(client.handshake());
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    run_ready(world.io);
    client.read_until("\r\n\r\n");
    const std::string body = client.read_all();
    CHECK(body.size() == 4 * 1024 * 1024);
    CHECK((body == long_text()));
    CHECK(client.is_closed_in_order());
  }
}

TEST_CASE("a long body over TLS arrives whole") {
  OneCertificate one;
  EdgeWorld world(
      [](http::Exchange& exchange) -> Awaitable<> {
        const std::string body = co_await read_body(exchange);
        answer(exchange, body == long_text() ? "whole" : "broken");
      },
      &one.tls);
  TlsClient client(world);
  REQUIRE(client.handshake());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
  const std::string text = long_text();
  for (std::size_t at = 0; at < text.size(); at += 10'000) {
    client.send(std::string_view(text).substr(at, 10'000));
    run_ready(world.io);
  }
  CHECK(client.read_until("whole").ends_with("\r\n\r\nwhole"));
}

TEST_CASE("an aborted answer has no orderly end in TLS either") {
  OneCertificate one;
  EdgeWorld world(
      [](http::Exchange& exchange) -> Awaitable<> {
        exchange.sink.start({});
        exchange.sink.write("hello");
        exchange.sink.flush();
        exchange.sink.abort();
        co_return;
      },
      &one.tls);
  TlsClient client(world);
  REQUIRE(client.handshake());
  client.send(kGet);
  client.read_all();
  CHECK_FALSE(client.is_closed_in_order());
}

TEST_CASE("pipelined requests that came in one TLS record are all served") {
  OneCertificate one;
  EdgeWorld world(&echo, &one.tls);
  TlsClient client(world);
  REQUIRE(client.handshake());
  std::string all;
  for (int i = 0; i < 50; ++i) all += kGet;
  client.send(all);
  for (int i = 0; i < 50; ++i) REQUIRE(client.read_until("GET /a ").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a request that comes together with the end of the handshake survives a drain") {
  static bool go_on;
  go_on = false;
  OneCertificate one;
  EdgeWorld world(
      [](http::Exchange& exchange) -> Awaitable<> {
        const std::string body = co_await read_body(exchange);
        while (!go_on) co_await asio::post(exchange.executor, use_awaitable);
        answer(exchange, body);
      },
      &one.tls);
  TlsClient client(world);
  REQUIRE(client.handshake());
  const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo";
  REQUIRE(SSL_write(client.ssl(), request.data(), static_cast<int>(request.size())) > 0);
  REQUIRE(run_until(world.io, [&] { return world.handler.exchanges == 1; }));
  world.server->drain();
  run_ready(world.io);
  REQUIRE(SSL_write(client.ssl(), "dy", 2) == 2);
  go_on = true;
  const std::string text = client.read_all();
  CHECK(text.find("Connection: close\r\n") != std::string::npos);
  CHECK(text.ends_with("\r\n\r\nbody"));
}

TEST_CASE("a handshake that has begun at the drain ends, and its request is answered") {
  OneCertificate one;
  EdgeWorld world(&echo, &one.tls);
  TlsClient client(world);
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 1; }));
  world.server->drain();
  REQUIRE(client.handshake());
  client.send(kGet);
  const std::string text = client.read_all();
  CHECK(text.find("Connection: close\r\n") != std::string::npos);
  CHECK(text.ends_with("GET /a "));
}

TEST_CASE("a client that leaves while it is written to does not end the process") {
  OneCertificate one;
  EdgeWorld world(&give_long_text, &one.tls);
  {
    TlsClient client(world);
    REQUIRE(client.handshake());
    client.send(kGet);
    run_ready(world.io);
    client.raw().reset();
  }
  REQUIRE(run_until(world.io, [&] { return world.server->connection_count() == 0; }));
}
