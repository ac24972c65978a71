#include "cache/redis/wire.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace gatehouse::cache {

namespace {

constexpr int kReadsInARow = 16;  // then others of the thread have their turn

}  // namespace

std::shared_ptr<RedisWire> RedisWire::start(Stream stream, std::size_t reply_bytes_max, Owner& owner) {
  std::shared_ptr<RedisWire> wire(new RedisWire(std::move(stream), reply_bytes_max, owner));
  asio::co_spawn(wire->stream_.executor(), read(wire), [wire](const std::exception_ptr& thrown) {
    if (thrown) wire->close("there is no memory for its answer");
  });
  return wire;
}

void RedisWire::write(std::string_view bytes) {
  if (owner_ == nullptr) return;
  unsent_ += bytes;
  if (flush_is_posted_ || writing_waits_) return;
  flush_is_posted_ = true;
  asio::post(stream_.executor(), [self = shared_from_this()] {
    self->flush_is_posted_ = false;
    self->flush();
  });
}

void RedisWire::flush() {
  while (owner_ != nullptr && !writing_waits_ && sent_ < unsent_.size()) {
    const auto written = stream_.write(std::string_view(unsent_).substr(sent_));
    if (written.status == Stream::Status::ok) {
      sent_ += written.bytes;
    } else if (written.status == Stream::Status::want_write || written.status == Stream::Status::want_read) {
      writing_waits_ = true;
      asio::co_spawn(stream_.executor(), finish_writing(shared_from_this(), written.status),
                     [](const std::exception_ptr&) {});
    } else {
      close("the connection is broken");
    }
  }
  if (sent_ < unsent_.size()) return;
  unsent_.clear();
  sent_ = 0;
}

// OpenSSL may have to read before it can write; the reading coroutine waits for the same then, and either will do.
Awaitable<> RedisWire::finish_writing(std::shared_ptr<RedisWire> self, Stream::Status wanted) {
  const bool ready = co_await self->stream_.wait(wanted);
  self->writing_waits_ = false;
  if (ready) self->flush();
}

// Goes on even when no reply is under way: this is how the end of the connection is noticed before a command meets it.
Awaitable<> RedisWire::read(std::shared_ptr<RedisWire> self) {
  for (int reads = 1; self->owner_ != nullptr; ++reads) {
    const auto status = self->read_once();
    if (self->owner_ == nullptr) co_return;
    if (status != Stream::Status::ok) {
      const bool ready = co_await self->stream_.wait(status);
      if (!ready) co_return;
    } else if (reads % kReadsInARow == 0) {
      co_await asio::post(self->stream_.executor(), use_awaitable);
    }
  }
}

// What to wait for; ok: nothing.
Stream::Status RedisWire::read_once() {
  const auto read = stream_.read(buffer_.data(), buffer_.size());
  if (read.status == Stream::Status::ok) {
    reader_.feed({buffer_.data(), read.bytes});
    read_replies();
  } else if (read.status == Stream::Status::closed) {
    close("it closed the connection");
  } else if (read.status == Stream::Status::failed) {
    close("the connection is broken");
  }
  return read.status;
}

void RedisWire::read_replies() {
  while (owner_ != nullptr) {
    auto reply = reader_.next();
    if (!reply) return close(reply.error());
    if (!*reply) return;
    owner_->on_reply(*std::move(*reply));
  }
}

void RedisWire::close(const std::string& why) {
  if (owner_ == nullptr) return;
  const auto self = shared_from_this();  // the owner lets go of it
  auto* owner = std::exchange(owner_, nullptr);
  stream_.close();
  owner->on_closed(why);
}

void RedisWire::abandon() {
  owner_ = nullptr;
  stream_.close();
}

}  // namespace gatehouse::cache
