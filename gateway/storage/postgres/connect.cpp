#include "storage/postgres/connect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <vector>

#include "storage/postgres/answer.hpp"
#include "storage/timer.hpp"

namespace gatehouse::storage {

namespace {

using namespace asio::experimental::awaitable_operators;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;
using boost::system::error_code;

constexpr std::chrono::milliseconds kConnectTimeout{2'000};
constexpr const char* kTooSlow = "the server did not answer in time";

// The descriptor is libpq's: it is only watched, for one wait, because libpq may replace the socket between two steps.
class Watched {
 public:
  Watched(Executor executor, int socket) : descriptor_(executor, socket) {}
  ~Watched() { descriptor_.release(); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  Descriptor& operator*() { return descriptor_; }

 private:
  Descriptor descriptor_;
};

Awaitable<> sleep_until(SteadyTime time) {
  const auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, time);
  error_code ignored;
  co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
}

Awaitable<> wait_ready(int socket, Descriptor::wait_type what) {
  const auto executor = co_await asio::this_coro::executor;
  Watched watched(executor, socket);
  error_code ignored;
  co_await (*watched).async_wait(what, asio::redirect_error(use_awaitable, ignored));
}

// False: the deadline came first.
Awaitable<bool> wait_socket(int socket, Descriptor::wait_type what, SteadyTime deadline) {
  const auto first = co_await (wait_ready(socket, what) || sleep_until(deadline));
  co_return first.index() == 0;
}

Awaitable<std::vector<PostgresEndpoint>> look_up(PostgresEndpoint endpoint) {
  const auto executor = co_await asio::this_coro::executor;
  Resolver resolver(executor);
  error_code failed;
  const auto found = co_await resolver.async_resolve(endpoint.host, "", asio::redirect_error(use_awaitable, failed));
  std::vector<PostgresEndpoint> endpoints;
  for (const auto& entry : found) {
    endpoints.push_back({endpoint.host, entry.endpoint().address().to_string(), endpoint.port});
  }
  co_return endpoints;
}

// Every server with its address; those whose name leads nowhere are left out.
Awaitable<std::vector<PostgresEndpoint>> look_up_all(const PostgresTarget& target, SteadyTime deadline) {
  std::vector<PostgresEndpoint> endpoints;
  for (const auto& endpoint : target.endpoints()) {
    if (!PostgresTarget::needs_address(endpoint)) {
      endpoints.push_back(endpoint);
      continue;
    }
    const auto found = co_await (look_up(endpoint) || sleep_until(deadline));
    if (found.index() == 0) endpoints.insert(endpoints.end(), std::get<0>(found).begin(), std::get<0>(found).end());
  }
  co_return endpoints;
}

PostgresHandle start(const PostgresTarget& target, const std::vector<PostgresEndpoint>& endpoints) {
  const auto keywords = target.keywords(endpoints);
  std::vector<const char*> names, values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  PostgresHandle handle(PQconnectStartParams(names.data(), values.data(), 0));
  // CREATE TABLE IF NOT EXISTS gives notices, and libpq writes them to standard error.
  if (handle) PQsetNoticeReceiver(handle.get(), [](void*, const PGresult*) {}, nullptr);
  return handle;
}

// Empty when it is connected, else why not.
Awaitable<std::string> finish_connecting(PGconn* connection, SteadyTime deadline) {
  auto state = PGRES_POLLING_WRITING;
  while (PQstatus(connection) != CONNECTION_BAD) {
    if (state == PGRES_POLLING_OK) co_return std::string();
    if (state == PGRES_POLLING_FAILED) break;
    const auto what = state == PGRES_POLLING_READING ? Descriptor::wait_read : Descriptor::wait_write;
    const bool ready = co_await wait_socket(PQsocket(connection), what, deadline);
    if (!ready) co_return std::string(kTooSlow);
    state = PQconnectPoll(connection);
  }
  co_return one_line(PQerrorMessage(connection));
}

// The server ends a statement itself a little before we would give the connection up, and rolls back a transaction
// whose gateway has gone silent.
std::string session_settings(const StoreOptions& options) {
  const auto statement = std::max<long>(options.statement_timeout.count() - 100, 100);
  return fmt::format(
      "SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false), "
      "set_config('statement_timeout', '{}', false), set_config('idle_in_transaction_session_timeout', '{}', false){}",
      statement, 2 * options.statement_timeout.count(),
      options.read_only ? ", set_config('default_transaction_read_only', 'on', false)" : "");
}

Awaitable<std::string> set_up_session(PGconn* connection, std::string settings, SteadyTime deadline) {
  if (PQsendQuery(connection, settings.c_str()) == 0) co_return one_line(PQerrorMessage(connection));
  for (;;) {
    while (PQisBusy(connection) != 0) {
      const bool ready = co_await wait_socket(PQsocket(connection), Descriptor::wait_read, deadline);
      if (!ready) co_return std::string(kTooSlow);
      if (PQconsumeInput(connection) == 0) co_return one_line(PQerrorMessage(connection));
    }
    const PostgresResult result(PQgetResult(connection));
    if (!result) break;
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) co_return one_line(PQresultErrorMessage(result.get()));
  }
  const bool pipelined = PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1;
  co_return pipelined ? std::string() : one_line(PQerrorMessage(connection));
}

}  // namespace

Awaitable<std::expected<PostgresHandle, std::string>> connect_postgres(const PostgresTarget& target,
                                                                       StoreOptions options, std::size_t turn) {
  const auto deadline = std::chrono::steady_clock::now() + std::min(options.acquire_timeout, kConnectTimeout);
  auto endpoints = co_await look_up_all(target, deadline);
  if (endpoints.empty()) co_return std::unexpected("no address is known for the name of the server");
  std::ranges::rotate(endpoints, endpoints.begin() + static_cast<std::ptrdiff_t>(turn % endpoints.size()));
  auto handle = start(target, endpoints);
  if (!handle) co_return std::unexpected("no memory for a connection");
  auto problem = co_await finish_connecting(handle.get(), deadline);
  if (problem.empty()) problem = co_await set_up_session(handle.get(), session_settings(options), deadline);
  if (!problem.empty()) co_return std::unexpected(std::move(problem));
  co_return std::move(handle);
}

}  // namespace gatehouse::storage
