#include "app/echo_upstream.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <charconv>
#include <deque>

#include "base/event.hpp"
#include "base/json_text.hpp"
#include "edge/listener.hpp"
#include "edge/server.hpp"

namespace gatehouse::app {

namespace {

constexpr std::size_t kRowsMax = 4096;
constexpr std::size_t kRowsBytesMax = 16 * 1024 * 1024;
constexpr std::size_t kBodyShown = 256;
constexpr std::size_t kKeysMax = 64;

// The rows are JSON objects. The oldest go where there are too many.
class Rows {
 public:
  void add(std::string row) {
    bytes_ += row.size();
    rows_.push_back(std::move(row));
    while (rows_.size() > kRowsMax || bytes_ > kRowsBytesMax) {
      bytes_ -= rows_.front().size();
      rows_.pop_front();
      ++gone_;
    }
  }

  // The rows behind the first `after` ones.
  std::string since(std::uint64_t after) const {
    std::string out = fmt::format("{{\"next\": {}, \"lost\": {}, \"received\": [", gone_ + rows_.size(), after < gone_);
    const std::uint64_t first = std::max(after, gone_) - gone_;
    for (std::uint64_t i = first; i < rows_.size(); ++i) out.append(i > first ? ",\n" : "\n").append(rows_[i]);
    return out.append("]}\n");
  }

 private:
  std::deque<std::string> rows_;
  std::size_t bytes_ = 0;
  std::uint64_t gone_ = 0;
};

void send_json(http::Exchange& exchange, std::string_view body) {
  http::ResponseHead head;
  head.extra = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
  head.size = body.size();
  head.without_body = exchange.head.method == "HEAD";
  exchange.sink.start(head);
  exchange.sink.write(body);
  exchange.sink.finish();
}

class EchoHandler final : public http::ExchangeHandler {
 public:
  explicit EchoHandler(Rows* rows) : rows_(rows) {}

  Awaitable<> handle(http::Exchange& exchange) override {
    std::uint64_t body_bytes = 0;
    std::string shown;
    for (bool more = true; more;) {
      const auto piece = exchange.body.read();
      switch (piece.kind) {
        case http::BodyPiece::Kind::data:
          body_bytes += piece.bytes.size();
          shown.append(piece.bytes.substr(0, kBodyShown - std::min(kBodyShown, shown.size())));
          break;
        case http::BodyPiece::Kind::wait:
          co_await exchange.body.readable();
          break;
        case http::BodyPiece::Kind::end:
          more = false;
          break;
        case http::BodyPiece::Kind::broken:
          keep(describe(exchange.head, body_bytes, shown, false));
          exchange.sink.abort();
          co_return;
      }
    }
    std::string body = describe(exchange.head, body_bytes, shown, true);
    send_json(exchange, body);
    keep(std::move(body));
  }

  std::string on_refusal(const http::RefusedRequest& refused) override {
    std::string row = "{\"malformed\": ";
    append_json_quoted(row, refused.refusal.message);
    row.append(", \"method\": ");
    append_json_quoted(row, refused.method);
    row.append(", \"path\": ");
    append_json_quoted(row, refused.target);
    keep(row + "}");
    return {};
  }

 private:
  void keep(std::string row) {
    if (rows_) rows_->add(std::move(row));
  }

  // The value of Authorization is the upstream's key: which of those that have come it is can be told, no more.
  std::string show_key(std::string_view value) {
    const auto known = std::find(keys_.begin(), keys_.end(), value);
    const auto index = static_cast<std::size_t>(known - keys_.begin());
    if (known == keys_.end() && keys_.size() < kKeysMax) keys_.emplace_back(value);
    if (index == 0) return "(the key of this upstream)";
    return index < kKeysMax ? fmt::format("(another key, {})", index + 1) : "(another key)";
  }

  // A repeated name has the list of its values.
  void append_fields(std::string& out, http::HeaderFields fields) {
    const auto append_value = [&](const http::HeaderField& field) {
      append_json_quoted(out, field.known == http::Name::authorization ? show_key(field.value) : field.value);
    };
    bool first = true;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const auto is_same = [&](const http::HeaderField& other) { return other.name == fields[i].name; };
      if (std::any_of(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(i), is_same)) continue;
      out.append(first ? "\n    " : ",\n    ");
      first = false;
      append_json_quoted(out, fields[i].name);
      out.append(": ");
      if (std::count_if(fields.begin(), fields.end(), is_same) == 1) {
        append_value(fields[i]);
        continue;
      }
      char before = '[';
      for (const auto& field : fields) {
        if (!is_same(field)) continue;
        out.push_back(before);
        append_value(field);
        before = ',';
      }
      out.push_back(']');
    }
  }

  std::string describe(const http::RequestHead& head, std::uint64_t body_bytes, std::string_view body, bool whole) {
    std::string out = "{";
    const auto add_text = [&](std::string_view name, std::string_view value) {
      out.append("\n  ");
      append_json_quoted(out, name);
      out.append(": ");
      append_json_quoted(out, value);
      out.push_back(',');
    };
    add_text("method", head.method);
    add_text("path", head.path);
    add_text("query", head.query);
    out.append(fmt::format("\n  \"canonical\": {},\n  \"body_bytes\": {},", head.path_was_canonical, body_bytes));
    if (!whole) out.append("\n  \"broken\": true,");
    if (!body.empty()) add_text("body", body);
    out.append("\n  \"headers\": {");
    append_fields(out, head.fields);
    out.append("\n  }\n}\n");
    return out;
  }

  Rows* rows_;
  std::vector<std::string> keys_;
};

// GET /received?after=N
class WitnessHandler final : public http::ExchangeHandler {
 public:
  explicit WitnessHandler(const Rows& rows) : rows_(rows) {}

  Awaitable<> handle(http::Exchange& exchange) override {
    std::uint64_t after = 0;
    const auto query = exchange.head.query;
    constexpr std::string_view kAfter = "after=";
    if (query.starts_with(kAfter)) std::from_chars(query.data() + kAfter.size(), query.data() + query.size(), after);
    send_json(exchange, rows_.since(after));
    co_return;
  }

  std::string on_refusal(const http::RefusedRequest&) override { return {}; }

 private:
  const Rows& rows_;
};

Awaitable<> sweep(Deadlines& deadlines) {
  SteadyTimer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(Deadlines::kPeriod);
    co_await timer.async_wait(use_awaitable);
    deadlines.sweep(std::chrono::steady_clock::now());
  }
}

}  // namespace

class EchoUpstream::Parts {
 public:
  explicit Parts(const Addresses& addresses) : echo_(addresses.witness ? &rows_ : nullptr) {
    real_.upstream = serve(addresses.upstream, echo_);
    if (addresses.witness) real_.witness = serve(*addresses.witness, witness_);
    asio::co_spawn(io_.get_executor(), sweep(deadlines_), [](const std::exception_ptr&) {});
  }

  const Addresses& addresses() const { return real_; }

  void run(bool until_signal) {
    asio::basic_signal_set<Executor> signals(io_.get_executor());
    if (until_signal) {
      signals.add(SIGTERM);
      signals.add(SIGINT);
      signals.async_wait([this](const boost::system::error_code&, int) { io_.stop(); });
    }
    io_.run();
  }

  void stop() { io_.stop(); }

 private:
  config::SocketAddress serve(const config::SocketAddress& address, http::ExchangeHandler& handler) {
    const auto listeners = edge::open_listeners(address, 1);
    servers_.push_back(std::make_unique<edge::Server>(
        io_, listeners.descriptors.front(),
        edge::Server::Dependencies{deadlines_, handler, limits_, clock_, connections_, nullptr}));
    servers_.back()->start();
    return listeners.address;
  }

  asio::io_context io_{1};
  const SystemClock clock_;
  Deadlines deadlines_{clock_.steady()};
  const config::Limits limits_;
  edge::ConnectionLimits connections_{limits_.connections, limits_.connections};
  Rows rows_;
  EchoHandler echo_;
  WitnessHandler witness_{rows_};
  Addresses real_;
  std::vector<std::unique_ptr<edge::Server>> servers_;
};

EchoUpstream::EchoUpstream(const Addresses& addresses) : parts_(std::make_unique<Parts>(addresses)) {}
EchoUpstream::~EchoUpstream() = default;

EchoUpstream::Addresses EchoUpstream::addresses() const {
  return parts_->addresses();
}
void EchoUpstream::run(bool until_signal) {
  parts_->run(until_signal);
}
void EchoUpstream::stop() {
  parts_->stop();
}

}  // namespace gatehouse::app
