// Where a Redis or Valkey server is, out of the URL of `gateway.redis`: the spellings of ioredis, node-redis, redis-py,
// Lettuce and redis-cli, which is what people have in REDIS_URL. Checked when the configuration is loaded; the cache
// connects by it.
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace gatehouse::config {

struct RedisUrl {
  std::string host;  // name or IP address, without brackets; empty: `socket` is used
  std::uint16_t port = 6379;
  std::string socket;  // path of a Unix socket
  std::optional<Secret> password;
  std::string user;  // empty: the server's default user
  std::uint32_t database = 0;
  bool tls = false;
  std::string ca_file;           // PEM; empty: the system's authorities
  std::string certificate_file;  // PEM of our own, for servers that ask for one; empty: none
  std::string key_file;
  bool insecure_skip_verify = false;  // any certificate of any name will do
};

// Takes redis://[[user]:password@][host][:port][/database][?options], the same as rediss:// (TLS), valkey:// and
// valkeys://, and unix:///path, redis+unix:///path, redis+socket:///path, redis-socket:///path or the path alone.
// User, password and path may be percent-encoded. The error ends a sentence that begins with "the value", and holds no
// part of the URL but the name of an option.
std::expected<RedisUrl, std::string> parse_redis_url(std::string_view url);

}  // namespace gatehouse::config
