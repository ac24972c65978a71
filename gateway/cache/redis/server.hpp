// Which Redis server is meant: the validated URL, and the context of its TLS.
#pragma once
#include <openssl/types.h>

#include <expected>
#include <memory>
#include <string>

#include "config/redis_url.hpp"

namespace gatehouse::cache {

// Constant after it was made; shared by all threads and their attempts to connect.
class RedisServer {
 public:
  // The error is a sentence: a file of certificates that cannot be read.
  static std::expected<std::shared_ptr<const RedisServer>, std::string> make(config::RedisUrl url);

  const config::RedisUrl& url() const { return url_; }
  // For logs: "host:port" or the socket's path.
  std::string name() const;
  // A client's SSL that will check the chain and the name; null where the URL asks for no TLS.
  SSL* make_ssl() const;

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const;
  };
  explicit RedisServer(config::RedisUrl url) : url_(std::move(url)) {}
  std::string load_tls();

  config::RedisUrl url_;
  std::unique_ptr<SSL_CTX, FreeContext> tls_;
};

}  // namespace gatehouse::cache
