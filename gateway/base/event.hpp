// Something that happens once and that one coroutine of the same thread waits for.
#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <chrono>

#include "base/awaitable.hpp"

namespace gatehouse {

using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

class Event {
 public:
  explicit Event(const Executor& executor) : timer_(executor, std::chrono::steady_clock::time_point::max()) {}
  bool is_set() const { return set_; }
  void set() {
    set_ = true;
    timer_.cancel();
  }
  Awaitable<> wait() {
    while (!set_) {
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
    }
  }

 private:
  SteadyTimer timer_;
  bool set_ = false;
};

}  // namespace gatehouse
