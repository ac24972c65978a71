#include "upstream/forward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <cstring>
#include <optional>
#include <utility>

#include "base/ascii.hpp"
#include "base/event.hpp"
#include "base/failure.hpp"
#include "http/hop_by_hop.hpp"
#include "http/response_parser.hpp"

namespace gatehouse::upstream {

namespace {

using http::BodyPiece;
using http::ResponseParser;

constexpr std::size_t kFirstBodyBytes = 32 * 1024;  // of the body that goes with the head in one write

class Forwarding {
 public:
  Forwarding(UpstreamGroup& group, http::Exchange& exchange, const ForwardRequest& request, ForwardObserver& observer,
             const Clock& clock)
      : group_(group),
        exchange_(exchange),
        request_(request),
        observer_(observer),
        clock_(clock),
        sent_all_(exchange.executor) {}

  ~Forwarding() { exchange_.sink.on_abort({}); }

  Awaitable<ForwardOutcome> run();

 private:
  enum class ReadHead { complete, closed, late, nonsense, gone };

  void write_first();
  bool append_body_piece(std::string& out, std::string_view bytes);
  Awaitable<bool> send(std::string_view bytes);
  Awaitable<> send_rest();
  void spawn_send_rest();
  Awaitable<ReadHead> read_head();
  Awaitable<> relay();
  Awaitable<> relay_tunnel();
  Awaitable<bool> more();
  void start_answer();
  void start_tunnel();
  bool is_requested_upgrade() const;
  void abort(const char* reason);
  Awaitable<> end_sender();
  [[noreturn]] void fail(ReadHead why) const;

  UpstreamGroup& group_;
  http::Exchange& exchange_;
  const ForwardRequest& request_;
  ForwardObserver& observer_;
  const Clock& clock_;
  std::unique_ptr<Connection> connection_;
  std::optional<ResponseParser> parser_;
  Event sent_all_;  // the body is up, or sending it has ended
  std::uint64_t body_bytes_ = 0;
  ForwardOutcome outcome_;
  bool sender_runs_ = false;
  bool body_done_ = false;
  bool tunnel_ = false;
  bool streaming_ = false;
  bool read_failed_ = false;    // the connection ended otherwise than by an orderly FIN
  bool upstream_done_ = false;  // nothing of the body is wanted any more
};

Awaitable<ForwardOutcome> Forwarding::run() {
  exchange_.sink.on_abort({[](void* self) {
                             auto* connection = static_cast<Forwarding*>(self)->connection_.get();
                             if (connection) connection->stream.cancel();
                           },
                           this});
  write_first();
  if (outcome_.kind != ForwardOutcome::Kind::done) co_return outcome_;
  for (bool fresh = false;; fresh = true) {
    connection_ = fresh ? nullptr : group_.take_idle();
    if (!connection_) {
      auto opened = co_await group_.connect(request_.timeout.connect, true);
      connection_ = std::move(opened);
    }
    if (exchange_.sink.gone()) co_return abort("client_gone"), outcome_;
    parser_.emplace(request_.to_head);
    const bool sent = co_await send(request_.head);
    ReadHead result = ReadHead::closed;
    if (sent) {
      if (!body_done_ && !sender_runs_) spawn_send_rest();
      result = co_await read_head();
    }
    if (result == ReadHead::complete) break;
    // A server may end an idle connection at the moment when it is used again (RFC 9112 section 9.3.1).
    const bool again = result == ReadHead::closed && connection_->reused && connection_->end == 0 &&
                       request_.idempotent && body_bytes_ == 0 && !fresh && !exchange_.sink.gone();
    connection_->failed = true;
    if (again) continue;
    co_await end_sender();
    if (outcome_.kind != ForwardOutcome::Kind::done) co_return outcome_;
    if (exchange_.sink.gone()) co_return abort("client_gone"), outcome_;
    fail(result);
  }
  outcome_.status = parser_->status();
  outcome_.answered = clock_.steady();
  if (parser_->status() == 101) {
    start_tunnel();
    co_await relay_tunnel();
  } else {
    start_answer();
    co_await relay();
  }
  upstream_done_ = true;
  if (!body_done_) connection_->failed = true;
  co_await end_sender();
  group_.give_back(std::move(connection_));
  co_return outcome_;
}

// The head, its framing, and what there is of the body already: usually one write for the whole request.
void Forwarding::write_first() {
  std::string& out = request_.head;
  const auto size = exchange_.body.size();
  if (!size) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (*size > 0 || exchange_.head.find(http::Name::content_length)) {
    out.append(fmt::format("Content-Length: {}\r\n", *size));
  }
  out.append("\r\n");
  body_done_ = size == 0;
  while (!body_done_ && out.size() < kFirstBodyBytes) {
    const BodyPiece piece = exchange_.body.read();
    if (piece.kind == BodyPiece::Kind::wait) return;
    if (piece.kind == BodyPiece::Kind::broken) {
      outcome_.kind = ForwardOutcome::Kind::body_broken;
      return;
    }
    if (!append_body_piece(out, piece.bytes)) return;
  }
}

// An empty piece is the end. False: over the limit.
bool Forwarding::append_body_piece(std::string& out, std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (body_bytes_ > request_.body_limit && !tunnel_) {
    outcome_.kind = ForwardOutcome::Kind::body_too_large;
    return false;
  }
  const bool chunked = !exchange_.body.size() && !tunnel_;
  if (bytes.empty()) {
    body_done_ = true;
    if (chunked) out.append("0\r\n\r\n");
  } else if (chunked) {
    out.append(fmt::format("{:x}\r\n", bytes.size())).append(bytes).append("\r\n");
  } else {
    out.append(bytes);
  }
  return true;
}

Awaitable<bool> Forwarding::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto io = connection_->stream.write(bytes);
    if (io.status == Stream::Status::ok) {
      bytes.remove_prefix(io.bytes);
      continue;
    }
    if (io.status != Stream::Status::want_write && io.status != Stream::Status::want_read) co_return false;
    const bool ready = co_await connection_->wait(io.status, request_.timeout.idle);
    if (!ready) co_return false;
  }
  co_return true;
}

// Runs beside the reading of the answer: a server may answer before it has read all, and in a tunnel both sides speak
// at any time.
Awaitable<> Forwarding::send_rest() {
  std::string out;
  while (!body_done_ && !upstream_done_) {
    const BodyPiece piece = exchange_.body.read();
    if (piece.kind == BodyPiece::Kind::wait) {
      co_await exchange_.body.readable();
      // The upstream waits for the body, not we for the upstream: its time begins anew.
      if (!tunnel_ && !upstream_done_ && connection_) connection_->deadline.set(request_.timeout.response);
      continue;
    }
    if (upstream_done_) break;
    if (piece.kind == BodyPiece::Kind::broken) {
      outcome_.kind = ForwardOutcome::Kind::body_broken;
      break;
    }
    out.clear();
    if (!append_body_piece(out, piece.bytes)) break;
    const bool sent = co_await send(out);
    if (!sent) break;
    if (tunnel_) connection_->deadline.set(request_.timeout.idle);  // the reader waits under the same deadline
  }
  if (tunnel_ && body_done_) {
    connection_->stream.shutdown_send();
  } else if (body_done_) {
    connection_->deadline.set(request_.timeout.response);
  } else if (!body_done_) {
    // Cut off in the middle: the upstream must not take it for whole, and who waits for its answer need not wait
    // longer.
    connection_->failed = true;
    if (outcome_.kind != ForwardOutcome::Kind::done) connection_->stream.cancel();
    if (outcome_.kind != ForwardOutcome::Kind::done || tunnel_) connection_->stream.close();
  }
}

void Forwarding::spawn_send_rest() {
  sender_runs_ = true;
  asio::co_spawn(exchange_.executor, send_rest(), [this](const std::exception_ptr&) { sent_all_.set(); });
}

// The sender uses this object: it must have ended before the object does.
Awaitable<> Forwarding::end_sender() {
  if (!sender_runs_ || sent_all_.is_set()) co_return;
  upstream_done_ = true;
  connection_->stream.cancel();
  if (!body_done_) exchange_.body.cancel();
  co_await sent_all_.wait();
}

Awaitable<Forwarding::ReadHead> Forwarding::read_head() {
  for (;;) {
    if (connection_->end > connection_->begin) {
      const auto progress =
          parser_->parse_head(connection_->buffer.get() + connection_->begin, connection_->end - connection_->begin);
      if (progress == ResponseParser::Progress::nonsense) co_return ReadHead::nonsense;
      if (progress == ResponseParser::Progress::complete) {
        connection_->begin += parser_->head_bytes();
        if (parser_->status() >= 200) co_return ReadHead::complete;
        if (parser_->status() == 101) co_return is_requested_upgrade() ? ReadHead::complete : ReadHead::nonsense;
        parser_.emplace(request_.to_head);  // an interim answer; the client was told to continue by the edge
        continue;
      }
      if (connection_->end == Connection::kBufferBytes) co_return ReadHead::nonsense;
    }
    const auto io = connection_->stream.read(connection_->buffer.get() + connection_->end,
                                             Connection::kBufferBytes - connection_->end);
    if (io.status == Stream::Status::ok) {
      connection_->end += io.bytes;
      continue;
    }
    if (io.status == Stream::Status::closed || io.status == Stream::Status::failed) co_return ReadHead::closed;
    const bool ready = co_await connection_->wait(io.status, request_.timeout.response);
    if (exchange_.sink.gone()) co_return ReadHead::gone;
    if (!ready && outcome_.kind != ForwardOutcome::Kind::done) co_return ReadHead::closed;
    if (!ready && connection_->deadline.expired()) {
      // While the body is still on its way up, silence is the client's.
      if (!body_done_ && sender_runs_ && !sent_all_.is_set()) continue;
      co_return ReadHead::late;
    }
    if (!ready) co_return ReadHead::closed;
  }
}

void Forwarding::fail(ReadHead why) const {
  switch (why) {
    case ReadHead::late:
      throw Failure(504, "upstream_timeout", fmt::format("{}: no answer in time", group_.name()));
    case ReadHead::nonsense:
      throw Failure(502, "upstream_nonsense", fmt::format("{}: the answer is malformed", group_.name()));
    default:
      throw Failure(502, "upstream_closed", fmt::format("{}: the connection ended without an answer", group_.name()));
  }
}

// RFC 6455 section 4.1: what a client has to check of the server's handshake.
bool Forwarding::is_requested_upgrade() const {
  if (request_.websocket_accept.empty()) return false;
  const auto fields = parser_->fields();
  const auto accept = http::find_field(fields, http::Name::sec_websocket_accept);
  const auto upgrade = http::find_field(fields, http::Name::upgrade);
  const auto connection = http::find_field(fields, http::Name::connection);
  bool names_upgrade = false;
  for_each_in_list(connection.value_or(""),
                   [&](std::string_view option) { names_upgrade = names_upgrade || iequals(option, "upgrade"); });
  return accept == request_.websocket_accept && upgrade && iequals(*upgrade, "websocket") && names_upgrade;
}

void Forwarding::start_answer() {
  std::array<http::HeaderField, ResponseParser::kFieldsMax> kept;
  std::size_t count = 0;
  const http::HopByHop hop_by_hop(parser_->fields());
  for (const auto& field : parser_->fields()) {
    if (!hop_by_hop.contains(field) && observer_.passes(field)) kept[count++] = field;
  }
  http::ResponseHead head;
  head.status = parser_->status();
  head.fields = {kept.data(), count};
  head.extra = observer_.extra_lines(parser_->status());
  head.without_body = !parser_->has_body() && (request_.to_head || head.status == 204 || head.status == 304);
  head.size = parser_->size();
  exchange_.sink.start(head);
}

void Forwarding::start_tunnel() {
  tunnel_ = true;
  std::array<http::HeaderField, ResponseParser::kFieldsMax + 2> kept;
  std::size_t count = 0;
  const http::HopByHop hop_by_hop(parser_->fields());
  for (const auto& field : parser_->fields()) {
    if (!hop_by_hop.contains(field) && observer_.passes(field)) kept[count++] = field;
  }
  kept[count++] = {"Upgrade", "websocket", http::Name::upgrade};
  kept[count++] = {"Connection", "Upgrade", http::Name::connection};
  http::ResponseHead head;
  head.status = 101;
  head.fields = {kept.data(), count};
  head.extra = observer_.extra_lines(101);
  exchange_.sink.accept_upgrade(head, request_.timeout.idle);
  observer_.on_stream();
  body_done_ = false;
  spawn_send_rest();
}

void Forwarding::abort(const char* reason) {
  outcome_.aborted = true;
  outcome_.reason = exchange_.sink.gone() ? "client_gone" : reason;
  if (connection_) connection_->failed = true;
  exchange_.sink.abort();
}

// Reads more of the answer. False: it has ended, in order or not.
Awaitable<bool> Forwarding::more() {
  auto& c = *connection_;
  for (;;) {
    if (c.begin == c.end) {
      c.begin = c.end = 0;
    } else if (c.end == Connection::kBufferBytes) {
      if (c.begin == 0) co_return false;  // a chunk header of 64 KiB
      std::memmove(c.buffer.get(), c.buffer.get() + c.begin, c.end - c.begin);
      c.end -= std::exchange(c.begin, 0);
    }
    const auto io = c.stream.read(c.buffer.get() + c.end, Connection::kBufferBytes - c.end);
    if (io.status == Stream::Status::ok) {
      c.end += io.bytes;
      co_return true;
    }
    if (io.status == Stream::Status::closed || io.status == Stream::Status::failed) {
      c.failed = true;
      read_failed_ = io.status == Stream::Status::failed;
      co_return false;
    }
    // Nothing more at the moment: what has come so far goes out (server-sent events), then both sides may rest.
    exchange_.sink.flush();
    if (!exchange_.sink.credit()) co_await exchange_.sink.drained();
    if (exchange_.sink.gone()) co_return false;
    if (!streaming_ && !parser_->size() && !tunnel_) {
      streaming_ = true;
      observer_.on_stream();
    }
    const bool ready = co_await c.wait(io.status, request_.timeout.idle);
    if (!ready || exchange_.sink.gone()) {
      c.failed = read_failed_ = true;
      co_return false;
    }
  }
}

Awaitable<> Forwarding::relay() {
  auto& c = *connection_;
  if (!parser_->keep_alive()) c.failed = true;
  for (;;) {
    const auto decoded = parser_->body().decode({c.buffer.get() + c.begin, c.end - c.begin});
    c.begin += decoded.used;
    switch (decoded.kind) {
      case http::BodyDecoder::Step::Kind::data:
        exchange_.sink.write(decoded.bytes);
        if (!exchange_.sink.credit()) co_await exchange_.sink.drained();
        if (exchange_.sink.gone()) co_return abort("client_gone");
        continue;
      case http::BodyDecoder::Step::Kind::end:
        exchange_.sink.finish();
        if (exchange_.sink.gone()) co_return abort("client_gone");
        co_return;
      case http::BodyDecoder::Step::Kind::malformed:
        co_return abort("upstream_nonsense");
      case http::BodyDecoder::Step::Kind::need_more:
        break;
    }
    const bool has_more = co_await more();
    if (has_more) continue;
    if (exchange_.sink.gone()) co_return abort("client_gone");
    if (parser_->body().is_until_close() && !read_failed_) {
      exchange_.sink.finish();
      co_return;
    }
    co_return abort(c.deadline.expired() ? "upstream_timeout" : "upstream_aborted");
  }
}

Awaitable<> Forwarding::relay_tunnel() {
  auto& c = *connection_;
  c.failed = true;  // never for another exchange
  for (;;) {
    if (c.begin < c.end) {
      exchange_.sink.write({c.buffer.get() + c.begin, c.end - c.begin});
      c.begin = c.end;
      exchange_.sink.flush();
      if (!exchange_.sink.credit()) co_await exchange_.sink.drained();
    }
    if (exchange_.sink.gone()) co_return abort("client_gone");
    const bool has_more = co_await more();
    if (!has_more) break;
  }
  if (exchange_.sink.gone()) co_return abort("client_gone");
  exchange_.sink.finish();
}

}  // namespace

Awaitable<ForwardOutcome> forward(UpstreamGroup& group, http::Exchange& exchange, const ForwardRequest& request,
                                  ForwardObserver& observer, const Clock& clock) {
  Forwarding forwarding(group, exchange, request, observer, clock);
  co_return co_await forwarding.run();
}

}  // namespace gatehouse::upstream
