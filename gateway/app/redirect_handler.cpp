#include "app/redirect_handler.hpp"

namespace gatehouse::app {

Awaitable<> RedirectHandler::handle(http::Exchange& exchange) {
  std::string location = "Location: " + base_url_;
  location.append(exchange.head.path);
  if (exchange.head.has_query) location.append("?").append(exchange.head.query);
  location.append("\r\n");
  http::ResponseHead head;
  head.status = 308;
  head.extra = location;
  head.size = 0;
  head.without_body = exchange.head.method == "HEAD";
  exchange.sink.start(head);
  exchange.sink.finish();
  co_return;
}

}  // namespace gatehouse::app
