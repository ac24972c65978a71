#include "app/development.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "app/gateway.hpp"
#include "app/self_signed_certificate.hpp"
#include "base/random.hpp"

namespace gatehouse::app {

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_private_file(const std::string& path, std::string_view content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written =
      descriptor >= 0 && ::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!written) throw StartError(fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

// What an earlier run has kept, or something new that is kept from now on.
std::string kept_secret(const std::string& path) {
  std::string value = read_file(path);
  if (!value.empty()) return value;
  SystemRandom random;
  value = random.text(48);
  write_private_file(path, value);
  return value;
}

// All names that are served.
std::vector<std::string> hosts_of(const config::Configuration& configuration) {
  std::vector<std::string> hosts = configuration.gateway.hosts;
  if (!configuration.gateway.base_url.host.empty()) hosts.push_back(configuration.gateway.base_url.host);
  for (const auto& route : configuration.routes) {
    if (!route.host.empty()) hosts.push_back(route.host);
  }
  return hosts;
}

config::TlsCertificate kept_certificate(const std::string& directory, const std::vector<std::string>& hosts) {
  const config::TlsCertificate files{directory + "/cert.pem", directory + "/key.pem"};
  if (!is_fit({read_file(files.cert), read_file(files.key)}, hosts, SystemClock().now())) {
    const CertificatePair pair = make_self_signed_certificate(hosts);
    write_private_file(files.key, pair.key_pem);
    write_private_file(files.cert, pair.cert_pem);
    ::chmod(files.cert.c_str(), 0644);
  }
  return files;
}

}  // namespace

void fill_in_for_development(config::Configuration& configuration, const std::string& data_directory) {
  if (::mkdir(data_directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw StartError(fmt::format("cannot make {}: {}", data_directory, std::strerror(errno)));
  }
  auto& gateway = configuration.gateway;
  auto& listen = gateway.listen;
  if (!listen.https && !listen.insecure_http) listen.https = config::SocketAddress{"127.0.0.1", 8443};
  if (!listen.http && !listen.insecure_http) listen.http = config::SocketAddress{"127.0.0.1", 8080};
  if (!listen.internal) listen.internal = config::SocketAddress{"127.0.0.1", 9090};
  if (listen.https && gateway.tls.empty())
    gateway.tls.push_back(kept_certificate(data_directory, hosts_of(configuration)));
  if (gateway.base_url.host.empty()) {
    const auto& address = listen.https ? *listen.https : *listen.insecure_http;
    gateway.base_url = {listen.https ? "https" : "http", "localhost", address.port};
  }
  if (gateway.secret.empty() && gateway.secrets.list.empty())
    gateway.secret = Secret(kept_secret(data_directory + "/secret"));
  if (gateway.database.url.empty()) gateway.database.url = Secret("sqlite:" + data_directory + "/gatehouse.db");
  if (gateway.mail.host.empty()) {
    gateway.mail.outbox = data_directory + "/outbox";
    if (gateway.mail.from.address.empty()) gateway.mail.from = {"", "gatehouse@localhost"};
  }
  for (auto& upstream : configuration.upstreams) {
    if (upstream.key.empty()) upstream.key = Secret(kept_secret(data_directory + "/upstream_key_" + upstream.name));
  }
}

}  // namespace gatehouse::app
