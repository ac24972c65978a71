#include "tests/support/run_coroutine.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "base/check.hpp"

namespace gatehouse::tests {

void run_coroutine(asio::io_context& context, Awaitable<> coroutine) {
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
