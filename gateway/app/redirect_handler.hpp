// The plain-HTTP listener: every request is sent to the public origin, and nothing else is ever answered there.
#pragma once
#include <string>

#include "http/exchange.hpp"

namespace gatehouse::app {

class RedirectHandler final : public http::ExchangeHandler {
 public:
  explicit RedirectHandler(std::string base_url) : base_url_(std::move(base_url)) {}
  Awaitable<> handle(http::Exchange& exchange) override;
  std::string on_refusal(const http::RefusedRequest&) override { return {}; }

 private:
  const std::string base_url_;
};

}  // namespace gatehouse::app
