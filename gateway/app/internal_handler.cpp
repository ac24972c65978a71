#include "app/internal_handler.hpp"

#include "config/route_table.hpp"

namespace gatehouse::app {

namespace {

void answer(http::Exchange& exchange, int status, std::string_view type, std::string_view body,
            std::string_view lines = {}) {
  const http::HeaderField field{"Content-Type", type, http::Name::content_type};
  http::ResponseHead head;
  head.status = status;
  head.fields = {&field, 1};
  head.extra = lines;
  head.size = body.size();
  head.without_body = exchange.head.method == "HEAD";
  exchange.sink.start(head);
  exchange.sink.write(body);
  exchange.sink.finish();
}

}  // namespace

Awaitable<> InternalHandler::handle(http::Exchange& exchange) {
  const auto path = exchange.head.path;
  if (exchange.head.method != "GET" && exchange.head.method != "HEAD") {
    answer(exchange, 405, "text/plain", "method not allowed\n", "Allow: GET, HEAD\r\n");
  } else if (path == "/livez") {
    answer(exchange, 200, "text/plain", "live\n");
  } else if (path == "/readyz") {
    const auto [ready, parts] = sources_.readiness();
    answer(exchange, ready ? 200 : 503, "text/plain", (ready ? "ready\n" : "not ready\n") + parts);
  } else if (path == "/metrics") {
    answer(exchange, 200, "text/plain; version=0.0.4", sources_.metrics());
  } else if (path == config::kJwksPath) {
    answer(exchange, 200, "application/jwk-set+json", sources_.jwks);
  } else {
    answer(exchange, 404, "text/plain", "not found\n");
  }
  co_return;
}

}  // namespace gatehouse::app
