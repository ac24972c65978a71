#include "tests/support/redis_server.hpp"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <thread>

namespace gatehouse::tests {

namespace {

constexpr const char* kPassword = "p@ss/w:rd#?";
constexpr const char* kEncodedPassword = "p%40ss%2Fw%3Ard%23%3F";
constexpr auto kPatience = std::chrono::seconds{20};

// What a gateway does: its user needs no more.
constexpr const char* kUserRules =
    "~* &* -@all +get +mget +set +del +getdel +incr +pexpire +eval +evalsha +time +publish +subscribe +unsubscribe "
    "+ping "
    "+select +client|setname +client|id +client|tracking";

// One command of the default user and the raw answer, over the Unix socket. Empty: there is no server.
std::string converse(const std::string& path, const std::string& commands, std::size_t lines) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  std::string answer;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::send(descriptor, commands.data(), commands.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 4096> buffer;
    while (static_cast<std::size_t>(std::count(answer.begin(), answer.end(), '\n')) < lines) {
      const auto size = ::recv(descriptor, buffer.data(), buffer.size(), 0);
      if (size <= 0) break;
      answer.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }
  ::close(descriptor);
  return answer;
}

}  // namespace

std::uint16_t find_free_port() {
  std::random_device random;
  for (;;) {
    const auto port = static_cast<std::uint16_t>(14'000 + random() % 9'000);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(probe);
    if (free) return port;
  }
}

RedisProcess::RedisProcess() : certificate_(write_certificate(folder_.path(), "redis", {"localhost"})) {
  // Another program may take a port between the look and the start.
  for (int attempts = 1; !process_; ++attempts) {
    port_ = find_free_port();
    do tls_port_ = find_free_port();
    while (tls_port_ == port_);
    try {
      start();
    } catch (const std::runtime_error&) {
      process_.reset();
      if (attempts == 3) throw;
    }
  }
}

RedisProcess& RedisProcess::shared() {
  static RedisProcess server;
  return server;
}

void RedisProcess::start() {
  std::ofstream(folder_.path() / "redis.conf")
      << "bind 127.0.0.1\nport " << port_ << "\ntls-port " << tls_port_ << "\ntls-auth-clients no\n"
      << "tls-cert-file " << certificate_.cert << "\ntls-key-file " << certificate_.key << "\n"
      << "tls-ca-cert-file " << certificate_.cert << "\n"
      << "unixsocket " << (folder_.path() / "redis.sock").string() << "\nunixsocketperm 700\n"
      << "save \"\"\nappendonly no\ndaemonize no\nrequirepass \"" << kPassword << "\"\n"
      << "user gate:house on >\"" << kPassword << "\" " << kUserRules << "\n";
  process_ = std::make_unique<ChildProcess>(std::vector<std::string>{"redis-server", folder_.path() / "redis.conf"},
                                            folder_.path());
  if (!wait_until_ready()) throw std::runtime_error("redis-server did not start: " + process_->log());
}

bool RedisProcess::wait_until_ready() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end && process_->running()) {
    if (ask("PING") == "+PONG\r\n") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

std::string RedisProcess::ask(const std::string& command) const {
  const std::string log_in = "AUTH " + std::string(kPassword) + "\r\n";
  auto answer = converse(folder_.path() / "redis.sock", log_in + command + "\r\n", 2);
  return answer.starts_with("+OK\r\n") ? answer.substr(5) : std::string();
}

std::string RedisProcess::url(const std::string& rest) const {
  return "redis://:" + std::string(kEncodedPassword) + "@127.0.0.1:" + std::to_string(port_) + rest;
}

std::string RedisProcess::user_url(const std::string& rest) const {
  return "redis://gate%3Ahouse:" + std::string(kEncodedPassword) + "@127.0.0.1:" + std::to_string(port_) + rest;
}

std::string RedisProcess::socket_url(const std::string& rest) const {
  return "unix://:" + std::string(kEncodedPassword) + "@" + (folder_.path() / "redis.sock").string() + rest;
}

std::string RedisProcess::tls_url(const std::string& host) const {
  return "rediss://:" + std::string(kEncodedPassword) + "@" + host + ":" + std::to_string(tls_port_) +
         "?ssl_ca_certs=" + certificate_.cert;
}

void RedisProcess::kill() {
  process_->kill();
}

void RedisProcess::freeze() {
  process_->signal(SIGSTOP);
}

void RedisProcess::thaw() {
  process_->signal(SIGCONT);
}

}  // namespace gatehouse::tests
