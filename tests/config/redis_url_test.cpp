#include <doctest/doctest.h>

#include "config/redis_url.hpp"

using namespace gatehouse::config;

namespace {

RedisUrl parsed(std::string_view url) {
  const auto result = parse_redis_url(url);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error()));
  return *result;
}

std::string refused(std::string_view url) {
  const auto result = parse_redis_url(url);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().find("hunter2") == std::string::npos);
  return result.error();
}

std::string place(std::string_view url) {
  const auto server = parsed(url);
  const std::string where = server.socket.empty() ? server.host + " " + std::to_string(server.port) : server.socket;
  return where + " " + std::to_string(server.database) + (server.tls ? " tls" : "");
}

std::string user(std::string_view url) {
  const auto server = parsed(url);
  return server.user + "|" + (server.password ? server.password->reveal() : "none");
}

}  // namespace

TEST_CASE("a Redis URL names host, port and database, each with its default") {
  CHECK(place("redis://cache.internal:6380/2") == "cache.internal 6380 2");
  CHECK(place("redis://cache") == "cache 6379 0");
  CHECK(place("redis://cache/") == "cache 6379 0");
  CHECK(place("redis://") == "localhost 6379 0");
  CHECK(place("redis://:6380") == "localhost 6380 0");
  CHECK(place("redis:///7") == "localhost 6379 7");
  CHECK(place("redis://[2001:db8::1]:6380/1") == "2001:db8::1 6380 1");
  CHECK(place("redis://[::1]") == "::1 6379 0");
  CHECK(place("redis://my_redis-1.internal") == "my_redis-1.internal 6379 0");
  CHECK(place("redis://cache?db=4") == "cache 6379 4");
  CHECK(place("REDIS://cache") == "cache 6379 0");
}

TEST_CASE("the scheme or an option asks for TLS") {
  CHECK(place("rediss://cache") == "cache 6379 0 tls");
  CHECK(place("valkeys://cache:1/1") == "cache 1 1 tls");
  CHECK(place("valkey://cache") == "cache 6379 0");
  CHECK(place("redis://cache?ssl=true") == "cache 6379 0 tls");
  CHECK(place("redis://cache?tls=false") == "cache 6379 0");
  CHECK(refused("rediss://cache?ssl=false") == "asks for TLS by its scheme and forbids it by ssl");
}

TEST_CASE("a Unix socket is written in any of the usual ways") {
  CHECK(place("unix:///run/redis.sock") == "/run/redis.sock 0");
  CHECK(place("unix:///run/redis.sock?db=3") == "/run/redis.sock 3");
  CHECK(place("redis+unix:///run/redis.sock") == "/run/redis.sock 0");
  CHECK(place("redis+socket:///run/redis.sock?database=2") == "/run/redis.sock 2");
  CHECK(place("redis-socket:///run/redis.sock") == "/run/redis.sock 0");
  CHECK(place("/run/redis.sock") == "/run/redis.sock 0");
  CHECK(place("redis://%2Frun%2Fredis.sock/5") == "/run/redis.sock 5");
  CHECK(place("unix:///run/my%20redis.sock") == "/run/my redis.sock 0");
  CHECK(user("unix://app:hunter2@/run/redis.sock") == "app|hunter2");
  CHECK(user("unix:///run/redis.sock?password=hunter2") == "|hunter2");
  CHECK(refused("unix://run/redis.sock") == "names no absolute path of a Unix socket");
  CHECK(refused("unix://") == "names no absolute path of a Unix socket");
  CHECK(refused("unix:///run/redis.sock?ssl=true") == "asks for TLS on a Unix socket");
}

TEST_CASE("user and password may be percent-encoded, and each may be absent") {
  CHECK(user("redis://cache") == "|none");
  CHECK(user("redis://:@cache") == "|none");
  CHECK(user("redis://:hunter2@cache") == "|hunter2");
  CHECK(user("redis://app:hunter2@cache") == "app|hunter2");
  CHECK(user("redis://a%40b:p%3A%2F%3F%23%40@cache") == "a@b|p:/?#@");
  CHECK(user("redis://app:hun:ter:2@cache") == "app|hun:ter:2");
  CHECK(user("redis://app:hun@ter2@cache") == "app|hun@ter2");
  CHECK(user("redis://cache?user=app&password=p%26q") == "app|p&q");
  CHECK(user("redis://app:@cache") == "app|");
}

TEST_CASE("what is wrong with a URL is told without showing it") {
  CHECK(refused("") == "must start with redis://, rediss:// or unix://");
  CHECK(refused("hunter2") == "must start with redis://, rediss:// or unix://");
  CHECK(refused("http://:hunter2@cache") == "must start with redis://, rediss:// or unix://");
  CHECK(refused("redis:hunter2@cache") == "must start with redis://, rediss:// or unix://");
  CHECK(refused("redis://hunter2@cache") ==
        "has a user but no password: write redis://user:password@…, or redis://:password@… without a user");
  CHECK(refused("redis://:hunter2/x@cache") ==
        "has a '/' before an '@': percent-encode the special characters of the password");
  CHECK(refused("redis://:hunter2?x@cache").ends_with("percent-encode the special characters of the password"));
  CHECK(refused("redis://:hunter2#x@cache").ends_with("percent-encode the special characters of the password"));
  CHECK(refused("redis://:hunter2%zz@cache") ==
        "has a '%' in its password that is not followed by two hexadecimal digits");
  CHECK(refused("redis://:hunter2@cache:port") == "has no valid port");
  CHECK(refused("redis://cache:0") == "has no valid port");
  CHECK(refused("redis://cache:65536") == "has no valid port");
  CHECK(refused("redis://[::1") == "has no valid address in its brackets");
  CHECK(refused("redis://[hunter2]") == "has no valid address in its brackets");
  CHECK(refused("redis://[::1]x") == "has something other than a port behind its address");
  CHECK(refused("redis://two hosts") == "has no valid host");
  CHECK(refused("redis://a,b") == "has no valid host");
  CHECK(refused("redis://cache/zero") == "has a database that is not a number");
  CHECK(refused("redis://cache/-1") == "has a database that is not a number");
  CHECK(refused("redis://cache/0/1") == "has a database that is not a number");
  CHECK(refused("redis://cache\r\nFLUSHALL") == "has a line break or a control character in it");
}

TEST_CASE("options of TLS are taken, and none that trusts anybody without saying so") {
  const auto url = parsed("rediss://cache?ssl_ca_certs=%2Fetc%2Fca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem");
  CHECK(url.ca_file == "/etc/ca.pem");
  CHECK(url.certificate_file == "/c.pem");
  CHECK(url.key_file == "/k.pem");
  CHECK_FALSE(url.insecure_skip_verify);
  CHECK(parsed("rediss://cache?cafile=/ca.pem").ca_file == "/ca.pem");
  CHECK(parsed("rediss://cache?ssl_cert_reqs=required&ssl_check_hostname=true").tls);
  CHECK(parsed("rediss://cache?insecure_skip_verify=true").insecure_skip_verify);
  for (const char* option : {"ssl_cert_reqs=none", "ssl_cert_reqs=CERT_NONE", "ssl_cert_reqs=optional",
                             "ssl_check_hostname=false", "skip_verify=true"}) {
    CAPTURE(option);
    CHECK(refused("rediss://cache?" + std::string(option)).find("insecure_skip_verify=true") != std::string::npos);
  }
  CHECK(refused("redis://cache?ssl_ca_certs=/ca.pem") == "has options of TLS, but its scheme is not rediss://");
  CHECK(refused("rediss://cache?ssl_certfile=/c.pem") ==
        "has only one of ssl_certfile and ssl_keyfile: they go together");
}

TEST_CASE("options of other clients that change nothing are taken, unknown ones are named") {
  CHECK(place("redis://cache?protocol=2&family=0&socket_timeout=5&decode_responses=True&") == "cache 6379 0");
  CHECK(refused("redis://cache?databse=1") == "has an option databse that is not known");
  CHECK(refused("redis://cache?hunter2=1") == "has an option that is not known");
}
