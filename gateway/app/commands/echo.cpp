// `gatehouse echo`: a small upstream that shows what reaches it: for demonstrations and for looking at one's own
// routes. It answers every path with the request as JSON; the value of Authorization is the upstream's key and is not
// shown.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <string>

#include "app/commands/command.hpp"
#include "base/event.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "edge/listener.hpp"
#include "edge/server.hpp"

namespace gatehouse::app {

namespace {

void add_text(std::string& out, std::string_view name, std::string_view value, std::string_view indent) {
  out.append(indent);
  append_json_quoted(out, name);
  out.append(": ");
  append_json_quoted(out, value);
}

class EchoHandler final : public http::ExchangeHandler {
 public:
  Awaitable<> handle(http::Exchange& exchange) override {
    std::uint64_t body_bytes = 0;
    for (bool more = true; more;) {
      const auto piece = exchange.body.read();
      switch (piece.kind) {
        case http::BodyPiece::Kind::data:
          body_bytes += piece.bytes.size();
          break;
        case http::BodyPiece::Kind::wait:
          co_await exchange.body.readable();
          break;
        case http::BodyPiece::Kind::end:
          more = false;
          break;
        case http::BodyPiece::Kind::broken:
          exchange.sink.abort();
          co_return;
      }
    }
    const std::string body = describe(exchange.head, body_bytes);
    http::ResponseHead head;
    head.extra = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
    head.size = body.size();
    head.without_body = exchange.head.method == "HEAD";
    exchange.sink.start(head);
    exchange.sink.write(body);
    exchange.sink.finish();
  }

  std::string on_refusal(const http::RefusedRequest&) override { return {}; }

 private:
  static std::string describe(const http::RequestHead& head, std::uint64_t body_bytes) {
    std::string out = "{\n";
    add_text(out, "method", head.method, "  ");
    out.append(",\n");
    add_text(out, "path", head.path, "  ");
    out.append(",\n");
    add_text(out, "query", head.query, "  ");
    out.append(fmt::format(",\n  \"body_bytes\": {},\n  \"headers\": {{", body_bytes));
    bool first = true;
    for (const auto& field : head.fields) {
      out.append(first ? "\n" : ",\n");
      add_text(out, field.name, field.known == http::Name::authorization ? "(the key of this upstream)" : field.value,
               "    ");
      first = false;
    }
    out.append("\n  }\n}\n");
    return out;
  }
};

Awaitable<> sweep(Deadlines& deadlines) {
  SteadyTimer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(Deadlines::kPeriod);
    co_await timer.async_wait(use_awaitable);
    deadlines.sweep(std::chrono::steady_clock::now());
  }
}

int run_echo(const std::string& listen) {
  const ProcessLog process_log(LogFormat::json);
  ::signal(SIGPIPE, SIG_IGN);
  const auto colon = listen.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !CLI::detail::lexical_cast(listen.substr(colon + 1), port) || port < 0 ||
      port > 65'535) {
    log::critical("--listen must be ADDRESS:PORT, for example 127.0.0.1:9100");
    return 1;
  }
  try {
    const auto listeners = edge::open_listeners({listen.substr(0, colon), static_cast<std::uint16_t>(port)}, 1);
    asio::io_context io(1);
    const SystemClock clock;
    Deadlines deadlines(clock.steady());
    EchoHandler handler;
    const config::Limits limits;
    edge::ConnectionLimits connection_limits(limits.connections, limits.connections);
    edge::Server server(io, listeners.descriptors.front(),
                        {deadlines, handler, limits, clock, connection_limits, nullptr});
    server.start();
    asio::co_spawn(io.get_executor(), sweep(deadlines), [](const std::exception_ptr&) {});
    asio::basic_signal_set<Executor> signals(io.get_executor(), SIGTERM, SIGINT);
    signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
    log::info("listening listener=echo address={}", edge::to_string(listeners.address));
    io.run();
    return 0;
  } catch (const std::exception& error) {
    log::critical("cannot start: {}", error.what());
    return 1;
  }
}

}  // namespace

void add_echo(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("echo", "A small upstream that answers with the request it received");
  const auto listen = std::make_shared<std::string>("127.0.0.1:9100");
  command->add_option("--listen", *listen, "Address and port to listen on")->capture_default_str();
  command->callback([listen, &exit_code] { exit_code = run_echo(*listen); });
}

}  // namespace gatehouse::app
