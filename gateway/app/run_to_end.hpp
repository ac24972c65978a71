// One coroutine run to its end on a thread whose io_context nobody else runs.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "base/awaitable.hpp"

namespace gatehouse::app {

// Not the io_context to its own end: an idle connection to PostgreSQL keeps waiting for its server to go away. Throws
// what the coroutine throws.
template <class T>
T run_to_end(asio::io_context& io, Awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr failed;
  // What happened since the last call: a connection that the server has closed must not be used.
  io.restart();
  io.poll();
  asio::co_spawn(io.get_executor(), std::move(work), [&](const std::exception_ptr& error, T value) {
    failed = error;
    if (!error) result = std::move(value);
  });
  io.restart();
  while (!failed && !result) io.run_one();
  if (failed) std::rethrow_exception(failed);
  return std::move(*result);
}

}  // namespace gatehouse::app
