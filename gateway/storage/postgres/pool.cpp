#include "storage/postgres/pool.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "base/log.hpp"
#include "storage/postgres/connect.hpp"

namespace gatehouse::storage {

namespace {

constexpr std::size_t kPipelineMax = 16;  // requests under way on one connection
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{1'000};

}  // namespace

PostgresPool::PostgresPool(Executor executor, PostgresTarget target, StoreOptions options)
    : executor_(executor), target_(std::move(target)), options_(options), jitter_(std::random_device{}()) {}

void PostgresPool::submit(std::shared_ptr<PostgresRequest> request) {
  if (request->connection) return request->connection->send(request);
  const auto refuse = [&](const std::string& why) {
    request->complete(store_error(StoreError::Kind::unavailable, why));
  };
  if (closed_) return refuse("the database is being closed");
  if (!down_.empty() && (connecting_ || std::chrono::steady_clock::now() < next_attempt_)) return refuse(down_);
  if (waiting_.size() >= options_.queue) return refuse("too many calls wait for the database");
  waiting_.push_back(std::move(request));
  dispatch();
}

void PostgresPool::forget(const PostgresRequest& request) {
  std::erase_if(waiting_, [&](const auto& waiting) { return waiting.get() == &request; });
}

void PostgresPool::close() {
  closed_ = true;
  for (const auto& connection : std::exchange(connections_, {})) connection->abandon();
  fail_waiting("the database is being closed");
}

void PostgresPool::on_progress() {
  dispatch();
}

void PostgresPool::on_closed(PostgresConnection& connection) {
  std::erase_if(connections_, [&](const auto& own) { return own.get() == &connection; });
  if (connections_.empty()) next_attempt_ = {};
  dispatch();
}

std::shared_ptr<PostgresConnection> PostgresPool::choose(const PostgresRequest& request) const {
  const std::size_t limit = request.exclusive ? 1 : kPipelineMax;
  std::shared_ptr<PostgresConnection> best;
  for (const auto& connection : connections_) {
    if (!connection->open() || connection->load() >= limit) continue;
    if (!best || connection->load() < best->load()) best = connection;
  }
  return best;
}

// In order, also where the first needs an idle connection and the next would not: else a transaction might never begin.
void PostgresPool::dispatch() {
  bool all_busy = connections_.empty();
  while (!waiting_.empty()) {
    const auto connection = choose(*waiting_.front());
    all_busy = !connection || connection->load() > 0;
    if (!connection) break;
    auto request = std::move(waiting_.front());
    waiting_.pop_front();
    connection->send(std::move(request));
  }
  if (all_busy && !closed_) grow();
}

void PostgresPool::grow() {
  if (connecting_ || connections_.size() >= options_.connections) return;
  if (connections_.empty() && waiting_.empty()) return;
  if (std::chrono::steady_clock::now() < next_attempt_) return;
  connecting_ = true;
  asio::co_spawn(executor_, connect(shared_from_this()), [self = shared_from_this()](const std::exception_ptr& thrown) {
    if (thrown) self->connecting_ = false;
  });
}

Awaitable<> PostgresPool::connect(std::shared_ptr<PostgresPool> self) {
  auto opened = co_await connect_postgres(self->target_, self->options_, self->failures_);
  self->connecting_ = false;
  if (self->closed_) co_return;
  if (opened) {
    self->on_connected(std::move(*opened));
  } else {
    self->on_failed(opened.error());
  }
}

void PostgresPool::on_connected(PostgresHandle handle) {
  if (!down_.empty()) log::info("the database is reachable again");
  down_.clear();
  failures_ = 0;
  next_attempt_ = {};
  connections_.push_back(PostgresConnection::start(executor_, std::move(handle), *this, options_.statement_timeout));
  dispatch();
}

void PostgresPool::on_failed(const std::string& why) {
  next_attempt_ = std::chrono::steady_clock::now() + pause();
  ++failures_;
  if (!connections_.empty()) return;  // the others serve
  if (down_.empty()) log::warn("the database is not reachable: {}", why);
  down_ = "the database is not reachable: " + why;
  fail_waiting(down_);
}

void PostgresPool::fail_waiting(const std::string& why) {
  for (const auto& request : std::exchange(waiting_, {}))
    request->complete(store_error(StoreError::Kind::unavailable, why));
}

// Doubles up to a second, and is shortened by up to a half, so that gateways do not come back all at once.
std::chrono::milliseconds PostgresPool::pause() {
  const auto full = std::min(kLongestPause, kFirstPause * (1L << std::min<std::size_t>(failures_, 10)));
  return full / 2 + std::chrono::milliseconds(std::uniform_int_distribution<long>(0, full.count() / 2)(jitter_));
}

}  // namespace gatehouse::storage
