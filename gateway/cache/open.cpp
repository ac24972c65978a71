#include "cache/open.hpp"

#include "cache/memory.hpp"
#include "cache/redis/redis_cache.hpp"
#include "config/redis_url.hpp"

namespace gatehouse::cache {

std::expected<std::unique_ptr<SharedCache>, std::string> open_redis(const Secret& url, CacheOptions options) {
  auto parsed = config::parse_redis_url(url.reveal());
  if (!parsed) return std::unexpected("the Redis URL " + parsed.error());
  auto server = RedisServer::make(*std::move(parsed));
  if (!server) return std::unexpected(std::move(server.error()));
  return std::make_unique<SharedRedis>(*std::move(server), options);
}

std::unique_ptr<SharedCache> open_memory(const Clock& clock, std::size_t entries_max) {
  return std::make_unique<SharedMemory>(clock, entries_max);
}

}  // namespace gatehouse::cache
