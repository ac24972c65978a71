#include "app/development.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "app/gateway.hpp"
#include "app/self_signed_certificate.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;

namespace {

config::Configuration with_upstream() {
  config::Configuration configuration;
  configuration.upstreams.emplace_back().name = "orders";
  return configuration;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

unsigned mode_of(const std::string& path) {
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

}  // namespace

TEST_CASE("development mode fills in what is missing, on loopback, and keeps it for the next start") {
  const tests::TemporaryFolder folder;
  const std::string data = (folder.path() / "data").string();
  auto first = with_upstream();
  app::fill_in_for_development(first, data);
  CHECK(first.gateway.listen.https == config::SocketAddress{"127.0.0.1", 8443});
  CHECK(first.gateway.listen.http == config::SocketAddress{"127.0.0.1", 8080});
  CHECK(first.gateway.listen.internal == config::SocketAddress{"127.0.0.1", 9090});
  CHECK(first.gateway.base_url.to_string() == "https://localhost:8443");
  CHECK(first.gateway.secret.reveal().size() == 48);
  CHECK(first.gateway.database.url.reveal() == "sqlite:" + data + "/gatehouse.db");
  CHECK(first.upstreams[0].key.reveal().size() == 48);
  CHECK(first.upstreams[0].key.reveal() != first.gateway.secret.reveal());
  for (const auto* file : {"/secret", "/key.pem", "/upstream_key_orders"}) CHECK(mode_of(data + file) == 0600);
  auto second = with_upstream();
  app::fill_in_for_development(second, data);
  CHECK(second.gateway.secret == first.gateway.secret);
  CHECK(second.upstreams[0].key == first.upstreams[0].key);
  CHECK(second.gateway.tls == first.gateway.tls);
}

TEST_CASE("development mode leaves alone what is configured") {
  const tests::TemporaryFolder folder;
  auto configuration = with_upstream();
  configuration.gateway.listen.insecure_http = config::SocketAddress{"127.0.0.1", 9000};
  configuration.gateway.secret = Secret("configured");
  configuration.gateway.database.url = Secret("sqlite:mine.db");
  configuration.upstreams[0].key = Secret("key");
  app::fill_in_for_development(configuration, folder.path().string());
  CHECK_FALSE(configuration.gateway.listen.https);
  CHECK_FALSE(configuration.gateway.listen.http);
  CHECK(configuration.gateway.tls.empty());
  CHECK(configuration.gateway.base_url.to_string() == "http://localhost:9000");
  CHECK(configuration.gateway.secret.reveal() == "configured");
  CHECK(configuration.gateway.database.url.reveal() == "sqlite:mine.db");
  CHECK(configuration.upstreams[0].key.reveal() == "key");
}

TEST_CASE("development mode says when it cannot keep what it makes") {
  auto configuration = with_upstream();
  CHECK_THROWS_AS(app::fill_in_for_development(configuration, "/dev/null/data"), app::StartError);
}

TEST_CASE("the development certificate is kept, and made anew when it no longer fits the host names") {
  const tests::TemporaryFolder folder;
  const std::string data = (folder.path() / "data").string();
  const auto certificate_for = [&](std::vector<std::string> hosts) {
    auto configuration = with_upstream();
    configuration.gateway.hosts = std::move(hosts);
    configuration.routes.emplace_back().host = "route.example";
    app::fill_in_for_development(configuration, data);
    return app::CertificatePair{content_of(data + "/cert.pem"), content_of(data + "/key.pem")};
  };
  const WallTime now = SystemClock().now();
  const auto first = certificate_for({});
  CHECK(app::is_fit(first, {"localhost", "127.0.0.1", "[::1]", "route.example"}, now));
  CHECK_FALSE(app::is_fit(first, {"dev.example"}, now));
  CHECK(certificate_for({}).cert_pem == first.cert_pem);
  const auto second = certificate_for({"dev.example", "[2001:db8::1]", "192.0.2.1"});
  CHECK(second.cert_pem != first.cert_pem);
  CHECK(app::is_fit(second, {"dev.example", "[2001:db8::1]", "192.0.2.1", "route.example"}, now));
  CHECK_FALSE(app::is_fit(second, {"192.0.2.2"}, now));
  CHECK(certificate_for({"dev.example"}).cert_pem == second.cert_pem);
}

TEST_CASE("the development certificate is made anew before its end, and when its files are no pair") {
  const tests::TemporaryFolder folder;
  const std::string data = folder.path().string();
  const WallTime now = SystemClock().now();
  const auto after_start = [&](const app::CertificatePair& kept) {
    write_text(data + "/cert.pem", kept.cert_pem);
    write_text(data + "/key.pem", kept.key_pem);
    auto configuration = with_upstream();
    app::fill_in_for_development(configuration, data);
    return app::CertificatePair{content_of(data + "/cert.pem"), content_of(data + "/key.pem")};
  };
  const auto lasting = app::make_self_signed_certificate({}, std::chrono::days(31));
  CHECK(after_start(lasting).cert_pem == lasting.cert_pem);
  for (const auto& bad :
       {app::make_self_signed_certificate({}, std::chrono::days(29)), app::CertificatePair{lasting.cert_pem, "no key"},
        app::CertificatePair{lasting.cert_pem, app::make_self_signed_certificate().key_pem}}) {
    const auto fresh = after_start(bad);
    CHECK(fresh.cert_pem != bad.cert_pem);
    CHECK(app::is_fit(fresh, {}, now + std::chrono::days(360)));
  }
}
