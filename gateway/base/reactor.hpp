// When sockets become readable or writable: one epoll set per thread, in which a descriptor stays from the first to the
// last moment, edge-triggered. Asio's own reactor asks the kernel anew for each wait and allocates an operation for it;
// on the way of a request that costs more than parsing its head does (docs/decisions). The set itself is one descriptor
// that Asio waits for, so that timers, resolvers and posted work go on as they do in any io_context.
#pragma once
#include <sys/epoll.h>

#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>
#include <optional>

#include "base/awaitable.hpp"

namespace gatehouse {

// A service of the io_context, which makes it at the first use. All of it happens on the thread that runs the context.
class Reactor final : public asio::execution_context::service {
 public:
  class Watch;
  enum class Direction { read, write };

  static asio::execution_context::id id;
  static Reactor& of(const Executor& executor) { return asio::use_service<Reactor>(executor.context()); }

  explicit Reactor(asio::execution_context& context);
  ~Reactor() override;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

 private:
  using Waiter = asio::async_result<asio::use_awaitable_t<Executor>, void(bool)>::handler_type;

  void shutdown() override;
  void arm();
  void disarm();
  void on_ready();
  void forget(const Watch& watch);

  static constexpr int kBatch = 256;

  asio::posix::basic_stream_descriptor<Executor> set_;
  Watch* first_ = nullptr;
  std::size_t waiting_ = 0;  // coroutines
  bool armed_ = false;       // Asio waits for the set
  bool shut_down_ = false;
  std::array<epoll_event, kBatch> events_;
  int next_ = 0;  // the batch that is worked on: [next_, end_) of events_ is still to come
  int end_ = 0;
};

// One descriptor, owned. Whoever reads or writes it says what the kernel answered; a wait that would be in vain is then
// not begun. At most two coroutines wait at a time.
class Reactor::Watch {
 public:
  // Takes the descriptor, which does not block.
  Watch(const Executor& executor, int descriptor);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  const Executor& executor() const { return executor_; }

  // The kernel said EAGAIN, or gave less than there was room for: until it tells otherwise there is nothing. After the
  // peer's FIN there is always something: the end.
  void drained() { readable_ = ended_; }
  void filled() { writable_ = broken_; }

  // True when it is worth trying again, at once if the kernel has said so since drained() or filled(). False when the
  // wait was ended by cancel() or close().
  Awaitable<bool> wait(Direction direction);
  bool is_awaited(Direction direction) const;
  void cancel();
  void close();

 private:
  friend class Reactor;
  struct Wait {
    std::optional<Waiter> waiter;
    Direction direction = Direction::read;
  };

  bool is_ready(Direction direction) const { return direction == Direction::read ? readable_ : writable_; }
  void begin(Waiter waiter, Direction direction);
  void on_events(std::uint32_t events);
  std::optional<Waiter> take(Wait& wait);
  void resume_later(Waiter waiter, bool ready);

  Executor executor_;
  Reactor& reactor_;
  int descriptor_;
  bool readable_ = false;
  bool writable_ = false;
  bool ended_ = false;   // the peer's FIN was told: nothing more to read is ever told
  bool broken_ = false;  // a reset or an error was told
  std::array<Wait, 2> waits_;
  Watch* previous_ = nullptr;
  Watch* next_watch_ = nullptr;
};

}  // namespace gatehouse
