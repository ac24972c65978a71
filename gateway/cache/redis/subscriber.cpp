#include "cache/redis/subscriber.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/failure.hpp"
#include "base/log.hpp"

namespace gatehouse::cache {

namespace {

using Kind = RedisReply::Kind;

constexpr const char* kInvalidations = "__redis__:invalidate";

}  // namespace

class RedisSubscriber::Handle final : public Subscription {
 public:
  Handle(std::weak_ptr<RedisSubscriber> subscriber, std::shared_ptr<Entry> entry)
      : subscriber_(std::move(subscriber)), entry_(std::move(entry)) {}
  ~Handle() override {
    entry_->listener = nullptr;
    if (const auto subscriber = subscriber_.lock()) std::erase(subscriber->entries_, entry_);
  }

 private:
  const std::weak_ptr<RedisSubscriber> subscriber_;
  const std::shared_ptr<Entry> entry_;
};

RedisSubscriber::RedisSubscriber(const Executor& executor, std::shared_ptr<const RedisServer> server,
                                 CacheOptions options, std::shared_ptr<RedisClient> client)
    : executor_(executor),
      options_(options),
      client_(std::move(client)),
      link_(std::make_shared<RedisLink>(executor, std::move(server), options, static_cast<RedisLink::Owner&>(*this))),
      idle_(executor) {
  client_->watch_connection(this);
}

std::unique_ptr<Subscription> RedisSubscriber::add(std::vector<std::string> channels, bool tracks, Listener& listener) {
  if (tracks) channels.emplace_back(kInvalidations);
  auto entry = std::make_shared<Entry>(&listener, std::move(channels), tracks);
  entries_.push_back(entry);
  if (!std::exchange(started_, true)) {
    link_->start();
  } else {
    // The listener is not told from inside this call.
    asio::post(executor_, [self = shared_from_this()] {
      if (self->closed_) return;
      self->subscribe();
      self->refresh();
    });
  }
  return std::make_unique<Handle>(weak_from_this(), std::move(entry));
}

void RedisSubscriber::close() {
  closed_ = true;
  client_->watch_connection(nullptr);
  link_->close();
  idle_.cancel();
  entries_.clear();
}

void RedisSubscriber::on_connected() {
  asked_.clear();
  link_->write(format_command({"CLIENT", "ID"}));
  subscribe();
  keep_alive(false);
}

void RedisSubscriber::subscribe() {
  if (!link_->connected()) return;
  for (const auto& entry : entries_) {
    for (const auto& channel : entry->channels) {
      if (asked_.insert(channel).second) link_->write(format_command({"SUBSCRIBE", channel}));
    }
  }
}

void RedisSubscriber::on_reply(RedisReply reply) {
  const auto self = shared_from_this();  // a listener may end the cache
  switch (reply.kind) {
    case Kind::integer:
      id_ = std::to_string(reply.integer);
      break;
    case Kind::array:
      on_push(std::move(reply));
      break;
    case Kind::status:
      answered_ = true;
      break;
    case Kind::error:
      log::warn("redis: changes of others are not told: the server refuses that ({})", reply.error_code());
      break;
    default:
      link_->drop("it sends what nobody asked for");
      return;
  }
  if (!closed_) refresh();
}

void RedisSubscriber::on_push(RedisReply reply) {
  if (reply.items.size() < 2) return link_->drop("it sends what nobody asked for");
  const auto& kind = reply.items[0].text;
  const auto& channel = reply.items[1].text;
  if (kind == "pong") {
    answered_ = true;
  } else if (kind == "subscribe") {
    confirmed_.insert(channel);
  } else if (kind == "message" && reply.items.size() == 3) {
    const auto& message = reply.items[2];
    if (channel == kInvalidations) return on_invalidation(message);
    tell_all([&](const Entry& entry) {
      if (entry.live && std::ranges::find(entry.channels, channel) != entry.channels.end())
        entry.listener->on_message(channel, message.text);
    });
  }
}

// Without keys: the server has dropped them all.
void RedisSubscriber::on_invalidation(const RedisReply& keys) {
  if (keys.kind == Kind::array) {
    for (const auto& key : keys.items) {
      tell_all([&](const Entry& entry) {
        if (entry.live && entry.tracks) entry.listener->on_key_changed(key.text);
      });
    }
    return;
  }
  tell_all([](const Entry& entry) {
    if (entry.live && entry.tracks) entry.listener->on_lost();
  });
  tell_all([](const Entry& entry) {
    if (entry.live && entry.tracks) entry.listener->on_resumed();
  });
}

// Listeners may end their subscription or the cache, and add others.
template <class Tell>
void RedisSubscriber::tell_all(Tell tell) {
  const auto entries = entries_;
  for (const auto& entry : entries) {
    if (entry->listener != nullptr && !closed_) tell(*entry);
  }
}

bool RedisSubscriber::is_live(const Entry& entry) const {
  const bool confirmed =
      std::ranges::all_of(entry.channels, [&](const auto& channel) { return confirmed_.contains(channel); });
  return confirmed && (!entry.tracks || tracking_);
}

void RedisSubscriber::refresh() {
  begin_tracking();
  const auto entries = entries_;
  for (const auto& entry : entries) {
    const bool live = is_live(*entry);
    if (closed_ || entry->listener == nullptr || std::exchange(entry->live, live) == live) continue;
    if (live) {
      entry->listener->on_resumed();
    } else {
      entry->listener->on_lost();
    }
  }
}

bool RedisSubscriber::wants_tracking() const {
  return std::ranges::any_of(entries_, [](const auto& entry) { return entry->tracks; });
}

void RedisSubscriber::begin_tracking() {
  const bool possible = !id_.empty() && confirmed_.contains(kInvalidations) && client_->connection() != 0;
  if (asked_to_track_ || !possible || !wants_tracking()) return;
  asked_to_track_ = true;
  asio::co_spawn(executor_, ask_for_tracking(shared_from_this()), [](const std::exception_ptr&) {});
}

Awaitable<> RedisSubscriber::ask_for_tracking(std::shared_ptr<RedisSubscriber> self) {
  const auto id = self->id_;
  std::vector<std::string> words{"CLIENT", "TRACKING", "ON", "REDIRECT", id};
  std::uint64_t connection = 0;
  try {
    const auto reply = co_await RedisClient::call(self->client_, std::move(words));
    connection = reply.connection;
  } catch (const Failure& failure) {
    // Where a connection was lost, the next one brings the next attempt; else the server refuses.
    if (!self->closed_ && self->client_->connection() != 0)
      log::warn("redis: changed keys are not told: {}", failure.what());
    co_return;
  }
  if (self->closed_ || id != self->id_ || connection != self->client_->connection()) co_return;
  self->tracking_ = true;
  self->refresh();
}

void RedisSubscriber::on_lost(const std::string&) {
  const auto self = shared_from_this();
  idle_.cancel();
  id_.clear();
  confirmed_.clear();
  tracking_ = asked_to_track_ = false;
  refresh();
}

void RedisSubscriber::on_commands_connected() {
  tracking_ = asked_to_track_ = false;
  refresh();
}

void RedisSubscriber::on_commands_lost() {
  const auto self = shared_from_this();
  tracking_ = asked_to_track_ = false;
  refresh();
}

// A connection that has silently gone brings nothing, and looks like one on which nothing happens.
void RedisSubscriber::keep_alive(bool asked) {
  idle_.expires_after(asked ? options_.connect_timeout : options_.keep_alive);
  idle_.async_wait([self = shared_from_this(), asked](boost::system::error_code cancelled) {
    if (cancelled || self->closed_ || !self->link_->connected()) return;
    if (asked && !self->answered_) return self->link_->drop("it does not answer in time");
    if (!asked) {
      self->answered_ = false;
      self->link_->write(format_command({"PING"}));
    }
    self->keep_alive(!asked);
  });
}

}  // namespace gatehouse::cache
