// TLS to upstreams: whose certificates are believed, and for which names. The server is the gateway's own edge.
#include "upstream/client_tls.hpp"
#include "base/check.hpp"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <fstream>
#include <memory>

#include "edge/tls_context.hpp"
#include "tests/edge/edge_world.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_certificate.hpp"
#include "tests/upstream/forward_world.hpp"

using namespace gatehouse;
using namespace gatehouse::tests;

namespace {

struct TlsWorld {
  TlsWorld() {
    settings.name = "orders";
    settings.servers = {{"127.0.0.1", edge.port, true}};
    settings.tls = {.ca = files.cert, .cert = "", .key = "", .server_name = "orders.internal"};
  }

  // The body of the answer, or what went wrong.
  std::string ask() {
    if (!group) {
      tls = std::make_shared<upstream::ClientTls>(settings.tls);
      tls->load_if_changed();
      group = std::make_unique<upstream::UpstreamGroup>(edge.io, edge.deadlines, settings, nullptr, tls);
    }
    MemoryExchange client(edge.io, {});
    Forwarded forwarded(*group, client, edge.clock, {});
    GATEHOUSE_CHECK(run_until(edge.io, [&] { return forwarded.is_over; }));
    return forwarded.failure ? forwarded.reason() + ": " + forwarded.failure->what() : client.body();
  }
  bool is_answered() { return ask().starts_with("GET "); }

  TemporaryFolder folder;
  CertificateFiles files = write_certificate(folder.path(), "orders", {"orders.internal"});
  edge::TlsContext server_tls{{config::TlsCertificate{files.cert, files.key}}};
  EdgeWorld edge{&echo, &server_tls};
  config::Upstream settings;
  std::shared_ptr<upstream::ClientTls> tls;
  std::unique_ptr<upstream::UpstreamGroup> group;
};

std::string problem_of(const config::UpstreamTls& settings) {
  try {
    upstream::ClientTls(settings).load_if_changed();
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

using Ssl = std::unique_ptr<SSL, decltype(&SSL_free)>;
using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

// A handshake in memory with a server that takes nobody without a certificate; what comes of it at the client.
std::string_view alert_without_certificate(const CertificateFiles& files, int version) {
  upstream::ClientTls tls({.ca = files.cert, .cert = "", .key = "", .server_name = ""});
  tls.load_if_changed();
  const SslContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str());
  SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_max_proto_version(context.get(), version);
  const Ssl client(tls.make_ssl("orders.internal"), SSL_free);
  const Ssl server(SSL_new(context.get()), SSL_free);
  BIO *left = nullptr, *right = nullptr;
  GATEHOUSE_CHECK(BIO_new_bio_pair(&left, 0, &right, 0) == 1);
  SSL_set_bio(client.get(), left, left);
  SSL_set_bio(server.get(), right, right);
  SSL_set_connect_state(client.get());
  for (int i = 0; i < 10; ++i) {
    char byte;
    SSL_read(client.get(), &byte, 1);
    SSL_accept(server.get());
  }
  return upstream::alert_of_server(client.get());
}

}  // namespace

TEST_CASE("what a server says that misses a certificate is known, in each version of TLS") {
  const TemporaryFolder folder;
  const auto files = write_certificate(folder.path(), "orders", {"orders.internal"});
  CHECK(alert_without_certificate(files, TLS1_3_VERSION) == "certificate required");
  CHECK(alert_without_certificate(files, TLS1_2_VERSION) == "handshake failure");
  CHECK(upstream::alert_of_server(nullptr) == "");
}

TEST_CASE("a server is spoken to over TLS, on connections that are used again") {
  TlsWorld world;
  for (int i = 0; i < 5; ++i) CHECK(world.is_answered());
  CHECK(world.edge.handler.exchanges == 5);
  CHECK(world.group->idle_count() == 1);
}

TEST_CASE("a certificate of another authority is refused, and nothing is sent") {
  TlsWorld world;
  world.settings.tls.ca = write_certificate(world.folder.path(), "other", {"orders.internal"}).cert;
  const std::string refused = world.ask();
  CHECK(refused.starts_with("upstream_tls: orders: 127.0.0.1:"));
  CHECK(refused.find("its certificate is refused: ") != std::string::npos);
  CHECK(world.edge.handler.exchanges == 0);
}

TEST_CASE("without authorities of its own the system's count, and they do not know a server of ours") {
  TlsWorld world;
  world.settings.tls.ca = "";
  CHECK(world.ask().starts_with("upstream_tls: "));
}

TEST_CASE("a certificate for another name is refused, that of the host where no name is written") {
  TlsWorld world;
  world.settings.tls.server_name = "web.internal";
  CHECK(world.ask().find("its certificate is refused: hostname mismatch") != std::string::npos);

  TlsWorld by_host;
  by_host.settings.tls.server_name = "";
  CHECK(by_host.ask().find("its certificate is refused: IP address mismatch") != std::string::npos);
  CHECK(by_host.edge.handler.exchanges == 0);
}

TEST_CASE("a server that speaks no TLS is refused") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> {
    co_await peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    co_await peer.ended();
  });
  world.settings.servers = {{"127.0.0.1", world.upstream.port(), true}};
  world.tls = std::make_shared<upstream::ClientTls>(config::UpstreamTls{});
  world.tls->load_if_changed();
  MemoryExchange client(world.io, {});
  CHECK(world.forward(client)->reason() == "upstream_tls");
}

TEST_CASE("a server that does not finish its handshake is a 504") {
  ForwardWorld world;
  world.upstream.run([](Peer& peer) -> Awaitable<> { co_await peer.ended(); });
  world.settings.servers = {{"127.0.0.1", world.upstream.port(), true}};
  world.tls = std::make_shared<upstream::ClientTls>(config::UpstreamTls{});
  world.tls->load_if_changed();
  MemoryExchange client(world.io, {});
  const auto forwarded = world.start(client);
  REQUIRE(run_until(world.io,
                    [&] { return world.upstream.connections() == 1 && !world.upstream.peer(0).received().empty(); }));
  world.pass_time(std::chrono::milliseconds(2100));
  world.finish(*forwarded);
  REQUIRE(forwarded->failure);
  CHECK(forwarded->failure->status() == 504);
  CHECK(forwarded->reason() == "upstream_connect_timeout");
}

TEST_CASE("files that are of no use are told, and what was read before stays") {
  const TemporaryFolder folder;
  const auto good = write_certificate(folder.path(), "good", {"a"});
  const auto other = write_certificate(folder.path(), "other", {"a"});
  CHECK(problem_of({}) == "");
  CHECK(problem_of({good.cert, good.cert, good.key, ""}) == "");
  CHECK(problem_of({"/no/such/file", "", "", ""}).starts_with("cannot use the authorities /no/such/file: "));
  CHECK(problem_of({"", "/no/such/file", good.key, ""}).starts_with("cannot use the certificate /no/such/file: "));
  CHECK(problem_of({"", good.cert, other.key, ""}).starts_with("cannot use the key " + other.key));

  TlsWorld world;
  CHECK(world.is_answered());
  CHECK_FALSE(world.tls->load_if_changed());
  std::ofstream(world.files.cert, std::ios::trunc) << "nonsense";
  CHECK_THROWS_AS(world.tls->load_if_changed(), std::runtime_error);
  CHECK_FALSE(world.tls->load_if_changed());
  CHECK(world.is_answered());
  write_certificate(world.folder.path(), "orders", {"orders.internal"});
  CHECK(world.tls->load_if_changed());
}
