#include "base/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace gatehouse {

namespace {

using Io = Stream::Io;
using Status = Stream::Status;

Io receive(Reactor::Watch& watch, char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t result = ::recv(watch.descriptor(), buffer, size, 0);
    if (result > 0) {
      const auto bytes = static_cast<std::size_t>(result);
      if (bytes < size) watch.drained();
      return {Status::ok, bytes};
    }
    if (result == 0) return {Status::closed};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {Status::failed};
    watch.drained();
    return {Status::want_read};
  }
}

Io send(Reactor::Watch& watch, std::string_view bytes) {
  for (;;) {
    const ssize_t result = ::send(watch.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (result >= 0) return {Status::ok, static_cast<std::size_t>(result)};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {Status::failed};
    watch.filled();
    return {Status::want_write};
  }
}

// What OpenSSL reads from and writes to: OpenSSL's own socket BIO would not tell what was short.
int bio_read(BIO* bio, char* buffer, int size) {
  BIO_clear_retry_flags(bio);
  auto& watch = *static_cast<Reactor::Watch*>(BIO_get_data(bio));
  const Io io = receive(watch, buffer, static_cast<std::size_t>(size));
  if (io.status == Status::ok) return static_cast<int>(io.bytes);
  if (io.status == Status::want_read) BIO_set_retry_read(bio);
  if (io.status == Status::closed) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return io.status == Status::closed ? 0 : -1;
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  auto& watch = *static_cast<Reactor::Watch*>(BIO_get_data(bio));
  const Io io = send(watch, {bytes, static_cast<std::size_t>(size)});
  if (io.status == Status::ok) return static_cast<int>(io.bytes);
  if (io.status == Status::want_write) BIO_set_retry_write(bio);
  return -1;
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) ? 1 : 0;
    default:
      return 0;
  }
}

const BIO_METHOD* bio_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

int take_descriptor(TcpSocket& socket) {
  socket.native_non_blocking(true);
  return socket.release();
}

}  // namespace

void Stream::FreeSsl::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

Stream::Stream(const Executor& executor, int descriptor, SSL* ssl)
    : ssl_(ssl), watch_(std::make_unique<Reactor::Watch>(executor, descriptor)) {
  if (!ssl) return;
  BIO* const bio = BIO_new(bio_method());
  BIO_set_data(bio, watch_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_read_ahead(ssl, 1);
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (SSL_is_server(ssl)) {
    SSL_set_accept_state(ssl);
  } else {
    SSL_set_connect_state(ssl);
  }
}

Stream::Stream(TcpSocket socket, SSL* ssl) : Stream(socket.get_executor(), take_descriptor(socket), ssl) {}

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
  if (!watch_->is_open()) return {Status::failed};
  if (!ssl_) return receive(*watch_, buffer, size);
  ERR_clear_error();
  const int result = SSL_read(ssl_.get(), buffer, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  return result > 0 ? Io{Status::ok, static_cast<std::size_t>(result)} : from_ssl(result);
}

Stream::Io Stream::read_before_tls(char* buffer, std::size_t size) {
  return watch_->is_open() ? receive(*watch_, buffer, size) : Io{Status::failed};
}

Stream::Io Stream::write(std::string_view bytes) {
  if (!watch_->is_open()) return {Status::failed};
  if (!ssl_) return send(*watch_, bytes);
  ERR_clear_error();
  const int result =
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
  return result > 0 ? Io{Status::ok, static_cast<std::size_t>(result)} : from_ssl(result);
}

bool Stream::has_buffered() const {
  return ssl_ && SSL_has_pending(ssl_.get()) == 1;
}

bool Stream::has_arrived() const {
  char byte;
  return watch_->is_open() && ::recv(watch_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool Stream::is_quiet() const {
  char byte;
  return watch_->is_open() && !has_buffered() && ::recv(watch_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         errno == EAGAIN;
}

void Stream::cancel() {
  watch_->cancel();
}

void Stream::shutdown_send() {
  if (!watch_->is_open()) return;
  if (ssl_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(watch_->descriptor(), SHUT_WR);
}

bool Stream::peer_is_gone() const {
  if (!watch_->is_open()) return true;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(watch_->descriptor(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
  return info.tcpi_state != TCP_ESTABLISHED;  // a FIN or a reset came
}

void Stream::abort() {
  if (!watch_->is_open()) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(watch_->descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  watch_->close();
}

void Stream::close() {
  watch_->close();
}

}  // namespace gatehouse
