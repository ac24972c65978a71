// `gatehouse health`, as a container's health check calls it.
#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <thread>
#include <vector>

#include "app/command_line.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

int run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"gatehouse", "health"});
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  return gatehouse::app::run_command_line(static_cast<int>(pointers.size()), pointers.data());
}

// Answers one connection with the given bytes and closes it; keeps the head of what was asked.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)), thread_([this] { serve(); }) {}
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
  }
  OneAnswer(const OneAnswer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve() {
    tcp::socket socket(io_);
    acceptor_.accept(socket);
    const auto size = asio::read_until(socket, asio::dynamic_buffer(asked_), "\r\n\r\n");
    asked_.resize(size);
    asio::write(socket, asio::buffer(answer_));
  }

  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::string answer_;
  std::string asked_;
  std::thread thread_;
};

std::string answer_of(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("health ends with 0 when the gateway is ready") {
  OneAnswer gateway(answer_of("200 OK", "ready\n"));
  CHECK(run({"--address", gateway.address()}) == 0);
  CHECK(gateway.asked() == "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

TEST_CASE("health --live asks whether the process works, not whether its store does") {
  OneAnswer gateway(answer_of("200 OK", "live\n"));
  CHECK(run({"--live", "--address", gateway.address()}) == 0);
  CHECK(gateway.asked().starts_with("GET /livez HTTP/1.1\r\n"));
}

TEST_CASE("health ends with 1 when the gateway is not ready") {
  OneAnswer gateway(answer_of("503 Service Unavailable", "not ready\n"));
  CHECK(run({"--address", gateway.address()}) == 1);
}

TEST_CASE("health ends with 1 when what answers is no gateway") {
  OneAnswer stranger("220 mail.example.com\r\n");
  CHECK(run({"--address", stranger.address()}) == 1);
}

TEST_CASE("health ends with 1 when nobody listens") {
  std::string address;
  {
    asio::io_context io;
    const tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0}, false);
    address = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  }
  CHECK(run({"--address", address}) == 1);
}

TEST_CASE("health refuses an address that is none") {
  CHECK(run({"--address", "gateway"}) == 2);
}
