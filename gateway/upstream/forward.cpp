#include "upstream/forward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "base/ascii.hpp"
#include "base/failure.hpp"
#include "http/hop_by_hop.hpp"
#include "upstream/forwarding.hpp"

namespace gatehouse::upstream {

namespace {

using http::ResponseParser;

constexpr std::size_t kTurnBytes = 1024 * 1024;

}  // namespace

Awaitable<ForwardOutcome> Forwarding::run() {
  exchange_.sink.on_abort({[](void* self) { static_cast<Forwarding*>(self)->on_client_gone(); }, this,
                           [](void* self) { static_cast<Forwarding*>(self)->look(); }});
  std::exception_ptr error;
  try {
    co_await pass();
  } catch (...) {
    error = std::current_exception();
  }
  if (sender_runs_) co_await end_sender();
  if (error) std::rethrow_exception(error);
  if (connection_) {
    connection_->failed = connection_->failed || !request_sent_;
    group_.give_back(std::move(connection_));
  }
  co_return outcome_;
}

Awaitable<> Forwarding::pass() {
  if (!write_first()) co_return;
  const ReadHead result = co_await ask();
  if (result != ReadHead::complete) {
    if (connection_) connection_->failed = true;
    if (exchange_.sink.gone()) co_return abort("client_gone");
    if (result == ReadHead::body_lost) co_return;
    fail(result);
  }
  group_.on_answer(*connection_);
  outcome_.status = parser_->status();
  outcome_.answered = clock_.steady();
  answered_ = true;
  if (parser_->status() == 101) {
    if (sender_runs_) co_await sender_ended_->wait();  // all is sent: it is about to end
    start_tunnel();
    co_await relay_tunnel();
  } else {
    start_answer();
    if (!relay_at_once()) co_await relay();
  }
}

// Sends the request and reads the head of the answer; a second time if the connection ended without one: to another
// server if there is one, unless the end of an idle connection says nothing of the server that a session stays with.
Awaitable<Forwarding::ReadHead> Forwarding::ask() {
  Turn turn = group_.take_turn(request_.balance_key);
  auto connect_at_most = request_.timeout.connect;
  for (bool again = false;; again = true) {
    if (!again) connection_ = group_.take_idle(turn);
    if (!connection_) {
      auto opened = co_await group_.connect(std::move(turn), connect_at_most);
      connection_ = std::move(opened);
    }
    if (exchange_.sink.gone()) co_return ReadHead::gone;
    parser_.emplace(request_.to_head);
    bool sent = send_at_once(request_.head);
    if (!sent) sent = co_await send(std::string_view(request_.head).substr(sent_at_once_));
    if (sent && !body_read_) {
      spawn_send_rest();
    } else {
      // Also when it was not taken to its end: the answer that says why may be there already.
      request_sent_ = sent;
      expect_answer();
    }
    ReadHead result = ReadHead::late;
    if (!connection_->is_late()) result = co_await read_head();
    if (again || !may_ask_again(result)) co_return result;
    answer_by_ = connection_->read_deadline.at();
    connect_at_most =
        std::min(connect_at_most, std::chrono::duration_cast<std::chrono::milliseconds>(*answer_by_ - group_.now()));
    if (connection_->reused) {
      connection_ = nullptr;
      turn = group_.is_sticky() ? group_.take_turn(request_.balance_key)
                                : group_.take_turn_again(request_.balance_key, turn.server);
    } else {
      if (connection_->is_probe) co_return result;
      group_.on_failure(*connection_, describe_end());
      const std::size_t server = connection_->server;
      connection_ = nullptr;
      turn = group_.take_turn_again(request_.balance_key, server);
    }
  }
}

// Nothing came back, and to do it twice is to do it once (RFC 9110 section 9.2.2). A server may end an idle connection
// at the moment when it is used again (RFC 9112 section 9.3.1); one that ends a new connection is failing or about to
// end, and another one may not be. The time for the answer goes on from the first time.
bool Forwarding::may_ask_again(ReadHead result) const {
  return result == ReadHead::closed && connection_->end == 0 && request_.idempotent && body_bytes_ == 0 &&
         !sender_runs_ && !exchange_.sink.gone() && connection_->read_deadline.at() > group_.now();
}

std::string Forwarding::describe_end() const {
  const auto alert = alert_of_server(connection_->stream.ssl());
  if (!alert.empty()) return fmt::format("{}: the server ended TLS and says {}", group_.name(), alert);
  return fmt::format("{}: the connection ended without an answer", group_.name());
}

Awaitable<Forwarding::ReadHead> Forwarding::read_head() {
  auto& c = *connection_;
  // The request has only just gone out: an attempt to read now would nearly always be in vain.
  for (bool try_now = false;; try_now = true) {
    if (c.end > c.begin) {
      const auto progress = parser_->parse_head(c.buffer.get() + c.begin, c.end - c.begin);
      if (progress == ResponseParser::Progress::nonsense) co_return ReadHead::nonsense;
      if (progress == ResponseParser::Progress::complete) {
        c.begin += parser_->head_bytes();
        if (parser_->status() == 101 && !is_requested_upgrade()) co_return ReadHead::nonsense;
        if (parser_->status() >= 200 || parser_->status() == 101) {
          c.read_deadline.clear();
          co_return ReadHead::complete;
        }
        parser_.emplace(request_.to_head);  // an interim answer; the client was told to continue by the edge
        continue;
      }
      if (c.end == Connection::kBufferBytes) co_return ReadHead::nonsense;
    }
    if (try_now) {
      const auto io = c.stream.read(c.buffer.get() + c.end, Connection::kBufferBytes - c.end);
      if (io.status == Stream::Status::ok) {
        c.end += io.bytes;
        continue;
      }
      if (outcome_.kind != ForwardOutcome::Kind::done) co_return ReadHead::body_lost;
      if (io.status != Stream::Status::want_read) co_return ReadHead::closed;
    }
    co_await c.readable();
    if (exchange_.sink.gone()) co_return ReadHead::gone;
    if (outcome_.kind != ForwardOutcome::Kind::done) co_return ReadHead::body_lost;
    if (c.is_late()) co_return ReadHead::late;
  }
}

void Forwarding::fail(ReadHead why) {
  Failure failure = [&] {
    switch (why) {
      case ReadHead::late:
        return Failure(504, "upstream_timeout", fmt::format("{}: no answer in time", group_.name()));
      case ReadHead::nonsense:
        return Failure(502, "upstream_nonsense", fmt::format("{}: the answer is malformed", group_.name()));
      default:
        return Failure(502, "upstream_closed", describe_end());
    }
  }();
  group_.on_failure(*connection_, failure.what());
  throw failure;
}

// RFC 6455 section 4.1: what a client has to check of the server's handshake.
bool Forwarding::is_requested_upgrade() const {
  if (request_.websocket_accept.empty() || !request_sent_) return false;
  const auto fields = parser_->fields();
  const auto accept = http::find_field(fields, http::Name::sec_websocket_accept);
  const auto upgrade = http::find_field(fields, http::Name::upgrade);
  const auto connection = http::find_field(fields, http::Name::connection);
  bool names_upgrade = false;
  for_each_in_list(connection.value_or(""),
                   [&](std::string_view option) { names_upgrade = names_upgrade || iequals(option, "upgrade"); });
  return accept == request_.websocket_accept && upgrade && iequals(*upgrade, "websocket") && names_upgrade;
}

// Without framing and status-dependent parts. `kept` has room for all fields of an answer.
http::ResponseHead Forwarding::make_head(KeptFields& kept) {
  const http::HopByHop hop_by_hop(parser_->fields());
  for (const auto& field : parser_->fields()) {
    if (!hop_by_hop.contains(field) && observer_.passes(field)) kept.add(field);
  }
  http::ResponseHead head;
  head.status = parser_->status();
  head.fields = kept.fields();
  head.extra = observer_.extra_lines(parser_->status());
  return head;
}

void Forwarding::start_answer() {
  KeptFields kept;
  http::ResponseHead head = make_head(kept);
  head.without_body = !parser_->has_body() && (request_.to_head || head.status == 204 || head.status == 304);
  head.size = parser_->size();
  exchange_.sink.start(head);
}

void Forwarding::start_tunnel() {
  tunnel_ = true;
  KeptFields kept;
  http::ResponseHead head = make_head(kept);
  kept.add({"Upgrade", "websocket", http::Name::upgrade});
  kept.add({"Connection", "Upgrade", http::Name::connection});
  head.fields = kept.fields();
  exchange_.sink.accept_upgrade(head, request_.timeout.idle);
  observer_.on_stream();
  body_read_ = false;
  spawn_send_rest();
}

void Forwarding::abort(const char* reason) {
  outcome_.kind = ForwardOutcome::Kind::done;
  outcome_.aborted = true;
  outcome_.reason = lost_reason_ ? lost_reason_ : exchange_.sink.gone() ? "client_gone" : reason;
  if (outcome_.reason == reason && connection_ && std::string_view(reason).starts_with("upstream_")) {
    group_.on_failure(*connection_, reason);
  }
  if (connection_) connection_->failed = true;
  exchange_.sink.abort();
}

// Who waits for the upstream, or is about to, finds the connection closed; nothing more is wanted of it.
void Forwarding::on_client_gone() {
  if (!connection_) return;
  connection_->failed = true;
  connection_->stream.close();
}

// An answer whose length is told may take as long as a stream.
void Forwarding::look() {
  if (!answered_ || streaming_ || tunnel_) return;
  streaming_ = true;
  observer_.on_stream();
}

// Two fast peers would keep this coroutine, and so the thread, for as long as their body is: others get a turn.
bool Forwarding::is_turn_over(std::size_t bytes) {
  bytes_in_turn_ += bytes;
  if (bytes_in_turn_ < kTurnBytes) return false;
  bytes_in_turn_ = 0;
  return true;
}

// Reads more of the answer. False: it has ended, in order or not.
Awaitable<bool> Forwarding::more() {
  auto& c = *connection_;
  for (;;) {
    c.begin = c.end = 0;  // all was used
    const auto io = c.stream.read(c.buffer.get(), Connection::kBufferBytes);
    if (io.status == Stream::Status::ok) {
      c.end = io.bytes;
      if (is_turn_over(io.bytes)) co_await asio::post(exchange_.executor, use_awaitable);
      co_return !exchange_.sink.gone();
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
    c.read_deadline.set(request_.timeout.idle);
    co_await c.readable();
    if (c.is_late() || exchange_.sink.gone()) {
      c.failed = read_failed_ = true;
      co_return false;
    }
    c.read_deadline.clear();
  }
}

// What is in the buffer; usually the whole small answer, which came with its head. True: the answer has ended.
bool Forwarding::relay_at_once() {
  using Kind = http::BodyDecoder::Step::Kind;
  auto& c = *connection_;
  if (!parser_->keep_alive()) c.failed = true;
  for (;;) {
    if (!exchange_.sink.credit()) return false;
    const auto step = parser_->body().decode({c.buffer.get() + c.begin, c.end - c.begin});
    c.begin += step.used;
    switch (step.kind) {
      case Kind::data:
        exchange_.sink.write(step.bytes);
        continue;
      case Kind::end:
        exchange_.sink.finish();
        if (exchange_.sink.gone()) abort("client_gone");
        return true;
      case Kind::malformed:
        abort("upstream_nonsense");
        return true;
      case Kind::need_more:
        return false;
    }
  }
}

// The rest, as it comes.
Awaitable<> Forwarding::relay() {
  auto& c = *connection_;
  for (;;) {
    if (!exchange_.sink.credit()) co_await exchange_.sink.drained();
    if (exchange_.sink.gone()) co_return abort("client_gone");
    if (relay_at_once()) co_return;
    if (!exchange_.sink.credit()) continue;
    const bool has_more = co_await more();
    if (has_more) continue;
    if (parser_->body().is_until_close() && !read_failed_ && !exchange_.sink.gone()) {
      exchange_.sink.finish();
      co_return;
    }
    co_return abort(c.is_late() ? "upstream_timeout" : "upstream_aborted");
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
  if (read_failed_ || exchange_.sink.gone()) co_return abort(c.is_late() ? "tunnel_idle" : "upstream_aborted");
  exchange_.sink.finish();
}

Awaitable<ForwardOutcome> forward(UpstreamGroup& group, http::Exchange& exchange, const ForwardRequest& request,
                                  ForwardObserver& observer, const Clock& clock) {
  Forwarding forwarding(group, exchange, request, observer, clock);
  co_return co_await forwarding.run();
}

}  // namespace gatehouse::upstream
