// Runs one coroutine to its end on an io_context that nobody else runs, and gives back what it returned or threw.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>

#include "base/awaitable.hpp"
#include "base/check.hpp"

namespace gatehouse::tests {

template <class T>
T run_coroutine(asio::io_context& context, Awaitable<T> coroutine) {
  std::exception_ptr failure;
  std::optional<T> result;
  asio::co_spawn(context.get_executor(), std::move(coroutine), [&](std::exception_ptr thrown, T value) {
    failure = thrown;
    if (!thrown) result.emplace(std::move(value));
  });
  context.restart();
  while (!failure && !result && context.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  GATEHOUSE_CHECK(result.has_value());
  return std::move(*result);
}

inline void run_coroutine(asio::io_context& context, Awaitable<> coroutine) {
  std::exception_ptr failure;
  bool done = false;
  asio::co_spawn(context.get_executor(), std::move(coroutine), [&](std::exception_ptr thrown) {
    failure = thrown;
    done = true;
  });
  context.restart();
  while (!done && context.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  GATEHOUSE_CHECK(done);
}

}  // namespace gatehouse::tests
