// Runs an io_context until something has come true, for tests that have several things under way at once. There is no
// sleeping: it runs what is ready, and a test that waits in vain fails after ten seconds.
#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>

namespace gatehouse::tests {

template <class Predicate>
[[nodiscard]] bool run_until(boost::asio::io_context& io, Predicate is_true) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!is_true()) {
    if (io.stopped()) io.restart();
    if (std::chrono::steady_clock::now() > end) return false;
    io.run_one_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Runs what is ready now, and what becomes ready by it.
inline void run_ready(boost::asio::io_context& io) {
  if (io.stopped()) io.restart();
  while (io.poll() > 0) {
  }
}

}  // namespace gatehouse::tests
