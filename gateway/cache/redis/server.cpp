#include "cache/redis/server.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <new>

#include "base/ip_address.hpp"

namespace gatehouse::cache {

void RedisServer::FreeContext::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

std::expected<std::shared_ptr<const RedisServer>, std::string> RedisServer::make(config::RedisUrl url) {
  std::shared_ptr<RedisServer> server(new RedisServer(std::move(url)));
  if (server->url_.tls) {
    auto problem = server->load_tls();
    ERR_clear_error();
    if (!problem.empty()) return std::unexpected(std::move(problem));
  }
  return server;
}

std::string RedisServer::load_tls() {
  tls_.reset(SSL_CTX_new(TLS_client_method()));
  if (!tls_) throw std::bad_alloc();
  SSL_CTX* const context = tls_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, url_.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  const bool has_authorities = url_.ca_file.empty()
                                   ? SSL_CTX_set_default_verify_paths(context) == 1
                                   : SSL_CTX_load_verify_locations(context, url_.ca_file.c_str(), nullptr) == 1;
  if (!has_authorities) return fmt::format("redis: no certificates can be read from {}", url_.ca_file);
  if (url_.certificate_file.empty()) return {};
  const bool has_own = SSL_CTX_use_certificate_chain_file(context, url_.certificate_file.c_str()) == 1 &&
                       SSL_CTX_use_PrivateKey_file(context, url_.key_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
                       SSL_CTX_check_private_key(context) == 1;
  if (!has_own)
    return fmt::format("redis: {} and {} are no certificate and its key", url_.certificate_file, url_.key_file);
  return {};
}

std::string RedisServer::name() const {
  if (!url_.socket.empty()) return url_.socket;
  return fmt::format(fmt::runtime(url_.host.contains(':') ? "[{}]:{}" : "{}:{}"), url_.host, url_.port);
}

SSL* RedisServer::make_ssl() const {
  if (!tls_) return nullptr;
  SSL* const ssl = SSL_new(tls_.get());
  if (ssl == nullptr) throw std::bad_alloc();
  const bool is_address = parse_ip(url_.host).has_value();
  const bool named =
      is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url_.host.c_str()) == 1
                 : SSL_set1_host(ssl, url_.host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, url_.host.c_str()) == 1;
  if (!named) {  // without a name to check, any certificate of the authority would do
    SSL_free(ssl);
    throw std::bad_alloc();
  }
  return ssl;
}

}  // namespace gatehouse::cache
