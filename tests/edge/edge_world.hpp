// What the tests of the edge share: a Server on a free loopback port, on the test's own io_context and clock, with a
// handler that the test gives, and raw clients whose waiting runs the io_context.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/server.hpp"
#include "tests/support/run_until.hpp"

namespace gatehouse::tests {

using Handler = Awaitable<> (*)(http::Exchange&);

void answer(http::Exchange& exchange, std::string_view body, int status = 200);

// The whole body; with "!" at its end if it is broken.
Awaitable<std::string> read_body(http::Exchange& exchange);

// "POST /path?query body"
Awaitable<> echo(http::Exchange& exchange);

Awaitable<> answer_without_reading(http::Exchange& exchange);

class TestHandler final : public http::ExchangeHandler {
 public:
  Awaitable<> handle(http::Exchange& exchange) override;
  std::string on_refusal(const http::RefusedRequest& refused) override;

  Handler run = &echo;
  int exchanges = 0;
  std::vector<int> refusals;
  std::vector<std::string> refused_lines;  // method and target as they were told
};

class EdgeWorld {
 public:
  explicit EdgeWorld(Handler handler = &echo, const edge::TlsContext* tls = nullptr, config::Limits given = {},
                     edge::ProxyProtocol* proxies = nullptr);
  ~EdgeWorld();

  // Deadlines pass, and what they end ends.
  void pass_time(std::chrono::milliseconds time);

  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock.steady()};
  config::Limits limits;
  edge::ConnectionLimits connection_limits;
  TestHandler handler;
  std::unique_ptr<edge::Server> server;
  std::uint16_t port = 0;
};

// A client that speaks bytes.
class RawClient {
 public:
  explicit RawClient(EdgeWorld& world, int receive_buffer = 0);
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  int descriptor() const { return descriptor_; }

  void send(std::string_view bytes);

  // The next answer, its body included; what there is if the connection ends before.
  std::string read_answer(bool to_head = false);
  std::string read_until(std::string_view mark);
  // Everything up to the end of the connection.
  std::string read_all();
  std::size_t discard(std::size_t bytes);
  // Whether nothing has come and the connection is open.
  bool is_quiet();
  bool is_reset() const { return reset_; }
  bool has_ended() const { return ended_; }

  void end_sending();
  void close();
  void reset();

 private:
  void receive();
  void wait_for(const std::function<bool()>& is_there);

  EdgeWorld& world_;
  int descriptor_ = -1;
  std::string received_;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace gatehouse::tests
