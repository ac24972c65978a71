#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>

#include "upstream/forwarding.hpp"

namespace gatehouse::upstream {

namespace {

using http::BodyPiece;

constexpr std::size_t kFirstBodyBytes = 32 * 1024;  // of the body that goes with the head in one write

}  // namespace

// The head, its framing, and what there is of the body already: usually one write for the whole request. False: the
// outcome is that the body cannot be sent.
bool Forwarding::write_first() {
  std::string& out = request_.head;
  const auto size = exchange_.body.size();
  if (size && *size > request_.body_limit) {
    lose_body(ForwardOutcome::Kind::body_too_large, "body_too_large");
    return false;
  }
  if (!size) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (*size > 0 || exchange_.head.find(http::Name::content_length)) {
    out.append(fmt::format("Content-Length: {}\r\n", *size));
  }
  out.append("\r\n");
  body_read_ = size == 0;
  while (!body_read_ && out.size() < kFirstBodyBytes) {
    const BodyPiece piece = exchange_.body.read();
    if (piece.kind == BodyPiece::Kind::wait) {
      if (!check_announced()) return false;
      break;
    }
    if (piece.kind == BodyPiece::Kind::broken) {
      lose_body(ForwardOutcome::Kind::body_broken, "client_body_broken");
      return false;
    }
    if (!append_body_piece(out, piece.bytes)) return false;
  }
  return true;
}

// Also a chunk that has only begun counts in whole. False: over the limit.
bool Forwarding::check_announced() {
  if (body_bytes_ + exchange_.body.announced() <= request_.body_limit) return true;
  lose_body(ForwardOutcome::Kind::body_too_large, "body_too_large");
  return false;
}

// An empty piece is the end. False: over the limit.
bool Forwarding::append_body_piece(std::string& out, std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (!tunnel_ && !check_announced()) return false;
  const bool chunked = !exchange_.body.size() && !tunnel_;
  if (bytes.empty()) {
    body_read_ = true;
    if (chunked) out.append("0\r\n\r\n");
  } else if (chunked) {
    out.append(fmt::format("{:x}\r\n", bytes.size())).append(bytes).append("\r\n");
  } else {
    out.append(bytes);
  }
  return true;
}

// Usually all of it, without a coroutine.
bool Forwarding::send_at_once(std::string_view bytes) {
  const auto io = connection_->stream.write(bytes);
  sent_at_once_ = io.status == Stream::Status::ok ? io.bytes : 0;
  return sent_at_once_ == bytes.size();
}

Awaitable<bool> Forwarding::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto io = connection_->stream.write(bytes);
    if (io.status == Stream::Status::ok) {
      bytes.remove_prefix(io.bytes);
      continue;
    }
    if (io.status != Stream::Status::want_write) co_return false;
    const bool ready = co_await connection_->writable(request_.timeout.idle);
    if (!ready || stopping_) co_return false;
  }
  co_return true;
}

// Runs beside the reading of the answer: a server may answer before it has read all, and in a tunnel both sides speak
// at any time.
Awaitable<> Forwarding::send_rest() {
  std::string out;
  while (!body_read_ && !stopping_) {
    const BodyPiece piece = exchange_.body.read();
    if (piece.kind == BodyPiece::Kind::wait) {
      if (!tunnel_ && !check_announced()) co_return;
      sender_waits_for_client_ = true;
      co_await exchange_.body.readable();
      sender_waits_for_client_ = false;
      continue;
    }
    if (piece.kind == BodyPiece::Kind::broken) {
      co_return lose_body(ForwardOutcome::Kind::body_broken, tunnel_ ? "client_gone" : "client_body_broken");
    }
    out.clear();
    if (!append_body_piece(out, piece.bytes)) co_return;
    const bool sent = co_await send(out);
    if (!sent) co_return expect_answer();
    if (is_turn_over(out.size())) co_await asio::post(exchange_.executor, use_awaitable);
    // The reader of a tunnel waits for traffic in either direction.
    if (tunnel_ && connection_->stream.is_awaited()) connection_->read_deadline.set(request_.timeout.idle);
  }
  if (stopping_) co_return;
  if (tunnel_) co_return connection_->stream.shutdown_send();
  request_sent_ = true;
  expect_answer();
}

void Forwarding::spawn_send_rest() {
  sender_runs_ = true;
  sender_ended_.emplace(exchange_.executor);
  asio::co_spawn(exchange_.executor, send_rest(), [this](const std::exception_ptr& error) {
    sender_runs_ = false;
    if (error) lose_body(ForwardOutcome::Kind::body_broken, "client_body_broken");
    sender_ended_->set();
  });
}

// The rest of the body will not come, or may not be sent: the upstream must not take what it has for the whole, and who
// reads its answer need not wait longer.
void Forwarding::lose_body(ForwardOutcome::Kind kind, const char* reason) {
  if (stopping_) return;
  lost_reason_ = exchange_.sink.gone() ? "client_gone" : reason;
  if (!answered_) outcome_.kind = kind;
  if (connection_) {
    connection_->failed = true;
    connection_->stream.close();
  }
}

// The sender uses this object and the connection: it must have ended before they do.
Awaitable<> Forwarding::end_sender() {
  stopping_ = true;
  connection_->stream.cancel();
  if (sender_waits_for_client_) exchange_.body.cancel();
  co_await sender_ended_->wait();
}

// From here on it is the upstream's turn. While the body is on its way, silence is the client's.
void Forwarding::expect_answer() {
  if (answered_ || connection_->is_late()) return;
  if (answer_by_) return connection_->read_deadline.set_at(*answer_by_);
  connection_->read_deadline.set(request_.timeout.response);
}

}  // namespace gatehouse::upstream
