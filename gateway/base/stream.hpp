// A TCP connection with or without TLS, used by trying first and waiting only when the kernel or OpenSSL says so. TLS
// runs on the descriptor itself, not through asio::ssl::stream, which copies everything once more and keeps 34 KiB per
// connection.
//
// Owned by one connection, on one thread.
#pragma once
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/awaitable.hpp"
#include "base/reactor.hpp"

typedef struct ssl_st SSL;

namespace gatehouse {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

class Stream {
 public:
  enum class Status {
    ok,          // `bytes` were moved
    want_read,   // wait until the descriptor is readable, then try again
    want_write,  // wait until it is writable
    closed,      // the peer ended its side in order
    failed,      // reset, TLS error, or closed by us
  };
  struct Io {
    Status status;
    std::size_t bytes = 0;
  };

  // Takes a connected socket's descriptor, which does not block. With `ssl`, which it takes as well: TLS, as the side
  // that it was made for; the handshake is not done yet.
  Stream(const Executor& executor, int descriptor, SSL* ssl = nullptr);
  // Takes the socket away from Asio.
  explicit Stream(TcpSocket socket, SSL* ssl = nullptr);
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = default;

  bool is_tls() const { return ssl_ != nullptr; }
  SSL* ssl() const { return ssl_.get(); }
  const Executor& executor() const { return watch_->executor(); }

  Io handshake();
  Io read(char* buffer, std::size_t size);
  // As they come, also where there is TLS: what is in front of the handshake.
  Io read_before_tls(char* buffer, std::size_t size);
  Io write(std::string_view bytes);
  // Bytes that were decrypted or read ahead and can be read without the descriptor becoming readable.
  bool has_buffered() const;
  // Bytes have come that nobody has read yet.
  bool has_arrived() const;
  // Open, and nothing has come: no bytes, no end.
  bool is_quiet() const;

  // Waits until what `status` wants is there. False if the wait was ended by cancel() or close().
  Awaitable<bool> wait(Status status) {
    return watch_->wait(status == Status::want_write ? Reactor::Direction::write : Reactor::Direction::read);
  }
  // Somebody waits for bytes.
  bool is_awaited() const { return watch_->is_awaited(Reactor::Direction::read); }
  // Ends the waits that are going on.
  void cancel();

  // Tells the peer that nothing more will come (close_notify and FIN).
  void shutdown_send();
  // The peer has sent its FIN or reset the connection, whatever is still unread.
  bool peer_is_gone() const;
  // With a reset instead of a FIN, so that what was sent cannot be taken for complete.
  void abort();
  void close();

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const;
  };
  Io from_ssl(int result);

  std::unique_ptr<SSL, FreeSsl> ssl_;  // reads and writes through watch_
  std::unique_ptr<Reactor::Watch> watch_;
};

}  // namespace gatehouse
