#include "app/development.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "app/gateway.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;

namespace {

config::Configuration with_upstream() {
  config::Configuration configuration;
  configuration.upstreams.emplace_back().name = "orders";
  return configuration;
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
