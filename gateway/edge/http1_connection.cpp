#include "edge/http1_connection.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "edge/http1_response.hpp"
#include "http/request_parser.hpp"

namespace gatehouse::edge {

namespace {

constexpr std::size_t kBodyWindow = 16 * 1024;     // room behind the longest head for what is read of a body at once
constexpr std::size_t kSendAt = 16 * 1024;         // held-back bytes that are worth a TLS record of their own
constexpr std::size_t kUnreadBodyMax = 64 * 1024;  // a longer rest costs the connection
constexpr std::chrono::seconds kLinger{2};
constexpr std::size_t kLingerBytesMax = 1024 * 1024;

}  // namespace

struct ExchangeBuffers {
  explicit ExchangeBuffers(std::size_t size) : in(std::make_unique_for_overwrite<char[]>(size)), capacity(size) {
    out.reserve(2 * kSendAt);
  }

  std::string_view unread() const { return {in.get() + begin, end - begin}; }

  std::unique_ptr<char[]> in;  // the head at the front, then what was read and not used yet: [begin, end)
  std::size_t capacity;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string out;  // held back: [out_begin, …)
  std::size_t out_begin = 0;
  std::optional<http::RequestParser> parser;
};

BufferPool::BufferPool(std::size_t head_bytes) : head_bytes_(head_bytes) {}
BufferPool::~BufferPool() = default;

std::unique_ptr<ExchangeBuffers> BufferPool::take() {
  if (free_.empty()) return std::make_unique<ExchangeBuffers>(head_bytes_ + kBodyWindow);
  auto buffers = std::move(free_.back());
  free_.pop_back();
  return buffers;
}

void BufferPool::give_back(std::unique_ptr<ExchangeBuffers> buffers) {
  if (free_.size() >= kKeptMax || buffers->out.capacity() > 8 * kSendAt) return;
  buffers->begin = buffers->end = buffers->out_begin = 0;
  buffers->out.clear();
  buffers->parser.reset();
  free_.push_back(std::move(buffers));
}

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
  if (stream_.is_tls()) {
    const bool secure = co_await handshake();
    if (!secure) co_return;
  }
  for (;;) {
    const bool arrived = co_await wait_for_request();
    if (!arrived) break;
    const HeadOutcome outcome = co_await read_head();
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
    if (!prepare_next()) {
      co_await linger();
      co_return;
    }
  }
  stream_.shutdown_send();
}

Awaitable<bool> Http1Connection::handshake() {
  deadline_.set(context_.limits.handshake);
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

// Between requests nothing is held but the connection itself.
Awaitable<bool> Http1Connection::wait_for_request() {
  if (buffers_ && buffers_->end > 0) co_return true;
  if (buffers_) context_.buffers.give_back(std::move(buffers_));
  if (draining_) co_return false;
  if (!stream_.has_buffered()) {
    deadline_.set(requests_ == 0 ? context_.limits.head_time : context_.limits.keep_alive);
    idle_ = true;
    const bool readable = co_await stream_.wait(Stream::Status::want_read);
    idle_ = false;
    if (!readable || draining_) co_return false;
  }
  co_return true;
}

Awaitable<Http1Connection::HeadOutcome> Http1Connection::read_head() {
  deadline_.set(context_.limits.head_time);
  if (!buffers_) buffers_ = context_.buffers.take();
  buffers_->parser.emplace();
  auto& parser = *buffers_->parser;
  for (;;) {
    if (buffers_->end > 0) {
      const auto progress = parser.parse_head(buffers_->in.get(), buffers_->end);
      if (progress == http::RequestParser::Progress::complete) co_return HeadOutcome::complete;
      if (progress == http::RequestParser::Progress::refused) co_return HeadOutcome::refused;
    }
    if (buffers_->end >= context_.limits.head) {
      parser.refuse_head(http::kHeadTooLarge);
      co_return HeadOutcome::refused;
    }
    const auto io = stream_.read(buffers_->in.get() + buffers_->end, context_.limits.head - buffers_->end);
    if (io.status == Stream::Status::ok) {
      buffers_->end += io.bytes;
      continue;
    }
    if (io.status == Stream::Status::closed || io.status == Stream::Status::failed) co_return HeadOutcome::ended;
    const bool ready = co_await stream_.wait(io.status);
    // A client that has begun a head and does not go on with it is told so.
    if (!ready) co_return buffers_->end > 0 && deadline_.expired() ? HeadOutcome::refused : HeadOutcome::ended;
  }
}

Awaitable<> Http1Connection::serve() {
  auto& parser = *buffers_->parser;
  ++requests_;
  buffers_->begin = parser.head_bytes();
  keep_alive_ = parser.keep_alive();
  started_ = finished_ = chunked_ = counted_ = bodiless_ = body_broken_ = continue_sent_ = false;
  body_ended_ = !parser.has_body();
  bytes_sent_ = 0;
  parser.head().scheme = stream_.is_tls() ? "https" : "http";
  exchange_started_ = context_.clock.steady();
  http::Exchange exchange{.head = parser.head(),
                          .body = *this,
                          .sink = *this,
                          .executor = stream_.socket().get_executor(),
                          .peer = peer_,
                          .peer_port = peer_port_,
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
  while (!gone_ && !credit()) co_await drained();
}

Awaitable<> Http1Connection::refuse(const http::Refusal& refusal) {
  const std::string extra = context_.handler.on_refusal({.refusal = refusal, .peer = peer_, .peer_port = peer_port_});
  buffers_->out.append(make_refusal(refusal, extra));
  flush();
  while (!gone_ && !credit()) co_await drained();
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

bool Http1Connection::prepare_next() {
  // What the handler did not read of the body, if it has arrived already and is not much.
  std::size_t thrown_away = 0;
  while (!body_ended_ && thrown_away < kUnreadBodyMax && continue_sent_ == buffers_->parser->expects_continue()) {
    const auto piece = read();
    if (piece.kind == http::BodyPiece::Kind::wait || piece.kind == http::BodyPiece::Kind::broken) break;
    thrown_away += piece.bytes.size();
  }
  if (!body_ended_ || !keep_alive_ || tunnel_) return false;
  const std::size_t rest = buffers_->end - buffers_->begin;
  std::memmove(buffers_->in.get(), buffers_->in.get() + buffers_->begin, rest);
  buffers_->begin = 0;
  buffers_->end = rest;
  buffers_->parser.reset();
  return true;
}

void Http1Connection::drain() {
  draining_ = true;
  if (idle_) {
    stream_.cancel();
  } else if (!started_) {
    keep_alive_ = false;
  }
}

void Http1Connection::check_peer(SteadyTime now) {
  if (!handling_ || gone_ || waiting_ > 0 || now - exchange_started_ < std::chrono::seconds(1)) return;
  if (stream_.peer_is_gone()) abort();
}

// --- the body ---

std::optional<std::uint64_t> Http1Connection::size() const {
  return tunnel_ ? std::nullopt : buffers_->parser->body_size();
}

http::BodyPiece Http1Connection::read() {
  using Kind = http::BodyPiece::Kind;
  auto& buffers = *buffers_;
  auto& parser = *buffers.parser;
  if (body_broken_ || gone_) return {Kind::broken, {}};
  if (body_ended_ && !tunnel_) return {Kind::end, {}};
  if (parser.expects_continue() && !continue_sent_) {
    continue_sent_ = true;
    if (!started_ && buffers.begin == buffers.end) {
      buffers.out.append("HTTP/1.1 100 Continue\r\n\r\n");
      flush();
    }
  }
  const std::size_t window_begin = parser.head_bytes();
  for (;;) {
    const auto unread = buffers.unread();
    if (tunnel_) {
      buffers.begin = buffers.end;
      if (!unread.empty()) return {Kind::data, unread};
    } else {
      const auto decoded = parser.body().decode(unread);
      buffers.begin += decoded.used;
      switch (decoded.kind) {
        case http::BodyDecoder::Step::Kind::data:
          return {Kind::data, decoded.bytes};
        case http::BodyDecoder::Step::Kind::end:
          body_ended_ = true;
          return {Kind::end, {}};
        case http::BodyDecoder::Step::Kind::malformed:
          body_broken_ = true;
          keep_alive_ = false;
          return {Kind::broken, {}};
        case http::BodyDecoder::Step::Kind::need_more:
          break;
      }
    }
    // Room behind the head: an incomplete chunk header moves to the front of it.
    const std::size_t rest = buffers.end - buffers.begin;
    if (buffers.begin > window_begin)
      std::memmove(buffers.in.get() + window_begin, buffers.in.get() + buffers.begin, rest);
    buffers.begin = window_begin;
    buffers.end = window_begin + rest;
    if (buffers.end == buffers.capacity) {
      body_broken_ = true;
      keep_alive_ = false;
      return {Kind::broken, {}};
    }
    const auto io = stream_.read(buffers.in.get() + buffers.end, buffers.capacity - buffers.end);
    if (io.status == Stream::Status::ok) {
      buffers.end += io.bytes;
      continue;
    }
    if (io.status == Stream::Status::want_read || io.status == Stream::Status::want_write) {
      read_wants_ = io.status;
      return {Kind::wait, {}};
    }
    if (tunnel_ && io.status == Stream::Status::closed) return {Kind::end, {}};
    body_broken_ = true;
    keep_alive_ = false;
    return {Kind::broken, {}};
  }
}

Awaitable<> Http1Connection::readable() {
  const bool ready = co_await wait_client(read_wants_);
  if (!ready) {
    body_broken_ = true;
    keep_alive_ = false;
  }
}

void Http1Connection::cancel() {
  body_broken_ = true;
  keep_alive_ = false;
  stream_.cancel();
}

// The deadline is the longest silence of the client, in whatever it was waited for.
Awaitable<bool> Http1Connection::wait_client(Stream::Status what) {
  deadline_.set(tunnel_ ? tunnel_idle_ : std::chrono::milliseconds(context_.limits.body_idle));
  ++waiting_;
  const bool ready = co_await stream_.wait(what);
  --waiting_;
  if (tunnel_) {
    deadline_.set(tunnel_idle_);
  } else if (waiting_ == 0) {
    deadline_.clear();
  }
  co_return ready && !gone_;
}

// --- the answer ---

void Http1Connection::start(const http::ResponseHead& head) {
  GATEHOUSE_CHECK(!started_);
  started_ = true;
  if (gone_) return;
  const int version = buffers_->parser->head().version;
  const Framing framing = choose_framing(head, version);
  if (framing == Framing::until_close || draining_) keep_alive_ = false;
  // A body that was never asked for cannot be told from the next request by a client that waits for 100 Continue.
  if (!body_ended_ && buffers_->parser->expects_continue() && !continue_sent_) keep_alive_ = false;
  chunked_ = framing == Framing::chunked;
  counted_ = framing == Framing::content_length;
  bodiless_ = framing == Framing::none;
  body_left_ = counted_ ? *head.size : 0;
  append_response_head(buffers_->out, head,
                       {.framing = framing, .close = !keep_alive_, .keep_alive = keep_alive_ && version < 11});
}

void Http1Connection::write(std::string_view bytes) {
  if (gone_ || bytes.empty() || bodiless_) return;
  auto& buffers = *buffers_;
  if (counted_) {
    if (bytes.size() > body_left_) return abort();  // more than was told: never pass for another answer
    body_left_ -= bytes.size();
  }
  if (chunked_) {
    char size_line[20];
    const auto end = fmt::format_to_n(size_line, sizeof size_line, "{:x}\r\n", bytes.size());
    buffers.out.append(size_line, end.size).append(bytes).append("\r\n");
  } else if (buffers.out.empty() && bytes.size() >= kSendAt / 4) {
    // Straight from the upstream's buffer; only what the socket does not take is copied.
    const auto io = stream_.write(bytes);
    if (io.status == Stream::Status::ok) {
      bytes_sent_ += io.bytes;
      bytes.remove_prefix(io.bytes);
    } else if (io.status == Stream::Status::want_write || io.status == Stream::Status::want_read) {
      write_wants_ = io.status;
    } else {
      return fail();
    }
    buffers.out.append(bytes);
    return;
  } else {
    buffers.out.append(bytes);
  }
  if (buffers.out.size() - buffers.out_begin >= kSendAt) flush();
}

// True when nothing is left.
bool Http1Connection::send_held() {
  auto& buffers = *buffers_;
  while (buffers.out_begin < buffers.out.size()) {
    const auto io = stream_.write(std::string_view(buffers.out).substr(buffers.out_begin));
    if (io.status == Stream::Status::ok) {
      buffers.out_begin += io.bytes;
      bytes_sent_ += io.bytes;
      continue;
    }
    if (io.status != Stream::Status::want_write && io.status != Stream::Status::want_read) {
      fail();
      return true;
    }
    write_wants_ = io.status;
    return false;
  }
  buffers.out.clear();
  buffers.out_begin = 0;
  return true;
}

void Http1Connection::flush() {
  if (gone_) return;
  if (tunnel_) deadline_.set(tunnel_idle_);  // traffic in either direction keeps a tunnel open
  send_held();
}

void Http1Connection::finish() {
  if (gone_ || finished_) return;
  if (counted_ && body_left_ > 0) return abort();
  finished_ = true;
  if (chunked_) buffers_->out.append("0\r\n\r\n");
  flush();
}

bool Http1Connection::credit() const {
  return gone_ || buffers_->out_begin == buffers_->out.size();
}

Awaitable<> Http1Connection::drained() {
  while (!gone_ && !send_held()) {
    const bool ready = co_await wait_client(write_wants_);
    if (!ready) fail();
  }
}

void Http1Connection::accept_upgrade(const http::ResponseHead& head, std::chrono::milliseconds idle) {
  GATEHOUSE_CHECK(!started_);
  started_ = true;
  tunnel_ = true;
  tunnel_idle_ = idle;
  keep_alive_ = false;
  if (gone_) return;
  append_response_head(buffers_->out, head, {});
  flush();
}

// The client cannot be reached any more; who waits for it is woken by the closed socket.
void Http1Connection::fail() {
  if (gone_) return;
  gone_ = true;
  keep_alive_ = false;
  stream_.close();
  if (const auto hook = std::exchange(abort_hook_, {}); hook.call) hook.call(hook.owner);
}

void Http1Connection::abort() {
  if (gone_) return;
  stream_.abort();
  fail();
}

}  // namespace gatehouse::edge
