// What the tests of forward() share: a scripted upstream, a client in memory, a clock that the test moves.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/failure.hpp"
#include "tests/support/memory_exchange.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/scripted_upstream.hpp"
#include "upstream/forward.hpp"

namespace gatehouse::tests {

using Kind = upstream::ForwardOutcome::Kind;
using Peer = ScriptedUpstream::Peer;

struct ForwardOptions {
  bool idempotent = true;
  std::string websocket_accept = {};
  std::uint64_t body_limit = 1 << 20;
  std::uint64_t balance_key = 0;
  config::Timeout timeout{
      .connect = std::chrono::seconds(2), .response = std::chrono::seconds(30), .idle = std::chrono::seconds(60)};
};

// One call of forward(). Lives until it is over.
class Forwarded final : public upstream::ForwardObserver {
 public:
  Forwarded(upstream::UpstreamGroup& group, MemoryExchange& client, const Clock& clock, ForwardOptions options)
      : options_(std::move(options)),
        head_(std::string(client.exchange().head.method) + " " + std::string(client.exchange().head.path) +
              " HTTP/1.1\r\nHost: upstream\r\n"),
        request_{.head = head_,
                 .to_head = client.exchange().head.method == "HEAD",
                 .idempotent = options_.idempotent,
                 .websocket_accept = options_.websocket_accept,
                 .timeout = options_.timeout,
                 .body_limit = options_.body_limit,
                 .balance_key = options_.balance_key} {
    asio::co_spawn(client.exchange().executor, upstream::forward(group, client.exchange(), request_, *this, clock),
                   [this](std::exception_ptr error, upstream::ForwardOutcome result) {
                     is_over = true;
                     outcome = result;
                     try {
                       if (error) std::rethrow_exception(error);
                     } catch (const Failure& thrown) {
                       failure = thrown;
                     } catch (const std::exception& thrown) {
                       unexpected = thrown.what();
                     }
                   });
  }

  std::string reason() const { return failure ? failure->reason() : outcome.reason; }

  bool is_over = false;
  upstream::ForwardOutcome outcome;
  std::optional<Failure> failure;
  std::string unexpected;
  int streams = 0;  // calls of on_stream()
  void (*when_streaming)(void*) = nullptr;
  void* streaming_argument = nullptr;
  bool throws_in_head = false;

 private:
  bool passes(const http::HeaderField& field) override { return field.known != http::Name::server; }
  std::string_view extra_lines(int) override {
    if (throws_in_head) throw std::runtime_error("thrown by the test");
    return "X-Added: yes\r\n";
  }
  void on_stream() override {
    ++streams;
    if (when_streaming) when_streaming(streaming_argument);
  }

  const ForwardOptions options_;
  std::string head_;
  const upstream::ForwardRequest request_;
};

struct ForwardWorld {
  ForwardWorld() {
    settings.name = "demo";
    settings.servers = {{"127.0.0.1", upstream.port()}};
  }

  upstream::UpstreamGroup& group() {
    if (!group_) group_ = std::make_unique<upstream::UpstreamGroup>(io, deadlines, settings, nullptr, tls, resolve);
    return *group_;
  }

  std::unique_ptr<Forwarded> start(MemoryExchange& client, ForwardOptions options = {}) {
    return std::make_unique<Forwarded>(group(), client, clock, std::move(options));
  }

  std::unique_ptr<Forwarded> forward(MemoryExchange& client, ForwardOptions options = {}) {
    auto forwarded = start(client, std::move(options));
    finish(*forwarded);
    return forwarded;
  }

  void finish(Forwarded& forwarded) {
    GATEHOUSE_CHECK(run_until(io, [&] { return forwarded.is_over; }));
  }

  void pass_time(std::chrono::milliseconds time) {
    run_ready(io);
    clock.advance(time);
    deadlines.sweep(clock.steady());
    run_ready(io);
  }

  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock.steady()};
  ScriptedUpstream upstream{io};
  config::Upstream settings;
  std::shared_ptr<upstream::ClientTls> tls;
  upstream::Resolve resolve = upstream::resolve_by_system;

 private:
  std::unique_ptr<upstream::UpstreamGroup> group_;
};

}  // namespace gatehouse::tests
