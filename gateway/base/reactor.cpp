#include "base/reactor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <utility>

#include "base/check.hpp"

namespace gatehouse {

asio::execution_context::id Reactor::id;

Reactor::Reactor(asio::execution_context& context)
    : service(context), set_(static_cast<asio::io_context&>(context).get_executor()) {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) throw boost::system::system_error(errno, boost::system::system_category(), "epoll_create1");
  set_.assign(set);
}

Reactor::~Reactor() = default;

// The context goes: what waits is destroyed with it, which may destroy further watches.
void Reactor::shutdown() {
  shut_down_ = true;
  boost::system::error_code ignored;
  set_.close(ignored);
  for (bool found = true; found;) {
    found = false;
    for (Watch* watch = first_; watch && !found; watch = watch->next_watch_) {
      for (auto& wait : watch->waits_) {
        if (!wait.waiter) continue;
        const auto dropped = watch->take(wait);
        found = true;
        break;
      }
    }
  }
}

void Reactor::arm() {
  if (armed_ || shut_down_) return;
  armed_ = true;
  set_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    armed_ = false;
    if (!error) {
      on_ready();
    } else if (waiting_ > 0) {
      arm();  // somebody has begun to wait since disarm()
    }
  });
}

// Nobody waits: io_context::run() may return.
void Reactor::disarm() {
  if (!armed_ || waiting_ > 0 || shut_down_) return;
  boost::system::error_code ignored;
  set_.cancel(ignored);
}

// What a resumed coroutine throws ends in the handler of its co_spawn, whose exceptions Asio keeps until we return.
void Reactor::on_ready() {
  const int count = ::epoll_wait(set_.native_handle(), events_.data(), kBatch, 0);
  end_ = count > 0 ? count : 0;
  for (next_ = 0; next_ < end_;) {
    const epoll_event& event = events_[static_cast<std::size_t>(next_++)];
    if (event.data.ptr) static_cast<Watch*>(event.data.ptr)->on_events(event.events);
  }
  if (waiting_ > 0) arm();
}

void Reactor::forget(const Watch& watch) {
  for (int i = next_; i < end_; ++i) {
    auto& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &watch) event.data.ptr = nullptr;
  }
}

Reactor::Watch::Watch(const Executor& executor, int descriptor)
    : executor_(executor), reactor_(Reactor::of(executor)), descriptor_(descriptor) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = this;
  if (::epoll_ctl(reactor_.set_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    const int error = errno;
    ::close(descriptor);
    throw boost::system::system_error(error, boost::system::system_category(), "epoll_ctl");
  }
  next_watch_ = reactor_.first_;
  if (next_watch_) next_watch_->previous_ = this;
  reactor_.first_ = this;
}

Reactor::Watch::~Watch() {
  close();
  if (previous_) previous_->next_watch_ = next_watch_;
  if (next_watch_) next_watch_->previous_ = previous_;
  if (reactor_.first_ == this) reactor_.first_ = next_watch_;
}

Awaitable<bool> Reactor::Watch::wait(Direction direction) {
  auto token = use_awaitable;
  return asio::async_initiate<decltype(token), void(bool)>(
      [](Waiter waiter, Watch* self, Direction what) { self->begin(std::move(waiter), what); }, token, this, direction);
}

void Reactor::Watch::begin(Waiter waiter, Direction direction) {
  if (!is_open() || is_ready(direction)) {
    resume_later(std::move(waiter), is_open());
    return;
  }
  Wait& wait = waits_[0].waiter ? waits_[1] : waits_[0];
  GATEHOUSE_CHECK(!wait.waiter);
  wait.waiter.emplace(std::move(waiter));
  wait.direction = direction;
  ++reactor_.waiting_;
  reactor_.arm();
}

bool Reactor::Watch::is_awaited(Direction direction) const {
  return std::ranges::any_of(waits_, [=](const Wait& wait) { return wait.waiter && wait.direction == direction; });
}

std::optional<Reactor::Waiter> Reactor::Watch::take(Wait& wait) {
  std::optional<Waiter> taken(std::move(wait.waiter));
  wait.waiter.reset();
  if (taken) --reactor_.waiting_;
  return taken;
}

// Whoever is resumed may destroy this watch.
void Reactor::Watch::on_events(std::uint32_t events) {
  if (events & (EPOLLHUP | EPOLLERR)) broken_ = true;
  if (broken_ || (events & EPOLLRDHUP)) ended_ = true;
  if (ended_ || (events & EPOLLIN)) readable_ = true;
  if (broken_ || (events & EPOLLOUT)) writable_ = true;
  std::optional<Waiter> first;
  for (auto& wait : waits_) {
    if (!wait.waiter || !is_ready(wait.direction)) continue;
    if (!first) {
      first.emplace(*take(wait));
    } else {
      resume_later(*take(wait), true);
    }
  }
  if (first) (*first)(true);
}

void Reactor::Watch::resume_later(Waiter waiter, bool ready) {
  asio::post(executor_, [waiter = std::move(waiter), ready]() mutable { waiter(ready); });
}

void Reactor::Watch::cancel() {
  for (auto& wait : waits_) {
    if (auto waiter = take(wait)) resume_later(std::move(*waiter), false);
  }
  reactor_.disarm();
}

void Reactor::Watch::close() {
  if (!is_open()) return;
  reactor_.forget(*this);
  ::close(descriptor_);
  descriptor_ = -1;
  cancel();
}

}  // namespace gatehouse
