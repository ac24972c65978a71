#include "tests/edge/edge_world.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/check.hpp"
#include "edge/listener.hpp"
#include "tests/support/run_until.hpp"

namespace gatehouse::tests {

void answer(http::Exchange& exchange, std::string_view body, int status) {
  http::ResponseHead head;
  head.status = status;
  head.size = body.size();
  head.without_body = exchange.head.method == "HEAD";
  exchange.sink.start(head);
  exchange.sink.write(body);
  exchange.sink.finish();
}

Awaitable<std::string> read_body(http::Exchange& exchange) {
  std::string body;
  for (;;) {
    const auto piece = exchange.body.read();
    body.append(piece.bytes);
    if (piece.kind == http::BodyPiece::Kind::end) co_return body;
    if (piece.kind == http::BodyPiece::Kind::broken) co_return body + "!";
    if (piece.kind == http::BodyPiece::Kind::wait) co_await exchange.body.readable();
  }
}

Awaitable<> echo(http::Exchange& exchange) {
  std::string text(exchange.head.method);
  text.append(" ").append(exchange.head.path);
  if (exchange.head.has_query) text.append("?").append(exchange.head.query);
  const std::string body = co_await read_body(exchange);
  answer(exchange, text + " " + body);
}

Awaitable<> answer_without_reading(http::Exchange& exchange) {
  answer(exchange, "refused", 401);
  co_return;
}

Awaitable<> TestHandler::handle(http::Exchange& exchange) {
  ++exchanges;
  return run(exchange);
}

std::string TestHandler::on_refusal(const http::RefusedRequest& refused) {
  refusals.emplace_back(refused.refusal.status);
  refused_lines.emplace_back(std::string(refused.method) + " " + std::string(refused.target));
  return "X-Request-ID: 1\r\n";
}

EdgeWorld::EdgeWorld(Handler handler, const edge::TlsContext* tls, config::Limits given, edge::ProxyProtocol* proxies)
    : limits(given), connection_limits(limits.connections, limits.per_address) {
  this->handler.run = handler;
  const auto listeners = edge::open_listeners({"127.0.0.1", 0}, 1);
  port = listeners.address.port;
  server = std::make_unique<edge::Server>(
      io, listeners.descriptors.front(),
      edge::Server::Dependencies{deadlines, this->handler, limits, clock, connection_limits, tls, proxies});
  server->start();
}

EdgeWorld::~EdgeWorld() = default;

void EdgeWorld::pass_time(std::chrono::milliseconds time) {
  run_ready(io);
  clock.advance(time);
  deadlines.sweep(clock.steady());
  run_ready(io);
}

RawClient::RawClient(EdgeWorld& world, int receive_buffer) : world_(world) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(world.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  GATEHOUSE_CHECK(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

void RawClient::send(std::string_view bytes) {
  const bool sent = run_until(world_.io, [&] {
    const ssize_t result = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result > 0) bytes.remove_prefix(static_cast<std::size_t>(result));
    run_ready(world_.io);
    return bytes.empty() || (result < 0 && errno != EAGAIN);
  });
  GATEHOUSE_CHECK(sent);
}

std::string RawClient::read_answer(bool to_head) {
  std::size_t size = 0;
  wait_for([&] {
    const auto end = received_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    size = end + 4;
    const auto length = received_.find("Content-Length: ");
    if (length < end && !to_head) size += std::stoul(received_.substr(length + 16));
    return received_.size() >= size;
  });
  if (size == 0 || size > received_.size()) size = received_.size();
  const std::string answer = received_.substr(0, size);
  received_.erase(0, size);
  return answer;
}

std::string RawClient::read_until(std::string_view mark) {
  wait_for([&] { return received_.find(mark) != std::string::npos; });
  const auto end = received_.find(mark);
  const auto size = end == std::string::npos ? received_.size() : end + mark.size();
  const std::string text = received_.substr(0, size);
  received_.erase(0, size);
  return text;
}

std::string RawClient::read_all() {
  wait_for([] { return false; });
  return std::exchange(received_, {});
}

std::size_t RawClient::discard(std::size_t bytes) {
  std::size_t count = 0;
  wait_for([&] {
    count += std::exchange(received_, {}).size();
    return count >= bytes;
  });
  return count;
}

bool RawClient::is_quiet() {
  run_ready(world_.io);
  receive();
  return received_.empty() && !ended_ && !reset_;
}

void RawClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void RawClient::receive() {
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t result = ::recv(descriptor_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (result > 0) {
      received_.append(buffer, static_cast<std::size_t>(result));
      continue;
    }
    if (result == 0) ended_ = true;
    if (result < 0 && errno != EAGAIN) reset_ = true;
    return;
  }
}

void RawClient::wait_for(const std::function<bool()>& is_there) {
  const bool came = run_until(world_.io, [&] {
    run_ready(world_.io);
    receive();
    return is_there() || ended_ || reset_;
  });
  CHECK(came);
}

void RawClient::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void RawClient::end_sending() {
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace gatehouse::tests
