#include "upstream/client_tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <stdexcept>
#include <utility>

#include "base/check.hpp"

namespace gatehouse::upstream {

namespace {

std::string openssl_error() {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

// Changes when the file is replaced or written.
std::string stamp_of(const std::string& path) {
  struct stat info{};
  if (path.empty()) return "";
  if (::stat(path.c_str(), &info) != 0) return "missing";
  return fmt::format("{}:{}:{}:{}:{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

// A server that wants another certificate than it was shown, or any, says so after the handshake in TLS 1.3: what it
// says is kept for the log.
void keep_alert(const SSL* ssl, int where, int alert) {
  constexpr int kFatal = SSL3_AL_FATAL << 8;
  if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || (alert & kFatal) == 0) return;
  // OpenSSL 3.0 has no text for the newest one. Texts live as long as the process.
  const bool wants_certificate = (alert & 0xFF) == TLS13_AD_CERTIFICATE_REQUIRED;
  const char* text = wants_certificate ? "certificate required" : SSL_alert_desc_string_long(alert);
  SSL_set_app_data(const_cast<SSL*>(ssl), const_cast<char*>(text));
}

std::shared_ptr<SSL_CTX> make_context(const config::UpstreamTls& settings) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) throw std::runtime_error("cannot make a TLS context: " + openssl_error());
  SSL_CTX* const c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_info_callback(c, keep_alert);
  static constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(c, kProtocols, sizeof kProtocols);
  if (settings.ca.empty()) {
    SSL_CTX_set_default_verify_paths(c);
  } else if (SSL_CTX_load_verify_file(c, settings.ca.c_str()) != 1) {
    throw std::runtime_error(fmt::format("cannot use the authorities {}: {}", settings.ca, openssl_error()));
  }
  if (settings.cert.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(c, settings.cert.c_str()) != 1) {
    throw std::runtime_error(fmt::format("cannot use the certificate {}: {}", settings.cert, openssl_error()));
  }
  if (SSL_CTX_use_PrivateKey_file(c, settings.key.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1)
    throw std::runtime_error(
        fmt::format("cannot use the key {} with {}: {}", settings.key, settings.cert, openssl_error()));
  return context;
}

}  // namespace

ClientTls::ClientTls(config::UpstreamTls settings) : settings_(std::move(settings)) {}

// A change that is of no use is told once: the stamps are those of the last attempt.
bool ClientTls::load_if_changed() {
  std::vector<std::string> stamps{stamp_of(settings_.ca), stamp_of(settings_.cert), stamp_of(settings_.key)};
  if (stamps == stamps_) return false;
  stamps_ = std::move(stamps);
  auto context = make_context(settings_);
  const std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return true;
}

SSL* ClientTls::make_ssl(const std::string& host) const {
  std::shared_ptr<SSL_CTX> context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  GATEHOUSE_CHECK(context);
  SSL* const ssl = SSL_new(context.get());
  GATEHOUSE_CHECK(ssl);
  const std::string& name = settings_.server_name.empty() ? host : settings_.server_name;
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) != 1) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // Without a name every certificate of the authority would do.
    GATEHOUSE_CHECK(SSL_set1_host(ssl, name.c_str()) == 1);
    SSL_set_tlsext_host_name(ssl, name.c_str());
  }
  ERR_clear_error();
  return ssl;
}

std::string_view alert_of_server(const SSL* ssl) {
  const auto* text = ssl ? static_cast<const char*>(SSL_get_app_data(ssl)) : nullptr;
  return text ? text : "";
}

std::string handshake_problem(const SSL* ssl) {
  const long result = SSL_get_verify_result(ssl);
  const auto alert = alert_of_server(ssl);
  if (result == X509_V_OK && !alert.empty()) return fmt::format("the TLS handshake failed: the server says {}", alert);
  if (result == X509_V_OK) return "the TLS handshake failed";
  return fmt::format("its certificate is refused: {}", X509_verify_cert_error_string(result));
}

}  // namespace gatehouse::upstream
