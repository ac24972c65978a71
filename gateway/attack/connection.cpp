#include "attack/connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace gatehouse::attack {

namespace {

constexpr std::chrono::seconds kConnectPatience{10};

bool is_loopback_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
}

bool is_ip_literal(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

Endpoint Endpoint::parse(std::string_view url) {
  Endpoint endpoint;
  const std::string whole(url);
  if (url.starts_with("https://")) {
    endpoint.tls = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    throw Unreachable(fmt::format("{}: must begin with https:// or http://", whole));
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  endpoint.port = endpoint.tls ? 443 : 80;
  if (url.find('/') != std::string_view::npos)
    throw Unreachable(fmt::format("{}: must name a host and a port alone; the path has an option of its own", whole));
  const auto bracket = url.rfind(']');
  const auto colon = url.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const auto port = url.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc{} || end != port.data() + port.size() || endpoint.port == 0)
      throw Unreachable(fmt::format("{}: the port is no number from 1 to 65535", whole));
    url = url.substr(0, colon);
  }
  if (url.starts_with('[') && url.ends_with(']')) url = url.substr(1, url.size() - 2);
  if (url.empty() || url.find_first_of("?#@[] ") != std::string_view::npos)
    throw Unreachable(fmt::format("{}: must name a host and a port alone", whole));
  endpoint.host = url;
  return endpoint;
}

std::string Endpoint::authority() const {
  const std::string name = host.contains(':') ? fmt::format("[{}]", host) : host;
  return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

void Dialer::FreeContext::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

Dialer::Dialer(Endpoint endpoint, const Trust& trust) : endpoint_(std::move(endpoint)) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(endpoint_.host.c_str(), std::to_string(endpoint_.port).c_str(), &hints, &found);
  if (failed != 0) throw Unreachable(fmt::format("{}: {}", endpoint_.host, ::gai_strerror(failed)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  for (const addrinfo* one = found; one; one = one->ai_next) {
    is_loopback_ = is_loopback_ && is_loopback_address(one->ai_addr);
    // A gateway that listens on 127.0.0.1 is not on the ::1 that localhost names first.
    if (address_.empty() || (one->ai_family == AF_INET && address_.size() != sizeof(sockaddr_in))) {
      const auto* bytes = reinterpret_cast<const char*>(one->ai_addr);
      address_.assign(bytes, bytes + one->ai_addrlen);
    }
  }
  if (!endpoint_.tls) return;
  tls_.reset(SSL_CTX_new(TLS_client_method()));
  if (!tls_) throw Unreachable("TLS is not available");
  SSL_CTX_set_verify(tls_.get(), trust.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  const int trusted = trust.ca_file.empty() ? SSL_CTX_set_default_verify_paths(tls_.get())
                                            : SSL_CTX_load_verify_locations(tls_.get(), trust.ca_file.c_str(), nullptr);
  if (trusted != 1) throw Unreachable(fmt::format("{}: no certificates can be read there", trust.ca_file));
}

Dialer::~Dialer() = default;

void Connection::FreeSsl::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

Connection::Connection(const Dialer& dialer) {
  const auto* address = reinterpret_cast<const sockaddr*>(dialer.address_.data());
  descriptor_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor_ < 0) throw Unreachable(fmt::format("no socket: {}", std::strerror(errno)));
  try {
    const int result = ::connect(descriptor_, address, static_cast<socklen_t>(dialer.address_.size()));
    int error = result == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      error = ETIMEDOUT;
      socklen_t size = sizeof error;
      if (wait(POLLOUT, std::chrono::steady_clock::now() + kConnectPatience))
        ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    const auto& endpoint = dialer.endpoint();
    if (error != 0)
      throw Unreachable(fmt::format("{} port {}: {}", endpoint.host, endpoint.port, std::strerror(error)));
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (endpoint.tls) handshake(dialer);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

Connection::~Connection() {
  ::close(descriptor_);
}

void Connection::handshake(const Dialer& dialer) {
  const std::string& host = dialer.endpoint().host;
  ssl_.reset(SSL_new(dialer.tls_.get()));
  SSL_set_fd(ssl_.get(), descriptor_);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (is_ip_literal(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    SSL_set1_host(ssl_.get(), host.c_str());
  }
  const SteadyTime deadline = std::chrono::steady_clock::now() + kConnectPatience;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) return;
    if (wait_for_tls(result, deadline)) continue;
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK)
      throw Unreachable(fmt::format("{}: its certificate is not trusted ({}); say --ca FILE or --insecure", host,
                                    X509_verify_cert_error_string(verified)));
    throw Unreachable(fmt::format("{}: the TLS handshake failed", host));
  }
}

bool Connection::wait(short events, SteadyTime deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd one{descriptor_, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// False: there is nothing to wait for, or not in time.
bool Connection::wait_for_tls(int result, SteadyTime deadline) const {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait(POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE:
      return wait(POLLOUT, deadline);
    default:
      return false;
  }
}

bool Connection::send(std::string_view bytes, SteadyTime deadline) {
  while (!bytes.empty()) {
    if (ssl_) {
      ERR_clear_error();
      const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (!wait_for_tls(sent, deadline)) {
        return false;
      }
      continue;
    }
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if ((errno != EAGAIN && errno != EINTR) || !wait(POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

Connection::Read Connection::read(std::string& into, SteadyTime deadline) {
  char buffer[16 * 1024];
  for (;;) {
    if (ssl_) {
      ERR_clear_error();
      const int got = SSL_read(ssl_.get(), buffer, sizeof buffer);
      if (got > 0) {
        into.append(buffer, static_cast<std::size_t>(got));
        return Read::data;
      }
      const int error = SSL_get_error(ssl_.get(), got);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return Read::end;
      if (!wait_for_tls(got, deadline)) return Read::late;
      continue;
    }
    const auto got = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (got > 0) {
      into.append(buffer, static_cast<std::size_t>(got));
      return Read::data;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) return Read::end;
    if (!wait(POLLIN, deadline)) return Read::late;
  }
}

void Connection::end_sending() {
  if (ssl_) SSL_shutdown(ssl_.get());
  ::shutdown(descriptor_, SHUT_WR);
}

bool takes_connections(const Dialer& dialer) {
  try {
    const Connection connection(dialer);
    return true;
  } catch (const Unreachable&) {
    return false;
  }
}

}  // namespace gatehouse::attack
