#include "tests/edge/tls_client.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <utility>

#include "tests/support/run_until.hpp"

namespace gatehouse::tests {

TlsClient::TlsClient(EdgeWorld& world, const TlsOptions& options)
    : world_(world), raw_(world), context_(make(options)) {
  ::fcntl(raw_.descriptor(), F_SETFL, ::fcntl(raw_.descriptor(), F_GETFL) | O_NONBLOCK);
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, raw_.descriptor());
  SSL_set_connect_state(ssl_);
  if (!options.server_name.empty()) SSL_set_tlsext_host_name(ssl_, options.server_name.c_str());
  if (options.session) SSL_set_session(ssl_, options.session);
}

bool TlsClient::handshake() {
  bool ok = false;
  const bool ended = run_until(world_.io, [&] {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    ok = result == 1;
    if (ok || !is_wait(result)) return true;
    run_ready(world_.io);
    return false;
  });
  CHECK(ended);
  return ok;
}

void TlsClient::send(std::string_view bytes) {
  const bool sent = run_until(world_.io, [&] {
    ERR_clear_error();
    const int result = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (result > 0) return true;
    run_ready(world_.io);
    return !is_wait(result);
  });
  CHECK(sent);
}

std::string TlsClient::read_until(std::string_view mark) {
  std::size_t end = std::string::npos;
  wait_for([&] {
    end = received_.find(mark);
    return end != std::string::npos;
  });
  const auto size = end == std::string::npos ? received_.size() : end + mark.size();
  const std::string text = received_.substr(0, size);
  received_.erase(0, size);
  return text;
}

std::string TlsClient::read_all() {
  wait_for([] { return false; });
  return std::exchange(received_, {});
}

std::string TlsClient::common_name() {
  X509* const x509 = SSL_get0_peer_certificate(ssl_);
  char name[256] = "";
  if (x509) X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, name, sizeof name);
  return name;
}

TlsClient::~TlsClient() {
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or OpenSSL spoils the session
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

SSL_CTX* TlsClient::make(const TlsOptions& options) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, options.min_version);
  SSL_CTX_set_max_proto_version(context, options.max_version);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context, options.ciphers.c_str());
  if (!options.protocols.empty()) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(options.protocols.data()),
                            static_cast<unsigned>(options.protocols.size()));
  }
  return context;
}

bool TlsClient::is_wait(int result) const {
  const int error = SSL_get_error(ssl_, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

void TlsClient::wait_for(const std::function<bool()>& is_there) {
  const bool came = run_until(world_.io, [&] {
    run_ready(world_.io);
    for (;;) {
      char buffer[16 * 1024];
      ERR_clear_error();
      const int result = SSL_read(ssl_, buffer, sizeof buffer);
      if (result <= 0) return is_there() || !is_wait(result);
      received_.append(buffer, static_cast<std::size_t>(result));
      if (is_there()) return true;
    }
  });
  CHECK(came);
}

}  // namespace gatehouse::tests
