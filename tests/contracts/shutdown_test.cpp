// What happens to calls under way when the io_context of their thread goes.
#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "storage/open.hpp"

using namespace gatehouse;
using namespace gatehouse::storage;

namespace {

struct IoContext : asio::io_context {
  using asio::execution_context::shutdown;
};

Awaitable<> ask(Database& database, std::string_view sql) {
  co_await database.query({sql}, {});
}

constexpr std::string_view kSlow =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT count(*) FROM n";

}  // namespace

// The thread sanitizer sees a delivery into a queue that is being emptied; without it, what was put there shows.
TEST_CASE("an io_context may shut down before its Database, while the engine still works for it") {
  const auto store = open_store(Secret("sqlite::memory:")).value();
  IoContext context;
  const auto database = store->connect(context.get_executor());
  asio::co_spawn(context, ask(*database, kSlow), asio::detached);
  context.poll();
  context.shutdown();
  // The engine does one thing after the other: when this is answered, what was before it is over.
  asio::io_context later;
  const auto other = store->connect(later.get_executor());
  bool answered = false;
  asio::co_spawn(later, ask(*other, "SELECT 1"), [&](const std::exception_ptr& error) { answered = !error; });
  later.run();
  CHECK(answered);
  context.restart();
  CHECK(context.poll() == 0);
}
