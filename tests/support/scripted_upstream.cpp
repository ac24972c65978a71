#include "tests/support/scripted_upstream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include "base/ascii.hpp"

namespace gatehouse::tests {

using asio::ip::tcp;

Awaitable<bool> ScriptedUpstream::Peer::receive() {
  char buffer[16 * 1024];
  boost::system::error_code error;
  const std::size_t size =
      co_await socket_.async_read_some(asio::buffer(buffer), asio::redirect_error(use_awaitable, error));
  received_.append(buffer, size);
  ended_ = static_cast<bool>(error);
  co_return !error;
}

Awaitable<std::string> ScriptedUpstream::Peer::take_head() {
  return take_until("\r\n\r\n");
}

Awaitable<std::string> ScriptedUpstream::Peer::take_until(std::string_view mark) {
  bool more = true;
  while (more && received_.find(mark, taken_) == std::string::npos) more = co_await receive();
  const auto found = received_.find(mark, taken_);
  const auto end = found == std::string::npos ? received_.size() : found + mark.size();
  const auto begin = std::exchange(taken_, end);
  co_return received_.substr(begin, end - begin);
}

Awaitable<std::string> ScriptedUpstream::Peer::take(std::size_t bytes) {
  bool more = true;
  while (more && received_.size() - taken_ < bytes) more = co_await receive();
  const auto begin = taken_;
  taken_ = std::min(received_.size(), taken_ + bytes);
  co_return received_.substr(begin, taken_ - begin);
}

Awaitable<std::size_t> ScriptedUpstream::Peer::discard(std::size_t bytes_max) {
  std::size_t count = 0;
  for (;;) {
    count += received_.size() - taken_;
    received_.resize(taken_);
    if (count >= bytes_max) co_return count;
    const bool more = co_await receive();
    if (!more) co_return count + received_.size() - taken_;
  }
}

Awaitable<> ScriptedUpstream::Peer::ended() {
  bool more = true;
  while (more) more = co_await receive();
}

Awaitable<bool> ScriptedUpstream::Peer::send(std::string bytes) {
  boost::system::error_code error;
  co_await asio::async_write(socket_, asio::buffer(bytes), asio::redirect_error(use_awaitable, error));
  co_return !error;
}

void ScriptedUpstream::Peer::end_sending() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void ScriptedUpstream::Peer::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void ScriptedUpstream::Peer::reset() {
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

ScriptedUpstream::ScriptedUpstream(asio::io_context& io)
    : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  asio::co_spawn(io.get_executor(), accept(), asio::detached);
}

ScriptedUpstream::~ScriptedUpstream() = default;

std::uint16_t ScriptedUpstream::port() const {
  return acceptor_.local_endpoint().port();
}

void ScriptedUpstream::stop_listening() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

Awaitable<> ScriptedUpstream::accept() {
  const Executor executor = co_await asio::this_coro::executor;
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket(executor.context());
    co_await acceptor_.async_accept(socket, asio::redirect_error(use_awaitable, error));
    if (error) co_return;
    peers_.push_back(std::make_unique<Peer>(std::move(socket), peers_.size()));
    if (script_) asio::co_spawn(executor, script_(*peers_.back()), asio::detached);
  }
}

namespace {

Awaitable<> answer_all(ScriptedUpstream::Peer& peer, std::string bytes) {
  for (;;) {
    const std::string head = co_await peer.take_head();
    if (peer.is_ended()) co_return;
    const auto length = to_lower(head).find("content-length: ");
    if (length != std::string::npos) co_await peer.take(static_cast<std::size_t>(std::stoul(head.substr(length + 16))));
    co_await peer.send(bytes);
  }
}

}  // namespace

void ScriptedUpstream::answer(std::string bytes) {
  script_ = [text = std::move(bytes)](Peer& peer) { return answer_all(peer, text); };
}

}  // namespace gatehouse::tests
