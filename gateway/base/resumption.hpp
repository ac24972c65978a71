// Lets a coroutine wait for something that another thread brings about: it suspends, and is resumed on its own
// executor.
#pragma once
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "base/awaitable.hpp"

namespace gatehouse {

// The suspended coroutine. Exactly one of resume() and fail() must be called, once, from any thread, while the
// coroutine's io_context exists; it keeps that io_context running until then. T has a default value.
template <class T>
class Resumption {
 public:
  Resumption() = default;

  template <class Handler>
  Resumption(Handler handler, Executor executor)
      : handler_(std::move(handler)), executor_(asio::prefer(executor, asio::execution::outstanding_work.tracked)) {}

  void resume(T value) { complete(nullptr, std::move(value)); }
  void fail(std::exception_ptr error) { complete(std::move(error), T{}); }

 private:
  using WorkingExecutor =
      decltype(asio::prefer(std::declval<const Executor&>(), asio::execution::outstanding_work.tracked));

  void complete(std::exception_ptr error, T value) {
    asio::post(*executor_, [handler = std::move(handler_), error = std::move(error),
                            value = std::move(value)]() mutable { handler(std::move(error), std::move(value)); });
    executor_.reset();
  }

  std::move_only_function<void(std::exception_ptr, T)> handler_;
  std::optional<WorkingExecutor> executor_;
};

// Suspends the calling coroutine and hands its Resumption to `start`, which may resume it at once.
template <class T, class Start>
Awaitable<T> suspend_until_resumed(Start start) {
  const Executor executor = co_await asio::this_coro::executor;
  auto token = use_awaitable;
  co_return co_await asio::async_initiate<decltype(token), void(std::exception_ptr, T)>(
      [executor](auto handler, Start begin) { begin(Resumption<T>(std::move(handler), executor)); }, token,
      std::move(start));
}

}  // namespace gatehouse
