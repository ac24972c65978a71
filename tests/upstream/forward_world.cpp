#include "tests/upstream/forward_world.hpp"

#include <boost/asio/co_spawn.hpp>

#include "base/check.hpp"

namespace gatehouse::tests {

Forwarded::Forwarded(upstream::UpstreamGroup& group, MemoryExchange& client, const Clock& clock, ForwardOptions options)
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

Forwarded::~Forwarded() = default;

std::string Forwarded::reason() const {
  return failure ? failure->reason() : outcome.reason;
}

bool Forwarded::passes(const http::HeaderField& field) {
  return field.known != http::Name::server;
}

std::string_view Forwarded::extra_lines(int) {
  if (throws_in_head) throw std::runtime_error("thrown by the test");
  return "X-Added: yes\r\n";
}

void Forwarded::on_stream() {
  ++streams;
  if (when_streaming) when_streaming(streaming_argument);
}

ForwardWorld::ForwardWorld() {
  settings.name = "demo";
  settings.servers = {{"127.0.0.1", upstream.port()}};
}

ForwardWorld::~ForwardWorld() = default;

upstream::UpstreamGroup& ForwardWorld::group() {
  if (!group_) group_ = std::make_unique<upstream::UpstreamGroup>(io, deadlines, settings, nullptr, tls, resolve);
  return *group_;
}

std::unique_ptr<Forwarded> ForwardWorld::start(MemoryExchange& client, ForwardOptions options) {
  return std::make_unique<Forwarded>(group(), client, clock, std::move(options));
}

std::unique_ptr<Forwarded> ForwardWorld::forward(MemoryExchange& client, ForwardOptions options) {
  auto forwarded = start(client, std::move(options));
  finish(*forwarded);
  return forwarded;
}

void ForwardWorld::finish(Forwarded& forwarded) {
  GATEHOUSE_CHECK(run_until(io, [&] { return forwarded.is_over; }));
}

void ForwardWorld::pass_time(std::chrono::milliseconds time) {
  run_ready(io);
  clock.advance(time);
  deadlines.sweep(clock.steady());
  run_ready(io);
}

}  // namespace gatehouse::tests
