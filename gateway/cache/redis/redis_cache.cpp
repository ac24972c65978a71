#include "cache/redis/redis_cache.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/failure.hpp"

namespace gatehouse::cache {

namespace {

using Client = std::shared_ptr<RedisClient>;
using Kind = RedisReply::Kind;

// Made when they are first used: OpenSSL must not be called before main().
const RedisScript& increment_script() {
  static const RedisScript script{R"(local sum = redis.call('INCR', KEYS[1])
if sum == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return sum)"};
  return script;
}

// Times are microseconds of the server's clock. A time that no bucket can have, because the clock was set back or the
// rule has changed, counts as that of a full one: it is over after a window.
const RedisScript& meter_script() {
  static const RedisScript script{R"(local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local held, passed = {}, 1
for i, key in ipairs(KEYS) do
  local empty_at = redis.call('GET', key)
  local ahead = empty_at and tonumber(empty_at) - now or 0
  held[i] = math.min(math.max(ahead, 0), most + interval)
  if held[i] > most then passed = 0 end
end
if passed == 1 then
  for i, key in ipairs(KEYS) do
    local ahead = held[i] + interval
    redis.call('SET', key, string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
  end
end
return {passed, unpack(held)})"};
  return script;
}

const RedisScript& fill_script() {
  static const RedisScript script{R"(if (redis.call('GET', KEYS[2]) or '') ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1)"};
  return script;
}

const RedisScript& invalidate_script() {
  static const RedisScript script{R"(redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1]))"};
  return script;
}

// A server whose answer has another form than its command gives is no Redis that we know.
[[noreturn]] void raise_strange() {
  throw Failure(503, "cache_unavailable", "redis: an answer of an unexpected kind");
}

std::optional<std::string> as_text(RedisReply reply) {
  if (reply.kind == Kind::nil) return std::nullopt;
  if (reply.kind != Kind::text) raise_strange();
  return std::move(reply.text);
}

std::int64_t as_integer(const RedisReply& reply) {
  if (reply.kind != Kind::integer) raise_strange();
  return reply.integer;
}

std::vector<std::optional<std::string>> as_texts(RedisReply reply, std::size_t size) {
  if (reply.kind != Kind::array || reply.items.size() != size) raise_strange();
  std::vector<std::optional<std::string>> texts;
  for (auto& item : reply.items) texts.push_back(as_text(std::move(item)));
  return texts;
}

// The calls are coroutines of their own, not of RedisCache, so that one may go before they begin.

Awaitable<std::optional<std::string>> ask_text(Client client, std::vector<std::string> words) {
  auto reply = co_await RedisClient::call(std::move(client), std::move(words));
  co_return as_text(std::move(reply));
}

Awaitable<std::vector<std::optional<std::string>>> ask_texts(Client client, std::vector<std::string> keys) {
  if (keys.empty()) co_return std::vector<std::optional<std::string>>();
  const auto size = keys.size();
  keys.insert(keys.begin(), "MGET");
  auto reply = co_await RedisClient::call(std::move(client), std::move(keys));
  co_return as_texts(std::move(reply), size);
}

// For commands that answer a number or OK, which nobody needs.
Awaitable<> tell(Client client, std::vector<std::string> words) {
  const auto reply = co_await RedisClient::call(std::move(client), std::move(words));
  if (reply.kind != Kind::status && reply.kind != Kind::integer) raise_strange();
}

Awaitable<> remove_keys(Client client, std::vector<std::string> keys) {
  if (keys.empty()) co_return;
  keys.insert(keys.begin(), "DEL");
  co_await tell(std::move(client), std::move(keys));
}

Awaitable<std::int64_t> run(Client client, const RedisScript& script, std::vector<std::string> keys,
                            std::vector<std::string> arguments, std::uint64_t connection = 0) {
  const auto reply =
      co_await RedisClient::run(std::move(client), script, std::move(keys), std::move(arguments), connection);
  co_return as_integer(reply);
}

Awaitable<std::vector<std::int64_t>> run_for_numbers(Client client, const Script& script, std::vector<std::string> keys,
                                                     std::vector<std::string> arguments, std::size_t size) {
  const auto reply = co_await RedisClient::run(std::move(client), script, std::move(keys), std::move(arguments));
  if (reply.kind != Kind::array || reply.items.size() != size) raise_strange();
  std::vector<std::int64_t> numbers;
  for (const auto& item : reply.items) numbers.push_back(as_integer(item));
  co_return numbers;
}

Awaitable<Metered> meter_keys(Client client, std::vector<std::string> keys, Rate rate) {
  const auto size = keys.size();
  std::vector<std::string> arguments{std::to_string(rate.interval().count()), std::to_string(rate.most().count())};
  const auto reply =
      co_await RedisClient::run(std::move(client), meter_script(), std::move(keys), std::move(arguments));
  if (reply.kind != Kind::array || reply.items.size() != size + 1) raise_strange();
  Metered metered{.passed = as_integer(reply.items.front()) == 1, .held = {}};
  for (std::size_t i = 1; i <= size; ++i)
    metered.held.push_back(std::chrono::microseconds(std::max<std::int64_t>(0, as_integer(reply.items[i]))));
  co_return metered;
}

Awaitable<Versioned> read_versioned(Client client, std::vector<std::string> words) {
  auto reply = co_await RedisClient::call(std::move(client), std::move(words));
  const auto connection = reply.connection;
  auto texts = as_texts(std::move(reply), 2);
  co_return Versioned{std::move(texts[0]), {std::move(texts[1]).value_or(""), connection}};
}

Awaitable<bool> fill_if_current(Client client, std::vector<std::string> keys, std::string value, milliseconds ttl,
                                Generation generation) {
  if (ttl <= milliseconds{0}) co_return false;
  // A generation that was read on a connection which is gone says nothing: the server may be another one by now, or
  // have come back without its data.
  std::vector<std::string> arguments{std::move(value), std::to_string(ttl.count()), std::move(generation.text)};
  const auto stored =
      co_await run(std::move(client), fill_script(), std::move(keys), std::move(arguments), generation.connection);
  co_return stored == 1;
}

Awaitable<> invalidate_key(Client client, std::vector<std::string> keys) {
  std::vector<std::string> arguments{std::to_string(kGenerationLife.count())};
  co_await run(std::move(client), invalidate_script(), std::move(keys), std::move(arguments));
}

}  // namespace

std::unique_ptr<Cache> SharedRedis::connect(Executor executor) {
  auto client = std::make_shared<RedisClient>(executor, server_, options_, health_);
  auto subscriber = std::make_shared<RedisSubscriber>(executor, server_, options_, client);
  client->start();
  return std::make_unique<RedisCache>(std::move(client), std::move(subscriber));
}

Awaitable<std::optional<std::string>> RedisCache::get(std::string key) {
  return ask_text(client_, {"GET", std::move(key)});
}

Awaitable<std::vector<std::optional<std::string>>> RedisCache::get_many(std::vector<std::string> keys) {
  return ask_texts(client_, std::move(keys));
}

Awaitable<> RedisCache::set(std::string key, std::string value, milliseconds ttl) {
  if (ttl <= milliseconds{0}) return remove_keys(client_, {std::move(key)});
  return tell(client_, {"SET", std::move(key), std::move(value), "PX", std::to_string(ttl.count())});
}

Awaitable<> RedisCache::remove(std::vector<std::string> keys) {
  return remove_keys(client_, std::move(keys));
}

Awaitable<std::optional<std::string>> RedisCache::take(std::string key) {
  return ask_text(client_, {"GETDEL", std::move(key)});
}

Awaitable<std::int64_t> RedisCache::increment(std::string key, milliseconds ttl) {
  GATEHOUSE_CHECK(ttl > milliseconds{0});
  return run(client_, increment_script(), {std::move(key)}, {std::to_string(ttl.count())});
}

Awaitable<std::vector<std::int64_t>> RedisCache::run_script(const Script& script, std::vector<std::string> keys,
                                                            std::vector<std::string> arguments, std::size_t size) {
  return run_for_numbers(client_, script, std::move(keys), std::move(arguments), size);
}

Awaitable<Metered> RedisCache::meter(std::vector<std::string> keys, Rate rate) {
  return meter_keys(client_, std::move(keys), rate);
}

Awaitable<Versioned> RedisCache::get_versioned(std::string key, std::string generation_key) {
  return read_versioned(client_, {"MGET", std::move(key), std::move(generation_key)});
}

Awaitable<bool> RedisCache::fill(std::string key, std::string value, milliseconds ttl, std::string generation_key,
                                 Generation generation) {
  return fill_if_current(client_, {std::move(key), std::move(generation_key)}, std::move(value), ttl,
                         std::move(generation));
}

Awaitable<> RedisCache::invalidate(std::string key, std::string generation_key) {
  return invalidate_key(client_, {std::move(key), std::move(generation_key)});
}

Awaitable<> RedisCache::publish(std::string channel, std::string message) {
  return tell(client_, {"PUBLISH", std::move(channel), std::move(message)});
}

std::unique_ptr<Subscription> RedisCache::subscribe(std::vector<std::string> channels, Listener& listener) {
  return subscriber_->add(std::move(channels), false, listener);
}

std::unique_ptr<Subscription> RedisCache::track(Listener& listener) {
  return subscriber_->add({}, true, listener);
}

}  // namespace gatehouse::cache
