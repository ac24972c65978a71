#include "cache/redis/client.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.hpp"
#include "base/failure.hpp"

namespace gatehouse::cache {

namespace {

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

std::string sha1_hex(std::string_view text) {
  std::array<char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha1(), nullptr);
  return hex_encode({digest.data(), size});
}

// Errors that are not about the one command: the server as a whole does not serve, or no longer lets us in.
bool is_outage(std::string_view code) {
  static constexpr std::array<std::string_view, 10> kOutages{"LOADING",     "BUSY",       "MASTERDOWN", "MISCONF",
                                                             "NOREPLICAS",  "READONLY",   "NOAUTH",     "OOM",
                                                             "CLUSTERDOWN", "UNREACHABLE"};
  return std::ranges::find(kOutages, code) != kOutages.end();
}

[[noreturn]] void raise(const std::string& why) {
  throw Failure(503, "cache_unavailable", "redis: " + why);
}

}  // namespace

struct RedisClient::Call {
  Call(const Executor& executor, const std::vector<std::string>& words, SteadyTime ends_at)
      : bytes(format_command({words.begin(), words.end()})), name(words.front()), deadline(ends_at), done(executor) {}

  std::string bytes;
  const std::string name;  // of the command
  const SteadyTime deadline;
  Event done;
  Outcome outcome;
  std::uint64_t connection = 0;  // 0: any may carry it
  bool abandoned = false;        // nobody waits for it
};

Script::Script(std::string_view lua) : text(lua), sha1(sha1_hex(lua)) {}

RedisClient::RedisClient(const Executor& executor, std::shared_ptr<const RedisServer> server, CacheOptions options,
                         std::shared_ptr<RedisHealth> health)
    : executor_(executor),
      options_(options),
      health_(std::move(health)),
      link_(std::make_shared<RedisLink>(executor, std::move(server), options, static_cast<RedisLink::Owner&>(*this))),
      deadlines_(executor),
      idle_(executor) {
  health_->add_client();
}

RedisClient::~RedisClient() {
  health_->remove_client(state_);
}

void RedisClient::start() {
  link_->start();
}

void RedisClient::close() {
  closed_ = true;
  watcher_ = nullptr;
  link_->close();
  deadlines_.cancel();
  idle_.cancel();
  fail_all("the cache is being closed");
}

Awaitable<RedisClient::Outcome> RedisClient::perform(std::shared_ptr<RedisClient> self, std::vector<std::string> words,
                                                     std::uint64_t connection) {
  struct Waiter {
    std::shared_ptr<Call> call;
    ~Waiter() { call->abandoned = true; }
  };
  const Waiter waiter{std::make_shared<Call>(self->executor_, words, now() + self->options_.command_timeout)};
  waiter.call->connection = connection;
  self->submit(waiter.call);
  self.reset();
  co_await waiter.call->done.wait();
  co_return std::move(waiter.call->outcome);
}

Awaitable<RedisReply> RedisClient::call(std::shared_ptr<RedisClient> self, std::vector<std::string> words) {
  auto outcome = co_await perform(std::move(self), std::move(words), 0);
  if (!outcome) raise(outcome.error());
  co_return *std::move(outcome);
}

Awaitable<RedisReply> RedisClient::run(std::shared_ptr<RedisClient> self, const RedisScript& script,
                                       std::vector<std::string> keys, std::vector<std::string> arguments,
                                       std::uint64_t connection) {
  std::vector<std::string> words{"EVALSHA", script.sha1, std::to_string(keys.size())};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto outcome = co_await perform(self, words, connection);
  // Not executed: it may be sent again, whole.
  if (outcome && outcome->error_code() == "NOSCRIPT") {
    words[0] = "EVAL";
    words[1] = script.text;
    outcome = co_await perform(std::move(self), std::move(words), connection);
  }
  if (!outcome) raise(outcome.error());
  co_return *std::move(outcome);
}

void RedisClient::submit(const std::shared_ptr<Call>& call) {
  health_->count_calls(1);
  const auto refuse = [&](const std::string& why) {
    health_->count_failures(1);
    call->outcome = std::unexpected(why);
    call->done.set();
  };
  if (closed_) return refuse("the cache is being closed");
  if (!down_.empty()) return refuse(down_);
  const bool lost = call->connection != 0 && (call->connection != connection_ || !link_->connected());
  if (lost) return refuse("the connection was lost");
  const bool full =
      in_flight_.size() + waiting_.size() >= options_.queue || bytes_ + call->bytes.size() > options_.queue_bytes;
  if (full) return refuse("too many calls are under way");
  bytes_ += call->bytes.size();
  if (link_->connected()) {
    send(call);
  } else {
    waiting_.push_back(call);
  }
  if (!watching_) watch();
}

void RedisClient::send(const std::shared_ptr<Call>& call) {
  link_->write(call->bytes);
  in_flight_.push_back(call);
}

void RedisClient::finish(std::shared_ptr<Call> call, Outcome outcome) {
  bytes_ -= call->bytes.size();
  if (!outcome) health_->count_failures(1);
  call->outcome = std::move(outcome);
  call->done.set();
}

void RedisClient::fail_all(const std::string& why) {
  for (auto* calls : {&in_flight_, &waiting_}) {
    for (auto& call : std::exchange(*calls, {})) finish(std::move(call), std::unexpected(why));
  }
}

// All calls have the same time, so the first one's deadline is the next.
void RedisClient::watch() {
  const auto& calls = in_flight_.empty() ? waiting_ : in_flight_;
  watching_ = !calls.empty();
  if (!watching_) return;
  deadlines_.expires_at(calls.front()->deadline);
  deadlines_.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
    if (cancelled || self->closed_) return;
    self->on_time();
    self->watch();
  });
}

void RedisClient::on_time() {
  if (!in_flight_.empty() && in_flight_.front()->deadline <= now()) {
    // The replies to these would come later, and be taken for those of others.
    link_->drop("it does not answer in time");
    return;
  }
  while (!waiting_.empty() && waiting_.front()->deadline <= now()) {
    auto call = std::move(waiting_.front());
    waiting_.pop_front();
    finish(std::move(call), std::unexpected("there is no connection in time"));
    if (++failures_ >= options_.failures_max) open_circuit("there is no connection in time");
  }
}

void RedisClient::open_circuit(const std::string& why) {
  down_ = "not available: " + why;
  health_->change(std::exchange(state_, RedisHealth::State::down), RedisHealth::State::down, why);
  fail_all(down_);
}

void RedisClient::on_connected() {
  const auto self = shared_from_this();  // who watches may end the cache
  connection_ = health_->count_connect(link_->run_id());
  was_connected_ = true;
  failures_ = 0;
  down_.clear();
  health_->change(std::exchange(state_, RedisHealth::State::up), RedisHealth::State::up, "");
  for (auto& call : std::exchange(waiting_, {})) {
    if (call->abandoned) {
      bytes_ -= call->bytes.size();
    } else {
      send(call);
    }
  }
  keep_alive();
  if (watcher_ != nullptr) watcher_->on_commands_connected();
}

void RedisClient::on_reply(RedisReply reply) {
  if (in_flight_.empty()) return link_->drop("it sends what nobody asked for");
  auto call = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (!reply.is_error() || reply.error_code() == "NOSCRIPT") {
    failures_ = 0;
    reply.connection = connection_;
    finish(std::move(call), std::move(reply));
    return;
  }
  const bool outage = is_outage(reply.error_code());
  const auto code = reply.error_code().empty() ? "an error" : reply.error_code();
  const auto why = fmt::format("{} is refused ({})", call->name, code);
  finish(std::move(call), std::unexpected(why));
  // Nothing more is sent to it until a new connection has shown that it serves.
  if (outage && ++failures_ >= options_.failures_max) {
    open_circuit(why);
    link_->drop(why);
  }
}

// The connection was lost, or an attempt has failed: the first of these is what a restart looks like, so that calls may
// wait for the attempt that follows; after the second they would wait in vain.
void RedisClient::on_lost(const std::string& why) {
  const auto self = shared_from_this();
  idle_.cancel();
  const bool attempt_failed = !std::exchange(was_connected_, false);
  failures_ += static_cast<unsigned>(in_flight_.size());
  for (auto& call : std::exchange(in_flight_, {})) finish(std::move(call), std::unexpected(why));
  if (attempt_failed || failures_ >= options_.failures_max) open_circuit(why);
  if (watcher_ != nullptr && !attempt_failed) watcher_->on_commands_lost();
}

// An idle connection whose server has silently gone would cost the next call its time, and the metrics their truth.
void RedisClient::keep_alive() {
  idle_.expires_after(options_.keep_alive);
  idle_.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
    if (cancelled || self->closed_ || !self->link_->connected()) return;
    if (self->in_flight_.empty()) {
      auto ping = std::make_shared<Call>(self->executor_, std::vector<std::string>{"PING"},
                                         now() + self->options_.command_timeout);
      ping->abandoned = true;
      self->bytes_ += ping->bytes.size();
      self->send(ping);
      if (!self->watching_) self->watch();
    }
    self->keep_alive();
  });
}

}  // namespace gatehouse::cache
