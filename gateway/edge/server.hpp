// One listener on one thread: accepts connections, owns them, drains them.
#pragma once
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "edge/exchange_buffers.hpp"
#include "edge/http1_connection.hpp"
#include "edge/tls_context.hpp"

namespace gatehouse::edge {

class Server {
 public:
  struct Dependencies {
    Deadlines& deadlines;
    http::ExchangeHandler& handler;
    const config::Limits& limits;
    const Clock& clock;
    ConnectionLimits& connection_limits;  // shared by all threads
    const TlsContext* tls;                // shared by all threads; null: plain HTTP
    ProxyProtocol* proxies = nullptr;     // shared by all threads; null: connections begin without a PROXY header
  };

  // Takes the listening descriptor. All in Dependencies outlives the server; so does the io_context, which nobody runs
  // any more when the server is destroyed: the destructor ends what goes on and runs it to its end, so that whatever
  // the coroutines of this io_context use must still be there.
  Server(asio::io_context& io, int descriptor, const Dependencies& dependencies);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  // Stops accepting and lets the exchanges that go on, or are on their way, finish; see Http1Connection::drain.
  void drain();
  // Ends all connections at once.
  void end_all();
  // About once a second, from the thread's own sweep.
  void check_peers();
  std::size_t connection_count() const { return count_; }

 private:
  Awaitable<> accept_loop();
  bool accept_one();
  void tell_out_of_descriptors(bool now, int error);
  void stop_accepting();
  void adopt(int descriptor, IpAddress peer, std::uint16_t port, ConnectionLimits::Place place);
  void remove(Http1Connection* connection);

  asio::io_context& io_;
  asio::posix::basic_stream_descriptor<Executor> listener_;
  BufferPool buffers_;
  ConnectionContext context_;
  ConnectionLimits& connection_limits_;
  const TlsContext* tls_;
  Http1Connection* first_ = nullptr;
  std::size_t count_ = 0;
  bool accepting_ = true;
  bool out_of_descriptors_ = false;
};

}  // namespace gatehouse::edge
