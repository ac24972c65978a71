// Runs one coroutine to its end on an io_context that nobody else runs, and gives back what it returned or threw.
#pragma once
#include <optional>
#include <utility>

#include "base/awaitable.hpp"

namespace gatehouse::tests {

// The process ends when the context has nothing left to do before the coroutine is done.
void run_coroutine(asio::io_context& context, Awaitable<> coroutine);

template <class T>
Awaitable<> keep_result(Awaitable<T> coroutine, std::optional<T>& result) {
  result.emplace(co_await std::move(coroutine));
}

template <class T>
T run_coroutine(asio::io_context& context, Awaitable<T> coroutine) {
  std::optional<T> result;
  run_coroutine(context, keep_result(std::move(coroutine), result));
  return *std::move(result);
}

}  // namespace gatehouse::tests
