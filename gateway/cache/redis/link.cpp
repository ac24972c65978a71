#include "cache/redis/link.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <utility>

namespace gatehouse::cache {

namespace {

constexpr unsigned kDoublingsMax = 10;

}  // namespace

RedisLink::RedisLink(const Executor& executor, std::shared_ptr<const RedisServer> server, CacheOptions options,
                     Owner& owner)
    : executor_(executor),
      server_(std::move(server)),
      options_(options),
      addresses_(std::make_shared<RedisAddresses>(executor)),
      owner_(&owner),
      pause_(executor),
      random_(std::random_device{}()) {}

void RedisLink::start() {
  begin_attempt();
}

void RedisLink::begin_attempt() {
  asio::co_spawn(executor_, connect(shared_from_this()), [](const std::exception_ptr&) {});
}

Awaitable<> RedisLink::connect(std::shared_ptr<RedisLink> self) {
  std::string problem;
  try {
    auto made = co_await connect_redis(self->server_, self->addresses_, self->options_);
    if (self->owner_ == nullptr) co_return;
    if (made) {
      self->connected_at_ = std::chrono::steady_clock::now();
      self->wire_ = RedisWire::start(std::move(made->stream), self->options_.reply_bytes_max, *self);
      self->run_id_ = std::move(made->run_id);
      self->owner_->on_connected();
      co_return;
    }
    problem = std::move(made.error());
  } catch (const std::exception& error) {  // no descriptor, no memory
    if (self->owner_ == nullptr) co_return;
    problem = error.what();
  }
  self->wait_and_connect();
  self->owner_->on_lost(problem);
}

void RedisLink::wait_and_connect() {
  pause_.expires_after(pause());
  pause_.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
    if (!cancelled && self->owner_ != nullptr) self->begin_attempt();
  });
}

// Full jitter: anything between nothing and a bound that doubles. The bound falls back when a connection has lasted,
// not when it was made: a server that takes connections and then fails must not be stormed.
std::chrono::milliseconds RedisLink::pause() {
  const auto bound =
      std::min(options_.longest_pause, options_.first_pause * (1L << std::min(attempts_, kDoublingsMax)));
  ++attempts_;
  return std::chrono::milliseconds(std::uniform_int_distribution<long>(0, bound.count())(random_));
}

void RedisLink::write(std::string_view bytes) {
  if (wire_) wire_->write(bytes);
}

void RedisLink::drop(const std::string& why) {
  if (const auto wire = wire_) wire->close(why);
}

void RedisLink::on_reply(RedisReply reply) {
  if (owner_ != nullptr) owner_->on_reply(std::move(reply));
}

void RedisLink::on_closed(const std::string& why) {
  wire_.reset();
  if (std::chrono::steady_clock::now() - connected_at_ >= options_.longest_pause) attempts_ = 0;
  wait_and_connect();
  if (owner_ != nullptr) owner_->on_lost(why);
}

void RedisLink::close() {
  owner_ = nullptr;
  pause_.cancel();
  if (const auto wire = std::exchange(wire_, nullptr)) wire->abandon();
}

}  // namespace gatehouse::cache
