// What one exchange sees of the connection: the body of its request and the sink of its answer.
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "edge/exchange_buffers.hpp"
#include "edge/http1_connection.hpp"
#include "edge/http1_response.hpp"

namespace gatehouse::edge {

std::optional<std::uint64_t> Http1Connection::size() const {
  return tunnel_ ? std::nullopt : buffers_->parser->body_size();
}

std::uint64_t Http1Connection::announced() const {
  return tunnel_ ? 0 : buffers_->parser->body().announced();
}

http::BodyPiece Http1Connection::read() {
  if (body_cancelled_) return {http::BodyPiece::Kind::broken, {}};
  return read_body();
}

http::BodyPiece Http1Connection::read_body() {
  using Kind = http::BodyPiece::Kind;
  auto& buffers = *buffers_;
  auto& parser = *buffers.parser;
  if (body_broken_ || gone_) return {Kind::broken, {}};
  body_ended_ = body_ended_ || parser.body().ended();
  if (body_ended_ && !tunnel_) return {Kind::end, {}};
  if (parser.expects_continue() && !continue_sent_) {
    continue_sent_ = true;
    if (!started_ && buffers.begin == buffers.end) {
      buffers.out.append("HTTP/1.1 100 Continue\r\n\r\n");
      flush();
    }
  }
  for (;;) {
    if (buffers.begin < buffers.end) {
      const auto unread = buffers.unread();
      if (tunnel_) {
        buffers.begin = buffers.end;
        return {Kind::data, unread};
      }
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
    buffers.begin = buffers.end = parser.head_bytes();  // all was used; the head stays
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
  if (!ready && !body_cancelled_) {
    body_late_ = deadline_.expired();
    body_broken_ = true;
    keep_alive_ = false;
  }
}

// Nobody wants the rest of the body; the connection goes on if it is little.
void Http1Connection::cancel() {
  body_cancelled_ = true;
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

void Http1Connection::start(const http::ResponseHead& head) {
  GATEHOUSE_CHECK(!started_);
  started_ = true;
  if (gone_) return;
  const int version = buffers_->parser->head().version;
  const Framing framing = choose_framing(head, version);
  if (framing == Framing::until_close || draining_) keep_alive_ = false;
  if (!can_throw_body_away()) keep_alive_ = false;
  chunked_ = framing == Framing::chunked;
  counted_ = framing == Framing::content_length;
  bodiless_ = framing == Framing::none;
  body_left_ = counted_ ? *head.size : 0;
  append_response_head(buffers_->out, head,
                       {.framing = framing, .close = !keep_alive_, .keep_alive = keep_alive_ && version < 11});
}

// Whether the connection can go on although the handler may leave the rest of the body unread. A client that was told
// to wait for 100 Continue and got an answer instead may send the body or not.
bool Http1Connection::can_throw_body_away() {
  if (body_ended_) return true;
  if (buffers_->parser->expects_continue() && !continue_sent_) return false;
  const auto left = buffers_->parser->body().left();
  return left && *left <= kUnreadBodyMax;
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
    while (!bytes.empty() && !blocked_) {
      const auto io = stream_.write(bytes);
      if (io.status == Stream::Status::ok) {
        bytes_sent_ += io.bytes;
        bytes.remove_prefix(io.bytes);
      } else if (io.status == Stream::Status::want_write || io.status == Stream::Status::want_read) {
        write_wants_ = io.status;
        blocked_ = true;
      } else {
        return fail();
      }
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
    blocked_ = true;
    return false;
  }
  buffers.out.clear();
  buffers.out_begin = 0;
  blocked_ = false;
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
