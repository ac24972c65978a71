#include "cache/redis/connect.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>

#include "cache/redis/reply.hpp"

namespace gatehouse::cache {

namespace {

using asio::ip::tcp;
using boost::system::error_code;
using LocalSocket = asio::basic_stream_socket<asio::local::stream_protocol, Executor>;
using Connected = std::expected<Stream, std::string>;

constexpr const char* kTooSlow = "it does not answer in time";
constexpr std::size_t kReplyBytesMax = 64 * 1024;  // of the first replies

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

// Ends what is waited for when the time is over, by cancel() of a socket or stream, which lives longer than this.
class Alarm {
 public:
  template <class Cancellable>
  Alarm(const Executor& executor, Cancellable& target, SteadyTime at)
      : timer_(executor, at), state_(std::make_shared<State>([&target] { target.cancel(); })) {
    timer_.async_wait([state = state_](error_code cancelled) {
      if (cancelled || !state->cancel) return;
      state->rung = true;
      state->cancel();
    });
  }
  ~Alarm() { state_->cancel = nullptr; }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  bool rung() const { return state_->rung; }

 private:
  struct State {
    std::function<void()> cancel;
    bool rung = false;
  };
  SteadyTimer timer_;
  std::shared_ptr<State> state_;
};

// Empty when it is connected, else why not.
template <class Socket>
Awaitable<std::string> open_socket(Socket& socket, typename Socket::endpoint_type endpoint, SteadyTime deadline) {
  error_code failed;
  socket.open(endpoint.protocol(), failed);
  if (failed) co_return failed.message();
  const Alarm alarm(socket.get_executor(), socket, deadline);
  co_await socket.async_connect(endpoint, asio::redirect_error(use_awaitable, failed));
  if (alarm.rung()) co_return std::string(kTooSlow);
  co_return failed ? failed.message() : std::string();
}

// Each address gets its share of the time that is left, so that one which swallows packets does not cost the others.
Awaitable<Connected> connect_tcp(std::vector<asio::ip::address> addresses, std::uint16_t port,
                                 std::shared_ptr<const RedisServer> server, SteadyTime deadline) {
  const auto executor = co_await asio::this_coro::executor;
  std::string problem = "its name leads to no address";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto share = (deadline - now()) / static_cast<long>(addresses.size() - i);
    TcpSocket socket(executor);
    problem = co_await open_socket(socket, tcp::endpoint(addresses[i], port), now() + share);
    if (!problem.empty()) continue;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    SSL* const ssl = server->make_ssl();
    Stream stream(std::move(socket), ssl);
    if (ssl != nullptr) SSL_set_connect_state(ssl);  // Stream makes it a server's
    co_return std::move(stream);
  }
  co_return std::unexpected(problem);
}

Awaitable<Connected> connect_local(std::string path, SteadyTime deadline) {
  const auto executor = co_await asio::this_coro::executor;
  LocalSocket socket(executor);
  auto problem = co_await open_socket(socket, asio::local::stream_protocol::endpoint(path), deadline);
  if (!problem.empty()) co_return std::unexpected(std::move(problem));
  socket.native_non_blocking(true);
  co_return Stream(executor, socket.release());
}

// False: the time is over.
Awaitable<bool> wait_for(Stream& stream, Stream::Status what, const Alarm& alarm) {
  if (alarm.rung()) co_return false;
  const bool ready = co_await stream.wait(what);
  co_return ready && !alarm.rung();
}

std::string tls_problem(const SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified == X509_V_OK) return "the TLS handshake failed";
  return fmt::format("its certificate is refused: {}", X509_verify_cert_error_string(verified));
}

Awaitable<std::string> shake_hands(Stream& stream, SteadyTime deadline) {
  const Alarm alarm(stream.executor(), stream, deadline);
  for (;;) {
    const auto step = stream.handshake();
    if (step.status == Stream::Status::ok) co_return std::string();
    if (step.status == Stream::Status::closed || step.status == Stream::Status::failed)
      co_return tls_problem(stream.ssl());
    const bool ready = co_await wait_for(stream, step.status, alarm);
    if (!ready) co_return std::string(kTooSlow);
  }
}

// Sends the commands at once and gives their replies; nothing else may come.
Awaitable<std::expected<std::vector<RedisReply>, std::string>> ask(Stream& stream, std::string commands,
                                                                   std::size_t expected, SteadyTime deadline) {
  const Alarm alarm(stream.executor(), stream, deadline);
  RedisReplyReader reader(kReplyBytesMax);
  std::vector<RedisReply> replies;
  std::string_view unsent = commands;
  std::array<char, 4096> buffer;
  while (!unsent.empty() || replies.size() < expected) {
    const auto moved = unsent.empty() ? stream.read(buffer.data(), buffer.size()) : stream.write(unsent);
    if (moved.status == Stream::Status::want_read || moved.status == Stream::Status::want_write) {
      const bool ready = co_await wait_for(stream, moved.status, alarm);
      if (!ready) co_return std::unexpected(kTooSlow);
      continue;
    }
    if (moved.status != Stream::Status::ok) co_return std::unexpected("it closed the connection");
    if (!unsent.empty()) {
      unsent.remove_prefix(moved.bytes);
      continue;
    }
    reader.feed({buffer.data(), moved.bytes});
    for (;;) {
      auto reply = reader.next();
      if (!reply) co_return std::unexpected(std::move(reply.error()));
      if (!*reply) break;
      replies.push_back(*std::move(*reply));
    }
  }
  if (replies.size() > expected || reader.has_part()) co_return std::unexpected("it sends what nobody asked for");
  co_return replies;
}

// What a refusal in this phase means for who runs the gateway.
std::string explain(const std::string& what, const RedisReply& reply) {
  const auto code = reply.error_code();
  if (code == "WRONGPASS") return "it refuses the user name or password (WRONGPASS)";
  if (code == "NOAUTH") return "it asks for a password, and the URL has none (NOAUTH)";
  if (code == "LOADING") return "it is still loading its data (LOADING)";
  return fmt::format("it refuses {} ({})", what, code.empty() ? "unexpected answer" : code);
}

// Empty when user and database are set, else why not.
Awaitable<std::string> log_in(Stream& stream, const config::RedisUrl& url, SteadyTime deadline) {
  std::string commands = format_command({"CLIENT", "SETNAME", "gatehouse"});
  std::vector<std::string> asked{""};  // a name is a courtesy: it may be refused
  if (url.password) {
    const auto& password = url.password->reveal();
    // First, so that the name is set as the user; "AUTH password" is what servers without users understand, too.
    commands.insert(
        0, url.user.empty() ? format_command({"AUTH", password}) : format_command({"AUTH", url.user, password}));
    asked.insert(asked.begin(), "AUTH");
  }
  if (url.database != 0) {
    commands += format_command({"SELECT", std::to_string(url.database)});
    asked.push_back(fmt::format("database {}", url.database));
  }
  auto replies = co_await ask(stream, std::move(commands), asked.size(), deadline);
  if (!replies) co_return std::move(replies.error());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& reply = (*replies)[i];
    const bool refused = reply.kind != RedisReply::Kind::status && !asked[i].empty();
    if (refused || reply.error_code() == "NOAUTH") co_return explain(asked[i], reply);
  }
  co_return std::string();
}

std::string read_run_id(const RedisReply& info) {
  constexpr std::string_view kLabel = "\nrun_id:";
  if (info.kind != RedisReply::Kind::text) return "";
  const auto place = info.text.find(kLabel);
  if (place == std::string::npos) return "";
  const auto begin = place + kLabel.size();
  return info.text.substr(begin, info.text.find_first_of("\r\n", begin) - begin);
}

// The run id of a server that answers. A user who may not PING is let in all the same; who may not ask INFO is told no
// run id.
Awaitable<std::expected<std::string, std::string>> probe(Stream& stream, SteadyTime deadline) {
  auto replies = co_await ask(stream, format_command({"PING"}) + format_command({"INFO", "server"}), 2, deadline);
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  const auto& reply = replies->front();
  const bool alive = (reply.kind == RedisReply::Kind::status && reply.text == "PONG") || reply.error_code() == "NOPERM";
  if (!alive) co_return std::unexpected(explain("PING", reply));
  co_return read_run_id(replies->back());
}

}  // namespace

void RedisAddresses::ask(const std::string& host) {
  asking_ = true;
  resolver_.async_resolve(host, "", [self = shared_from_this()](error_code failed, const auto& found) {
    self->asking_ = false;
    if (!failed) {
      self->known_.clear();
      for (const auto& entry : found) self->known_.push_back(entry.endpoint().address());
    }
    self->answered_.cancel();
  });
}

Awaitable<std::vector<asio::ip::address>> RedisAddresses::look_up(std::shared_ptr<RedisAddresses> self,
                                                                  std::string host, SteadyTime deadline) {
  error_code no_address;
  const auto address = asio::ip::make_address(host, no_address);
  if (!no_address) co_return std::vector{address};
  if (!self->asking_) self->ask(host);
  // With an old answer at hand, half of the time is left to try it.
  self->answered_.expires_at(self->known_.empty() ? deadline : now() + (deadline - now()) / 2);
  error_code ignored;
  co_await self->answered_.async_wait(asio::redirect_error(use_awaitable, ignored));
  co_return self->known_;
}

Awaitable<std::expected<RedisConnection, std::string>> connect_redis(std::shared_ptr<const RedisServer> server,
                                                                     std::shared_ptr<RedisAddresses> addresses,
                                                                     CacheOptions options) {
  const auto deadline = now() + options.connect_timeout;
  const auto& url = server->url();
  Connected connected = std::unexpected(std::string());
  if (url.socket.empty()) {
    auto found = co_await RedisAddresses::look_up(addresses, url.host, deadline);
    connected = co_await connect_tcp(std::move(found), url.port, server, deadline);
  } else {
    connected = co_await connect_local(url.socket, deadline);
  }
  if (!connected) co_return std::unexpected(std::move(connected.error()));
  Stream& stream = *connected;
  std::string problem;
  if (stream.is_tls()) problem = co_await shake_hands(stream, deadline);
  if (problem.empty()) problem = co_await log_in(stream, url, deadline);
  if (!problem.empty()) co_return std::unexpected(std::move(problem));
  auto run_id = co_await probe(stream, std::min(deadline, now() + options.command_timeout));
  if (!run_id) co_return std::unexpected(std::move(run_id.error()));
  co_return RedisConnection{std::move(stream), *std::move(run_id)};
}

}  // namespace gatehouse::cache
