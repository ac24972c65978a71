// TLS to the servers of one upstream: which authorities are believed, what name their certificates must be for, and the
// certificate that the gateway shows. TLS 1.2 and 1.3; there is no way to skip the verification. Shared by all threads.
// Sources: RFC 9525 (names), RFC 8446.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace gatehouse::upstream {

class ClientTls {
 public:
  // Reads nothing yet.
  explicit ClientTls(config::UpstreamTls settings);

  // Reads the files, if one of them has changed since they were last read. True if connections that are made from now
  // on use them. Throws std::runtime_error with one sentence if they are of no use; what was read before stays. Call
  // from one thread at a time; once before the first make_ssl().
  bool load_if_changed();

  // A new client connection to the server of that name or address. Never null.
  SSL* make_ssl(const std::string& host) const;

 private:
  const config::UpstreamTls settings_;
  std::vector<std::string> stamps_;  // of the files, as last read
  mutable std::mutex mutex_;         // guards context_
  std::shared_ptr<SSL_CTX> context_;
};

// With what alert the server has ended the connection, for the log: "certificate required"; empty: with none, or
// without TLS (`ssl` is null).
std::string_view alert_of_server(const SSL* ssl);

// Why the handshake of a client connection has failed, for the log.
std::string handshake_problem(const SSL* ssl);

}  // namespace gatehouse::upstream
