#include "base/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <climits>

namespace gatehouse {

void Stream::FreeSsl::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

Stream::Stream(TcpSocket socket) : socket_(std::move(socket)) {
  socket_.non_blocking(true);
}

Stream::Stream(TcpSocket socket, SSL* ssl) : socket_(std::move(socket)), ssl_(ssl) {
  socket_.non_blocking(true);
  SSL_set_fd(ssl, socket_.native_handle());
  SSL_set_read_ahead(ssl, 1);
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_set_accept_state(ssl);
}

Stream::Io Stream::from_ssl(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Status::want_read};
    case SSL_ERROR_WANT_WRITE:
      return {Status::want_write};
    case SSL_ERROR_ZERO_RETURN:
      return {Status::closed};
    default:
      ERR_clear_error();
      return {Status::failed};
  }
}

Stream::Io Stream::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Io{Status::ok} : from_ssl(result);
}

Stream::Io Stream::read(char* buffer, std::size_t size) {
  if (!socket_.is_open()) return {Status::failed};
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_read(ssl_.get(), buffer, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
    return result > 0 ? Io{Status::ok, static_cast<std::size_t>(result)} : from_ssl(result);
  }
  for (;;) {
    const ssize_t result = ::recv(socket_.native_handle(), buffer, size, 0);
    if (result > 0) return {Status::ok, static_cast<std::size_t>(result)};
    if (result == 0) return {Status::closed};
    if (errno == EINTR) continue;
    return {errno == EAGAIN ? Status::want_read : Status::failed};
  }
}

Stream::Io Stream::write(std::string_view bytes) {
  if (!socket_.is_open()) return {Status::failed};
  if (ssl_) {
    ERR_clear_error();
    const int result =
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
    return result > 0 ? Io{Status::ok, static_cast<std::size_t>(result)} : from_ssl(result);
  }
  for (;;) {
    const ssize_t result = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (result >= 0) return {Status::ok, static_cast<std::size_t>(result)};
    if (errno == EINTR) continue;
    return {errno == EAGAIN ? Status::want_write : Status::failed};
  }
}

bool Stream::has_buffered() const {
  return ssl_ && SSL_has_pending(ssl_.get()) == 1;
}

bool Stream::has_arrived() const {
  char byte;
  auto& socket = const_cast<TcpSocket&>(socket_);
  return socket.is_open() && ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

Awaitable<bool> Stream::wait(Status status) {
  boost::system::error_code error;
  const auto what = status == Status::want_write ? TcpSocket::wait_write : TcpSocket::wait_read;
  co_await socket_.async_wait(what, asio::redirect_error(use_awaitable, error));
  co_return !error;
}

void Stream::cancel() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Stream::shutdown_send() {
  if (!socket_.is_open()) return;
  if (ssl_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.shutdown(TcpSocket::shutdown_send, ignored);
}

bool Stream::peer_is_gone() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  auto& socket = const_cast<TcpSocket&>(socket_);
  if (!socket.is_open()) return true;
  if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
  return info.tcpi_state != TCP_ESTABLISHED;  // a FIN or a reset came
}

void Stream::abort() {
  if (!socket_.is_open()) return;
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

void Stream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace gatehouse
