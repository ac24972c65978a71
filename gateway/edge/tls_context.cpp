#include "edge/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/ascii.hpp"
#include "edge/ticket_keys.hpp"

namespace gatehouse::edge {

namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

struct Certificate {
  ContextPtr context;
  std::vector<std::string> names;  // DNS names of the certificate, lower case; may start with "*."
  WallTime expires_at;
};

std::string openssl_error() {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void*) {
  static constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

ContextPtr make_context(TicketKeys& ticket_keys) {
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) throw std::runtime_error("cannot make a TLS context: " + openssl_error());
  SSL_CTX* const c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(
      c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_cipher_list(c,
                          "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                          "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305");
  SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384");
  // Tickets alone: the server keeps no table that could grow. TLS 1.3 resumes with a new key exchange (psk_dhe_ke)
  // alone, as long as SSL_OP_ALLOW_NO_DHE_KEX is not set.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(c, 1);
  SSL_CTX_set_timeout(c, 7200);
  ticket_keys.use_for(c);
  static constexpr unsigned char kSessionContext[] = "gatehouse";
  SSL_CTX_set_session_id_context(c, kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_alpn_select_cb(c, choose_protocol, nullptr);
  return context;
}

void read_names(X509* x509, std::vector<std::string>& names) {
  auto* alternatives = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    names.push_back(to_lower({text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
  }
  GENERAL_NAMES_free(alternatives);
}

WallTime end_of_validity(X509* x509) {
  std::tm tm{};
  ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm);
  return WallTime{std::chrono::seconds{timegm(&tm)}};
}

Certificate load_certificate(const config::TlsCertificate& files, TicketKeys& ticket_keys) {
  Certificate certificate;
  certificate.context = make_context(ticket_keys);
  SSL_CTX* const c = certificate.context.get();
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(c, files.cert.c_str()) != 1) {
    throw std::runtime_error(fmt::format("cannot use the certificate {}: {}", files.cert, openssl_error()));
  }
  if (SSL_CTX_use_PrivateKey_file(c, files.key.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1) {
    throw std::runtime_error(fmt::format("cannot use the key {} with {}: {}", files.key, files.cert, openssl_error()));
  }
  X509* const x509 = SSL_CTX_get0_certificate(c);
  read_names(x509, certificate.names);
  certificate.expires_at = end_of_validity(x509);
  return certificate;
}

bool covers(const std::string& pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == std::string_view(pattern).substr(1);
}

// Changes when the file is replaced or written.
std::string stamp_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return "missing";
  return fmt::format("{}:{}:{}:{}:{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

std::vector<std::string> stamps_of(const std::vector<config::TlsCertificate>& files) {
  std::vector<std::string> stamps;
  for (const auto& pair : files) {
    stamps.push_back(stamp_of(pair.cert));
    stamps.push_back(stamp_of(pair.key));
  }
  return stamps;
}

}  // namespace

// Immutable; connections in their handshake keep the set that they began with.
class CertificateSet {
 public:
  CertificateSet(const std::vector<config::TlsCertificate>& files, std::shared_ptr<TicketKeys> ticket_keys)
      : ticket_keys_(std::move(ticket_keys)) {
    if (files.empty()) throw std::runtime_error("no certificate is configured");
    for (const auto& pair : files) certificates_.push_back(load_certificate(pair, *ticket_keys_));
    for (const auto& certificate : certificates_) {
      SSL_CTX_set_tlsext_servername_callback(certificate.context.get(), &CertificateSet::on_server_name);
      SSL_CTX_set_tlsext_servername_arg(certificate.context.get(), this);
    }
  }

  // Exact names go before wildcards; the first certificate serves everything that none covers.
  std::size_t find(std::string_view host) const {
    for (const bool wildcard : {false, true}) {
      for (std::size_t i = 0; i < certificates_.size(); ++i) {
        for (const auto& name : certificates_[i].names) {
          if (name.starts_with("*.") == wildcard && covers(name, host)) return i;
        }
      }
    }
    return 0;
  }

  SSL_CTX* first() const { return certificates_.front().context.get(); }

  WallTime expires_at() const {
    WallTime first = certificates_.front().expires_at;
    for (const auto& certificate : certificates_) first = std::min(first, certificate.expires_at);
    return first;
  }

 private:
  static int on_server_name(SSL* ssl, int*, void* self) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_NOACK;
    const auto& set = *static_cast<const CertificateSet*>(self);
    SSL_set_SSL_CTX(ssl, set.certificates_[set.find(to_lower(name))].context.get());
    return SSL_TLSEXT_ERR_OK;
  }

  const std::shared_ptr<TicketKeys> ticket_keys_;
  std::vector<Certificate> certificates_;
};

namespace {

// Keeps the set alive as long as a connection that may still run its callback.
int set_index() {
  static const int index =
      SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, [](void*, void* value, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<std::shared_ptr<const CertificateSet>*>(value);
      });
  return index;
}

}  // namespace

TlsContext::TlsContext(std::vector<config::TlsCertificate> files)
    : files_(std::move(files)),
      ticket_keys_(std::make_shared<TicketKeys>()),
      stamps_(stamps_of(files_)),
      current_(std::make_shared<const CertificateSet>(files_, ticket_keys_)) {
  // OpenSSL writes with write(2), which knows no MSG_NOSIGNAL: a client that leaves must not end the process.
  ::signal(SIGPIPE, SIG_IGN);
}

TlsContext::~TlsContext() = default;

std::shared_ptr<const CertificateSet> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

SSL* TlsContext::make_ssl() const {
  auto set = current();
  SSL* const ssl = SSL_new(set->first());
  if (!ssl) throw std::bad_alloc();
  SSL_set_ex_data(ssl, set_index(), new std::shared_ptr<const CertificateSet>(std::move(set)));
  return ssl;
}

bool TlsContext::reload_if_changed() {
  auto stamps = stamps_of(files_);
  if (stamps == stamps_) return false;
  // Noted before the attempt: a broken pair is reported once, and looked at again when a file changes.
  stamps_ = std::move(stamps);
  auto fresh = std::make_shared<const CertificateSet>(files_, ticket_keys_);
  const std::lock_guard lock(mutex_);
  current_ = std::move(fresh);
  return true;
}

void TlsContext::rotate_ticket_keys(SteadyTime now) {
  ticket_keys_->rotate(now);
}

bool TlsContext::serves_same(std::string_view server_name, std::string_view host) const {
  if (server_name.empty() || server_name == host) return true;
  const auto set = current();
  return set->find(server_name) == set->find(host);
}

WallTime TlsContext::expires_at() const {
  return current()->expires_at();
}

}  // namespace gatehouse::edge
