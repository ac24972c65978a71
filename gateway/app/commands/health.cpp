// `gatehouse health`: asks a running gateway how it is, for the health check of a container that has nothing but this
// binary in it.
#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "config/values.hpp"

namespace gatehouse::app {

namespace {

constexpr std::chrono::seconds kPatience{3};

int run_health(const std::string& address, bool live) {
  const auto server = config::SocketAddressValue::parse(address);
  if (!server) {
    fmt::print(stderr, "--address: {}\n", server.error());
    return 2;
  }
  boost::asio::ip::tcp::iostream stream;
  stream.expires_after(kPatience);
  stream.connect(server->host, std::to_string(server->port));
  if (!stream) {
    fmt::print(stderr, "{} cannot be reached: {}\n", address, stream.error().message());
    return 1;
  }
  stream << "GET " << (live ? "/livez" : "/readyz") << " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
         << std::flush;
  std::string version, line;
  int status = 0;
  stream >> version >> status;
  while (std::getline(stream, line) && line != "\r") continue;
  const std::string body{std::istreambuf_iterator<char>(stream), {}};
  if (status == 0) {
    const auto error = stream.error();
    fmt::print(stderr, "no answer from {}: {}\n", address, error ? error.message() : "that is not HTTP");
    return 1;
  }
  fmt::print("{}", body);
  return status == 200 ? 0 : 1;
}

}  // namespace

void add_health(CommandLine& line) {
  auto command = line.add("health", "Ask a running gateway whether it is ready; exit code 1 if it is not");
  const auto address = std::make_shared<std::string>("127.0.0.1:9090");
  const auto live = std::make_shared<bool>(false);
  command.add("--address", *address, "Its internal listener (listen.internal)").show_default();
  command.add("--live", *live, "Ask only whether it runs: also while its store is down or it drains");
  command.on_call([address, live] { return run_health(*address, *live); });
}

}  // namespace gatehouse::app
