#include "edge/http1_connection.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

#include "base/ascii.hpp"
#include "base/log.hpp"
#include "edge/exchange_buffers.hpp"
#include "edge/http1_response.hpp"
#include "http/proxy_header.hpp"

namespace gatehouse::edge {

namespace {

constexpr std::chrono::seconds kLinger{2};
// How long a draining connection that has not been told to close is still listened to: its client may have sent a
// request, or begun a handshake, before it could know.
constexpr std::chrono::milliseconds kDrainGrace{1'000};
constexpr std::size_t kLingerBytesMax = 1024 * 1024;
constexpr int kPipelinedInTurn = 16;  // then other connections get theirs

}  // namespace

Http1Connection::Http1Connection(const ConnectionContext& context, Stream stream, ConnectionLimits::Place place,
                                 IpAddress peer, std::uint16_t peer_port)
    : context_(context),
      stream_(std::move(stream)),
      place_(std::move(place)),
      peer_(peer),
      peer_port_(peer_port),
      deadline_(context.deadlines, this, &Http1Connection::on_deadline) {}

Http1Connection::~Http1Connection() {
  if (buffers_) context_.buffers.give_back(std::move(buffers_));
}

void Http1Connection::on_deadline(void* self) {
  static_cast<Http1Connection*>(self)->stream_.cancel();
}

Awaitable<> Http1Connection::run() {
  if (context_.proxies) {
    const bool told = co_await read_proxy_header();
    if (!told) co_return;
  }
  if (stream_.is_tls()) {
    const bool secure = co_await handshake();
    if (!secure) co_return;
  }
  // The usual request, which comes in one piece and leaves nothing behind, runs through here without a coroutine of its
  // own for each step.
  for (;;) {
    bool arrived = has_next();
    if (!arrived) arrived = co_await wait_for_request();
    if (!arrived) break;
    HeadOutcome outcome = begin_head();
    if (outcome == HeadOutcome::wait) outcome = co_await read_head();
    if (outcome == HeadOutcome::ended) break;
    if (outcome == HeadOutcome::refused) {
      const bool late = deadline_.expired();
      deadline_.clear();
      co_await refuse(late ? http::kTimeout : buffers_->parser->refusal());
      co_return;
    }
    deadline_.clear();
    co_await serve();
    if (gone_) co_return;
    bool fit = body_ended_;
    if (!fit) fit = co_await read_rest();
    if (gone_) co_return;
    if (!fit || !prepare_next()) {
      co_await linger();
      co_return;
    }
  }
  stream_.shutdown_send();
}

// In the clear, before TLS. Who ends the connection before its first byte only wanted to know whether somebody listens.
Awaitable<bool> Http1Connection::read_proxy_header() {
  using Refusal = ProxyProtocol::Refusal;
  deadline_.set(draining_ ? drain_grace() : context_.limits.handshake);
  http::ProxyHeaderParser parser;
  std::array<char, http::ProxyHeaderParser::kWantedMax> bytes;
  for (bool begun = false;;) {
    const auto io = stream_.read_before_tls(bytes.data(), parser.wanted());
    if (io.status == Stream::Status::want_read) {
      const bool ready = co_await stream_.wait(io.status);
      if (ready) continue;
      if (deadline_.expired() && !draining_) context_.proxies->refuse(Refusal::late, peer_);
      co_return false;
    }
    if (io.status != Stream::Status::ok) {
      if (begun) context_.proxies->refuse(Refusal::malformed, peer_);
      co_return false;
    }
    begun = true;
    const auto progress = parser.take({bytes.data(), io.bytes});
    if (progress == http::ProxyHeaderParser::Progress::complete) break;
    if (progress == http::ProxyHeaderParser::Progress::need_more) continue;
    context_.proxies->refuse(Refusal::malformed, peer_);
    co_return false;
  }
  const http::ProxyHeader& header = parser.header();
  peer_is_known_ = header.source != http::ProxyHeader::Source::unknown;
  if (header.source != http::ProxyHeader::Source::address) co_return true;
  peer_ = header.address;
  peer_port_ = header.port;
  co_return place_.assign(peer_);
}

Awaitable<bool> Http1Connection::handshake() {
  deadline_.set(draining_ ? drain_grace() : context_.limits.handshake);
  for (;;) {
    const auto io = stream_.handshake();
    if (io.status == Stream::Status::ok) break;
    if (io.status == Stream::Status::closed || io.status == Stream::Status::failed) co_return false;
    const bool ready = co_await stream_.wait(io.status);
    if (!ready) co_return false;
  }
  if (const char* name = SSL_get_servername(stream_.ssl(), TLSEXT_NAMETYPE_host_name)) {
    const std::size_t size = std::strlen(name);
    if (size <= server_name_.size()) {
      std::transform(name, name + size, server_name_.begin(), ascii_lower);
      server_name_size_ = size;
    }
  }
  co_return true;
}

// Pipelined, or read ahead by TLS. Now and then even that waits for its turn behind other connections.
bool Http1Connection::has_next() {
  idle_ = false;
  if (buffers_ && buffers_->end > 0) return requests_ % kPipelinedInTurn != 0;
  return stream_.has_buffered();
}

// Between requests nothing is held but the connection itself.
Awaitable<bool> Http1Connection::wait_for_request() {
  if (buffers_ && buffers_->end > 0) {
    co_await asio::post(stream_.executor(), use_awaitable);
    co_return !gone_;
  }
  if (buffers_) context_.buffers.give_back(std::move(buffers_));
  if (draining_) {
    deadline_.set(drain_grace());
  } else {
    deadline_.set(requests_ == 0 ? context_.limits.head_time : context_.limits.keep_alive);
  }
  idle_ = true;
  const bool readable = co_await stream_.wait(Stream::Status::want_read);
  idle_ = false;
  // A request that came at the last moment is answered all the same.
  co_return readable || (draining_ && stream_.has_arrived());
}

Http1Connection::HeadOutcome Http1Connection::begin_head() {
  deadline_.set(context_.limits.head_time);
  if (!buffers_) buffers_ = context_.buffers.take();
  buffers_->parser.emplace();
  return try_head();
}

// What can be had of the head without waiting.
Http1Connection::HeadOutcome Http1Connection::try_head() {
  auto& parser = *buffers_->parser;
  for (;;) {
    if (buffers_->end > 0) {
      const auto progress = parser.parse_head(buffers_->in.get(), buffers_->end);
      if (progress == http::RequestParser::Progress::complete) return HeadOutcome::complete;
      if (progress == http::RequestParser::Progress::refused) return HeadOutcome::refused;
    }
    if (buffers_->end >= context_.limits.head) {
      parser.refuse_head(http::kHeadTooLarge);
      return HeadOutcome::refused;
    }
    const auto io = stream_.read(buffers_->in.get() + buffers_->end, context_.limits.head - buffers_->end);
    if (io.status == Stream::Status::closed || io.status == Stream::Status::failed) return HeadOutcome::ended;
    if (io.status != Stream::Status::ok) {
      read_wants_ = io.status;
      return HeadOutcome::wait;
    }
    buffers_->end += io.bytes;
  }
}

Awaitable<Http1Connection::HeadOutcome> Http1Connection::read_head() {
  for (;;) {
    const bool ready = co_await stream_.wait(read_wants_);
    // A client that has begun a head and does not go on with it is told so.
    if (!ready) co_return buffers_->end > 0 && deadline_.expired() ? HeadOutcome::refused : HeadOutcome::ended;
    const HeadOutcome outcome = try_head();
    if (outcome != HeadOutcome::wait) co_return outcome;
  }
}

Awaitable<> Http1Connection::serve() {
  auto& parser = *buffers_->parser;
  ++requests_;
  buffers_->begin = parser.head_bytes();
  keep_alive_ = parser.keep_alive();
  started_ = finished_ = chunked_ = counted_ = bodiless_ = continue_sent_ = false;
  body_broken_ = body_cancelled_ = body_late_ = false;
  body_ended_ = !parser.has_body();
  bytes_sent_ = 0;
  parser.head().scheme = stream_.is_tls() ? "https" : "http";
  exchange_started_ = context_.clock.steady();
  http::Exchange exchange{.head = parser.head(),
                          .body = *this,
                          .sink = *this,
                          .executor = stream_.executor(),
                          .peer = peer_,
                          .peer_port = peer_port_,
                          .peer_is_known = peer_is_known_,
                          .server_name = {server_name_.data(), server_name_size_},
                          .started = exchange_started_};
  handling_ = true;
  try {
    co_await context_.handler.handle(exchange);
  } catch (const std::exception& error) {
    log::error("an exchange ended with an unexpected error: {}", error.what());
    if (!started_) {
      http::ResponseHead head;
      head.status = 500;
      head.size = 0;
      keep_alive_ = false;
      start(head);
      finish();
    }
  }
  handling_ = false;
  abort_hook_ = {};
  if (!gone_ && !finished_) abort();
  if (!gone_ && !buffers_->out.empty()) co_await drained();
}

Awaitable<> Http1Connection::refuse(const http::Refusal& refusal) {
  const auto line = http::find_request_line({buffers_->in.get(), buffers_->end});
  const std::string extra = context_.handler.on_refusal({.refusal = refusal,
                                                         .method = line.method,
                                                         .target = line.target,
                                                         .peer = peer_,
                                                         .peer_port = peer_port_,
                                                         .is_tls = stream_.is_tls()});
  buffers_->out.append(make_refusal(refusal, extra));
  co_await drained();
  if (!gone_) co_await linger();
}

// Ends our side, then throws away what the client still sends: closing at once would reset the connection and could
// take the answer away from a client that has not read it yet (RFC 9112 section 9.6).
Awaitable<> Http1Connection::linger() {
  stream_.shutdown_send();
  deadline_.set(kLinger);
  std::size_t thrown_away = 0;
  while (thrown_away < kLingerBytesMax) {
    const auto io = stream_.read(buffers_->in.get(), buffers_->capacity);
    if (io.status == Stream::Status::ok) {
      thrown_away += io.bytes;
      continue;
    }
    if (io.status == Stream::Status::closed || io.status == Stream::Status::failed) co_return;
    const bool ready = co_await stream_.wait(io.status);
    if (!ready) co_return;
  }
}

// What the handler did not read of the body is thrown away; start() has told the client whether that will do.
Awaitable<bool> Http1Connection::read_rest() {
  std::size_t thrown_away = 0;
  while (keep_alive_ && !tunnel_ && !body_ended_) {
    const auto piece = read_body();
    if (piece.kind == http::BodyPiece::Kind::broken || thrown_away > kUnreadBodyMax) co_return false;
    thrown_away += piece.bytes.size();
    if (piece.kind != http::BodyPiece::Kind::wait) continue;
    const bool ready = co_await wait_client(read_wants_);
    if (!ready) co_return false;
  }
  co_return true;
}

bool Http1Connection::prepare_next() {
  if (!keep_alive_ || tunnel_) return false;
  const std::size_t rest = buffers_->end - buffers_->begin;
  std::memmove(buffers_->in.get(), buffers_->in.get() + buffers_->begin, rest);
  buffers_->begin = 0;
  buffers_->end = rest;
  buffers_->parser.reset();
  return true;
}

// Shorter than the drain, whose end would be no end in order.
std::chrono::milliseconds Http1Connection::drain_grace() const {
  return std::min<std::chrono::milliseconds>(kDrainGrace, std::chrono::milliseconds(context_.limits.drain) / 2);
}

void Http1Connection::drain() {
  draining_ = true;
  if (idle_) {
    deadline_.set(drain_grace());
  } else if (!started_) {
    keep_alive_ = false;
  }
}

void Http1Connection::check_peer(SteadyTime now) {
  if (!handling_ || gone_ || now - exchange_started_ < std::chrono::seconds(1)) return;
  if (abort_hook_.look) abort_hook_.look(abort_hook_.owner);
  if (waiting_ == 0 && stream_.peer_is_gone()) abort();
}

}  // namespace gatehouse::edge
