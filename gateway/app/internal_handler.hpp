// The internal listener: /livez, /readyz, /metrics and the JWKS. For probes, Prometheus and upstreams; never published.
#pragma once
#include <functional>
#include <string>

#include "http/exchange.hpp"

namespace gatehouse::app {

struct Readiness {
  bool ready = false;
  std::string parts;  // a line for each, for people: "database: ready\n"
};

// Read when asked, from any thread.
struct InternalSources {
  std::function<Readiness()> readiness;
  std::function<std::string()> metrics;
  std::string jwks;
};

class InternalHandler final : public http::ExchangeHandler {
 public:
  explicit InternalHandler(const InternalSources& sources) : sources_(sources) {}
  Awaitable<> handle(http::Exchange& exchange) override;
  std::string on_refusal(const http::RefusedRequest&) override { return {}; }

 private:
  const InternalSources& sources_;
};

}  // namespace gatehouse::app
