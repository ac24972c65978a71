// One client connection speaking HTTP/1.1 (RFC 9112): reads heads, makes exchanges, writes answers, keeps alive. One
// coroutine for the connection; the handler of an exchange may run a second one that uses the body while the first uses
// the sink.
//
// Owned by its Server, lives on the Server's thread. An idle connection holds no buffers.
#pragma once
#include <array>
#include <memory>
#include <optional>

#include "base/deadline.hpp"
#include "base/stream.hpp"
#include "config/configuration.hpp"
#include "edge/connection_limits.hpp"
#include "edge/proxy_protocol.hpp"
#include "http/exchange.hpp"

namespace gatehouse::edge {

struct ExchangeBuffers;
class BufferPool;

// What all connections of one listener on one thread share. All references outlive the connections.
struct ConnectionContext {
  Deadlines& deadlines;
  BufferPool& buffers;
  http::ExchangeHandler& handler;
  const config::Limits& limits;
  const Clock& clock;
  ProxyProtocol* proxies;  // null: connections begin without a PROXY header
};

class Http1Connection final : private http::BodySource, private http::ResponseSink {
 public:
  Http1Connection(const ConnectionContext& context, Stream stream, ConnectionLimits::Place place, IpAddress peer,
                  std::uint16_t peer_port);
  ~Http1Connection();

  // From the PROXY header or the handshake to the end of the connection.
  Awaitable<> run();

  // Ends after one more answer, which says Connection: close; an idle connection ends when no request comes for a
  // moment.
  void drain();
  // Ends it now, whatever it is doing.
  void end() { abort(); }
  // Ends an exchange whose client has left while the handler waits for somebody else. Called about once a second.
  void check_peer(SteadyTime now);

  Http1Connection* previous = nullptr;  // the Server's list
  Http1Connection* next = nullptr;

 private:
  enum class HeadOutcome { complete, refused, ended, wait };
  static constexpr std::size_t kUnreadBodyMax = 64 * 1024;  // a longer rest costs the connection

  Awaitable<bool> read_proxy_header();
  Awaitable<bool> handshake();
  bool has_next();
  Awaitable<bool> wait_for_request();
  HeadOutcome begin_head();
  HeadOutcome try_head();
  Awaitable<HeadOutcome> read_head();
  Awaitable<> serve();
  Awaitable<> refuse(const http::Refusal& refusal);
  Awaitable<> linger();
  // Whether the connection is fit for another request; moves what was pipelined to the front.
  bool prepare_next();
  Awaitable<bool> read_rest();
  http::BodyPiece read_body();
  bool can_throw_body_away();
  std::chrono::milliseconds drain_grace() const;
  static void on_deadline(void* self);
  void fail();
  bool send_held();

  // BodySource
  std::optional<std::uint64_t> size() const override;
  http::BodyPiece read() override;
  Awaitable<> readable() override;
  void cancel() override;
  bool timed_out() const override { return body_late_; }
  std::uint64_t announced() const override;

  // ResponseSink
  bool started() const override { return started_; }
  void start(const http::ResponseHead& head) override;
  void write(std::string_view bytes) override;
  void flush() override;
  void finish() override;
  bool credit() const override { return gone_ || !blocked_; }
  Awaitable<> drained() override;
  bool gone() const override { return gone_; }
  void abort() override;
  void on_abort(http::AbortHook hook) override { abort_hook_ = hook; }
  void accept_upgrade(const http::ResponseHead& head, std::chrono::milliseconds idle) override;
  std::uint64_t bytes_sent() const override { return bytes_sent_; }

  Awaitable<bool> wait_client(Stream::Status what);

  const ConnectionContext& context_;
  Stream stream_;
  ConnectionLimits::Place place_;
  IpAddress peer_;
  std::uint16_t peer_port_;
  bool peer_is_known_ = true;
  std::array<char, 256> server_name_{};
  std::size_t server_name_size_ = 0;
  Deadline deadline_;
  std::unique_ptr<ExchangeBuffers> buffers_;  // while a request is there
  http::AbortHook abort_hook_;
  std::chrono::milliseconds tunnel_idle_{0};
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t body_left_ = 0;  // of an answer whose length was told
  SteadyTime exchange_started_;
  Stream::Status read_wants_ = Stream::Status::want_read;
  Stream::Status write_wants_ = Stream::Status::want_write;
  int waiting_ = 0;  // coroutines that wait for the client
  int requests_ = 0;
  bool idle_ = true;       // between requests, or before the first one
  bool handling_ = false;  // the handler runs
  bool draining_ = false;
  bool gone_ = false;     // nothing can be sent any more
  bool blocked_ = false;  // the socket did not take all that was given to it
  bool body_broken_ = false;
  bool body_cancelled_ = false;  // by the handler
  bool body_late_ = false;
  bool body_ended_ = false;
  bool continue_sent_ = false;
  bool keep_alive_ = true;
  bool started_ = false;
  bool finished_ = false;
  bool chunked_ = false;
  bool counted_ = false;  // the answer has a told length
  bool bodiless_ = false;
  bool tunnel_ = false;
};

}  // namespace gatehouse::edge
