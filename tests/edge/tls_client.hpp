// A TLS client for tests of the edge, on top of RawClient's socket. Trusts everybody: what certificate was shown is the
// test's question.
#pragma once
#include <openssl/ssl.h>

#include <functional>
#include <string>
#include <string_view>

#include "tests/edge/edge_world.hpp"

namespace gatehouse::tests {

struct TlsOptions {
  std::string server_name = "app.example";
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string ciphers = {};    // of TLS 1.2 and below
  std::string protocols = {};  // ALPN, in its wire form
  SSL_SESSION* session = nullptr;
};

class TlsClient {
 public:
  explicit TlsClient(EdgeWorld& world, const TlsOptions& options = {});
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  SSL* ssl() { return ssl_; }
  RawClient& raw() { return raw_; }

  // False: refused. Returns as soon as the client's side is done, before the server has run again.
  bool handshake();

  void send(std::string_view bytes);

  // Up to and with `mark`; what there is if the connection ends before.
  std::string read_until(std::string_view mark);
  std::string read_all();
  // The server has said in TLS that nothing more comes.
  bool is_closed_in_order() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

  std::string common_name();

 private:
  static SSL_CTX* make(const TlsOptions& options);

  bool is_wait(int result) const;

  void wait_for(const std::function<bool()>& is_there);

  EdgeWorld& world_;
  RawClient raw_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  std::string received_;
};

}  // namespace gatehouse::tests
