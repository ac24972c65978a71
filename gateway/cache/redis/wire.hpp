// One connection that takes commands: bytes out, in one write for all that were given in one turn of the thread;
// replies in, in their order. It knows nothing of which reply belongs to which command.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/stream.hpp"
#include "cache/redis/reply.hpp"

namespace gatehouse::cache {

class RedisWire : public std::enable_shared_from_this<RedisWire> {
 public:
  // Told what comes, from the thread's loop and never from inside write(). It may close or abandon the wire there.
  class Owner {
   public:
    virtual void on_reply(RedisReply reply) = 0;
    // Once, after which nothing else is told. `why` is a clause for the log.
    virtual void on_closed(const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  // Shared, because handlers of the reactor hold it beyond its owner's life.
  static std::shared_ptr<RedisWire> start(Stream stream, std::size_t reply_bytes_max, Owner& owner);

  void write(std::string_view bytes);
  void close(const std::string& why);
  // Closes it, and tells its owner nothing.
  void abandon();

 private:
  RedisWire(Stream stream, std::size_t reply_bytes_max, Owner& owner)
      : stream_(std::move(stream)), reader_(reply_bytes_max), owner_(&owner) {}

  static Awaitable<> read(std::shared_ptr<RedisWire> self);
  static Awaitable<> finish_writing(std::shared_ptr<RedisWire> self, Stream::Status wanted);
  void flush();
  Stream::Status read_once();
  void read_replies();

  Stream stream_;
  RedisReplyReader reader_;
  Owner* owner_;  // null: closed
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_, from its start
  bool flush_is_posted_ = false;
  bool writing_waits_ = false;
  std::array<char, 16 * 1024> buffer_;
};

}  // namespace gatehouse::cache
