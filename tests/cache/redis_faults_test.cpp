// What happens to calls when a real server stops, dies, comes back, refuses or is not who it should be.
#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "base/log.hpp"
#include "tests/cache/redis_world.hpp"
#include "tests/support/redis_server.hpp"

using namespace gatehouse;
using namespace gatehouse::cache;
using namespace gatehouse::tests;
using std::chrono::minutes;

namespace {

// The lines that are logged while it lives.
class HeardLog {
 public:
  HeardLog() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
    spdlog::set_pattern("%v");
  }
  ~HeardLog() { spdlog::set_default_logger(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

}  // namespace

TEST_CASE_FIXTURE(RedisWorld, "a stopped server costs each call its time-out at most, then nothing, until it goes on") {
  RedisProcess server;
  const HeardLog heard;
  open(server.url(), {});
  REQUIRE(recovers());
  server.freeze();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) begin_get("key");
  CHECK(run_until(io, [&] { return ended == 20; }));
  CHECK(failed == 20);
  CHECK(since(start) < milliseconds{1'500});
  // The circuit is open: these take no time.
  const auto then = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) CHECK(failure(cache->get("key")).starts_with("redis: not available: "));
  CHECK(since(then) < milliseconds{1'500});
  CHECK_FALSE(shared->health().up);
  CHECK(shared->health().circuits_open == 1);

  server.thaw();
  CHECK(recovers());
  CHECK(shared->health().circuits_open == 0);
  // It was the same run of the server all the time.
  CHECK(shared->health().connects >= 2);
  CHECK(shared->health().servers == 1);
  const std::string name = "redis at 127.0.0.1:" + std::to_string(server.port());
  CHECK(heard.text() == name + " is connected\n" + name + " is not available: it does not answer in time\n" + name +
                            " is available again\n");
}

TEST_CASE_FIXTURE(RedisWorld, "an idle connection notices that its server does not answer, and that it does again") {
  RedisProcess server;
  open(server.url(), {.keep_alive = milliseconds{20}});
  REQUIRE(run_until(io, [&] { return shared->health().up; }));
  server.freeze();
  CHECK(run_until(io, [&] { return !shared->health().up; }));
  server.thaw();
  CHECK(run_until(io, [&] { return shared->health().up; }));
  CHECK(shared->health().calls == 0);
}

TEST_CASE_FIXTURE(RedisWorld, "a server that is killed and started again serves again, without its data") {
  RedisProcess server;
  open(server.url(), {});
  REQUIRE(recovers());
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    CHECK(run_until(io, [&] { return failure(cache->set("key", "value", minutes{1})).empty(); }));
    server.kill();
    CHECK(run_until(io, [&] { return !shared->health().up && !failure(cache->get("key")).empty(); }));
    server.start();
    CHECK(recovers());
    CHECK(run(cache->get("key")) == std::nullopt);
    CHECK(shared->health().servers == static_cast<std::uint64_t>(round) + 2);
  }
}

TEST_CASE_FIXTURE(RedisWorld, "a back-fill does not outlive the server that knew its generation") {
  RedisProcess server;
  open(server.url(), {});
  REQUIRE(recovers());
  const auto seen = run(cache->get_versioned("key", "generation"));
  run(cache->invalidate("key", "generation"));
  server.kill();
  server.start();
  REQUIRE(recovers());
  CHECK(failure(cache->fill("key", "revoked", minutes{1}, "generation", seen.generation)) ==
        "redis: the connection was lost");
  CHECK(run(cache->get("key")) == std::nullopt);
}

TEST_CASE_FIXTURE(RedisWorld, "a gateway starts with its server down, and finds it later") {
  RedisProcess server;
  server.kill();
  open(server.url(), {});
  CHECK(failure(cache->get("key")).starts_with("redis: not available: "));
  CHECK_FALSE(shared->health().up);
  server.start();
  CHECK(recovers());
}

TEST_CASE_FIXTURE(RedisWorld, "a refused port, a path without a socket and a name that leads nowhere fail calls") {
  const auto port = std::to_string(find_free_port());
  for (const std::string& url :
       {"redis://127.0.0.1:" + port, std::string("/nowhere/redis.sock"), std::string("redis://nowhere.invalid")}) {
    CAPTURE(url);
    open(url, {});
    CHECK(run_until(io, [&] { return shared->health().circuits_open == 1; }));
    CHECK(failure(cache->get("key")).starts_with("redis: not available: "));
  }
}

TEST_CASE_FIXTURE(RedisWorld, "a wrong password is told to the log, without the password") {
  RedisProcess& server = RedisProcess::shared();
  const HeardLog heard;
  const auto address = "@127.0.0.1:" + std::to_string(server.port());
  for (const std::string user : {":hunter2", "default:hunter2", "nobody:hunter2"}) {
    open("redis://" + user + address, {});
    CHECK(run_until(io, [&] { return shared->health().circuits_open == 1; }));
    CHECK(failure(cache->get("key")) == "redis: not available: it refuses the user name or password (WRONGPASS)");
  }
  open("redis://127.0.0.1:" + std::to_string(server.port()), {});
  CHECK(run_until(io, [&] { return shared->health().circuits_open == 1; }));
  CHECK(failure(cache->get("key")) == "redis: not available: it asks for a password, and the URL has none (NOAUTH)");
  CHECK(heard.text().find("hunter2") == std::string::npos);
}

TEST_CASE_FIXTURE(RedisWorld, "a database that the server has not is told, one that it has is used") {
  RedisProcess& server = RedisProcess::shared();
  open(server.url("/999"), {});
  CHECK(run_until(io, [&] { return shared->health().circuits_open == 1; }));
  CHECK(failure(cache->get("key")) == "redis: not available: it refuses database 999 (ERR)");
  open(server.url("/5"));
  run(cache->set("of five", "value", minutes{1}));
  open(server.url());
  CHECK(run(cache->get("of five")) == std::nullopt);
}

TEST_CASE_FIXTURE(RedisWorld, "what the user may not do fails, and shows no key") {
  RedisProcess& server = RedisProcess::shared();
  REQUIRE(server.ask("ACL SETUSER reader on >hunter2 ~* +get +ping") == "+OK\r\n");
  open("redis://reader:hunter2@127.0.0.1:" + std::to_string(server.port()));
  CHECK(run(cache->get("secret token")) == std::nullopt);
  CHECK(failure(cache->set("secret token", "value", minutes{1})) == "redis: SET is refused (NOPERM)");
  CHECK(failure(cache->increment("secret token", minutes{1})) == "redis: EVALSHA is refused (NOPERM)");
  CHECK(run(cache->get("secret token")) == std::nullopt);
  CHECK(shared->health().up);
}

TEST_CASE_FIXTURE(RedisWorld, "a value of another type fails the call alone") {
  RedisProcess& server = RedisProcess::shared();
  REQUIRE(server.ask("LPUSH list x").starts_with(":"));
  open(server.url());
  for (int i = 0; i < 20; ++i) CHECK(failure(cache->get("list")) == "redis: GET is refused (WRONGTYPE)");
  CHECK(shared->health().up);
  CHECK(run(cache->get("other")) == std::nullopt);
}

TEST_CASE_FIXTURE(RedisWorld, "TLS trusts the authority that the URL names, for the name that it names") {
  RedisProcess& server = RedisProcess::shared();
  open(server.tls_url());
  run(cache->set("key", "value", minutes{1}));
  CHECK(run(cache->get("key")) == "value");

  const auto refused = [&](const std::string& url) {
    open(url, {});
    CHECK(run_until(io, [&] { return shared->health().circuits_open == 1; }));
    return failure(cache->get("key"));
  };
  CHECK(refused(server.tls_url("127.0.0.1")) ==
        "redis: not available: its certificate is refused: IP address mismatch");
  // Another name of the loopback address (RFC 6761 gives it all of localhost's subdomains, but resolvers differ).
  TemporaryFolder folder;
  const auto own = write_certificate(folder.path(), "other", {"redis.example"});
  const auto url = server.tls_url();
  const auto without_authority = url.substr(0, url.find('?'));
  CHECK(refused(without_authority) == "redis: not available: its certificate is refused: self-signed certificate");
  CHECK(refused(without_authority + "?ssl_ca_certs=" + own.cert) ==
        "redis: not available: its certificate is refused: self-signed certificate");
  open(without_authority + "?insecure_skip_verify=true");
  CHECK(run(cache->get("key")) == "value");
}

TEST_CASE_FIXTURE(RedisWorld, "TLS is not spoken with a plain port, nor plain text with a TLS port") {
  RedisProcess& server = RedisProcess::shared();
  for (const std::string& url : {"rediss://localhost:" + std::to_string(server.port()),
                                 "redis://localhost:" + std::to_string(server.tls_port())}) {
    CAPTURE(url);
    open(url, {});
    CHECK(run_until(io, [&] { return shared->health().circuits_open == 1; }));
  }
}

TEST_CASE("a file of certificates that cannot be read is told when the cache is opened") {
  const auto opened = open_redis(Secret("rediss://:hunter2@localhost?ssl_ca_certs=/nowhere/ca.pem"));
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error() == "redis: no certificates can be read from /nowhere/ca.pem");
  const auto refused = open_redis(Secret("redis://hunter2@localhost"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().starts_with("the Redis URL has a user but no password"));
}
