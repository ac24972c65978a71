// `gatehouse echo`: a small upstream that shows what reaches it: for demonstrations, for looking at one's own routes,
// and as the witness of `gatehouse attack`.
#include <signal.h>

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "app/echo_upstream.hpp"
#include "base/log.hpp"
#include "edge/listener.hpp"

namespace gatehouse::app {

namespace {

std::optional<config::SocketAddress> parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return config::SocketAddress{text.substr(0, colon), port};
}

int run_echo(const std::string& listen, const std::string& witness) {
  const ProcessLog process_log(LogFormat::json);
  ::signal(SIGPIPE, SIG_IGN);
  const auto address = parse_address(listen);
  const auto witness_address = parse_address(witness);
  if (!address || (!witness.empty() && !witness_address)) {
    log::critical("--listen and --witness must be ADDRESS:PORT, for example 127.0.0.1:9100");
    return 1;
  }
  try {
    EchoUpstream echo({*address, witness_address});
    const auto real = echo.addresses();
    log::info("listening listener=echo address={}", edge::to_string(real.upstream));
    if (real.witness) log::info("listening listener=witness address={}", edge::to_string(*real.witness));
    echo.run(true);
    return 0;
  } catch (const std::exception& error) {
    log::critical("cannot start: {}", error.what());
    return 1;
  }
}

}  // namespace

void add_echo(CommandLine& line) {
  auto command = line.add("echo", "A small upstream that answers with the request it received");
  const auto listen = std::make_shared<std::string>("127.0.0.1:9100");
  const auto witness = std::make_shared<std::string>();
  command.add("--listen", *listen, "Address and port to listen on").show_default();
  command.add("--witness", *witness,
              "Address and port that tell what was received, for `gatehouse attack`; never to be published");
  command.on_call([listen, witness] { return run_echo(*listen, *witness); });
}

}  // namespace gatehouse::app
