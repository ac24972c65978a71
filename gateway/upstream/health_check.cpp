// Active health checks: a GET on a connection of its own, with the upstream's key, as a request would come.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/failure.hpp"
#include "http/response_parser.hpp"
#include "upstream/upstream_group.hpp"

namespace gatehouse::upstream {

namespace {

constexpr std::size_t kHeadBytesMax = 16 * 1024;

std::string make_request(const config::Upstream& settings, const config::Server& server) {
  const bool v6 = server.host.find(':') != std::string::npos;
  std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}{}{}:{}\r\nUser-Agent: gatehouse\r\nConnection: close\r\n",
                  settings.health->path, v6 ? "[" : "", server.host, v6 ? "]" : "", server.port);
  if (!settings.key.empty()) request += fmt::format("Authorization: Bearer {}\r\n", settings.key.reveal());
  return request + "\r\n";
}

}  // namespace

void UpstreamGroup::begin_checks(const std::shared_ptr<const void>& owner) {
  if (!settings_.health) return;
  for (std::size_t server = 0; server < addresses_.size(); ++server) {
    if (!states_->claim_check(server, deadlines_.now())) continue;
    asio::co_spawn(io_.get_executor(), check(server, owner), asio::detached);
  }
}

Awaitable<> UpstreamGroup::check(std::size_t server, [[maybe_unused]] std::shared_ptr<const void> owner) {
  std::string why;
  try {
    why = co_await ask_health(server);
  } catch (const Failure& failure) {
    why = failure.what();
  }
  states_->on_check(server, why.empty(), why, deadlines_.now());
}

// A check ends before the next one begins. Empty: good; otherwise what was not.
Awaitable<std::string> UpstreamGroup::ask_health(std::size_t server) {
  const std::chrono::milliseconds at_most =
      std::min<std::chrono::milliseconds>(settings_.health->timeout, settings_.health->interval);
  const SteadyTime end = deadlines_.now() + at_most;
  const auto connection = co_await connect_to(server, SharedTime(deadlines_, at_most));
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - deadlines_.now());
  connection->read_deadline.set(std::max(left, std::chrono::milliseconds(1)));

  // A new connection takes so little at once.
  const std::string request = make_request(settings_, settings_.servers[server]);
  const auto written = connection->stream.write(request);
  if (written.status != Stream::Status::ok || written.bytes != request.size()) co_return "it takes no request";

  const auto buffer = std::make_unique_for_overwrite<char[]>(kHeadBytesMax);
  http::ResponseParser parser(false);
  for (std::size_t size = 0; size < kHeadBytesMax;) {
    const auto io = connection->stream.read(buffer.get() + size, kHeadBytesMax - size);
    if (io.status == Stream::Status::ok) {
      size += io.bytes;
      const auto progress = parser.parse_head(buffer.get(), size);
      if (progress == http::ResponseParser::Progress::nonsense) break;
      if (progress == http::ResponseParser::Progress::need_more) continue;
      const bool is_good = parser.status() >= 200 && parser.status() < 400;
      co_return is_good ? std::string() : fmt::format("status {}", parser.status());
    }
    if (io.status != Stream::Status::want_read) co_return "the connection ended without an answer";
    co_await connection->readable();
    if (connection->is_late()) co_return "no answer in time";
  }
  co_return "the answer is malformed";
}

}  // namespace gatehouse::upstream
