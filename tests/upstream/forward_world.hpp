// What the tests of forward() share: a scripted upstream, a client in memory, a clock that the test moves.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  Forwarded(upstream::UpstreamGroup& group, MemoryExchange& client, const Clock& clock, ForwardOptions options);
  ~Forwarded();

  std::string reason() const;

  bool is_over = false;
  upstream::ForwardOutcome outcome;
  std::optional<Failure> failure;
  std::string unexpected;
  int streams = 0;  // calls of on_stream()
  void (*when_streaming)(void*) = nullptr;
  void* streaming_argument = nullptr;
  bool throws_in_head = false;

 private:
  bool passes(const http::HeaderField& field) override;
  std::string_view extra_lines(int) override;
  void on_stream() override;

  const ForwardOptions options_;
  std::string head_;
  const upstream::ForwardRequest request_;
};

struct ForwardWorld {
  ForwardWorld();
  ~ForwardWorld();

  upstream::UpstreamGroup& group();

  std::unique_ptr<Forwarded> start(MemoryExchange& client, ForwardOptions options = {});

  std::unique_ptr<Forwarded> forward(MemoryExchange& client, ForwardOptions options = {});

  void finish(Forwarded& forwarded);

  // At once, and one sweep.
  void pass_time(std::chrono::milliseconds time);

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

// An address that takes no connection and does not say so: a listener whose queue is full.
class SilentAddress {
 public:
  explicit SilentAddress(asio::io_context& io) : acceptor_(io), waiting_(io) {
    acceptor_.open(asio::ip::tcp::v4());
    acceptor_.bind({asio::ip::address_v4::loopback(), 0});
    acceptor_.listen(0);
    waiting_.connect(endpoint());
  }
  asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::socket waiting_;
};

}  // namespace gatehouse::tests
