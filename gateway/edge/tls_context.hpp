// The certificates that the edge shows, chosen by SNI, and the TLS settings: 1.2 and 1.3, forward secrecy only, no
// renegotiation, no compression, no early data, sessions resumed by tickets. Shared by all threads. Sources: RFC 8446,
// RFC 9325.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "config/configuration.hpp"

typedef struct ssl_st SSL;

namespace gatehouse::edge {

class CertificateSet;
class TicketKeys;

class TlsContext {
 public:
  // Throws std::runtime_error with one sentence (file and reason) if a file cannot be read, a pair does not match or
  // the list is empty.
  explicit TlsContext(std::vector<config::TlsCertificate> files);
  ~TlsContext();

  // A new server connection; the certificate is chosen during its handshake. Never null.
  SSL* make_ssl() const;

  // Reads the files again if one of them has changed since the last look. True if new certificates are in use now. A
  // pair that cannot be used throws like the constructor, and the old ones stay. Call from one thread at a time.
  bool reload_if_changed();

  // Whether a connection that asked for `server_name` was given the certificate that `host` would get: if not, the
  // request is misdirected (421). Both lower case; an empty server_name matches everything.
  bool serves_same(std::string_view server_name, std::string_view host) const;

  // Call now and then, from one thread at a time: replaces the keys of session tickets when their hour is over.
  void rotate_ticket_keys(SteadyTime now);

  // The first end of validity among the certificates.
  WallTime expires_at() const;

 private:
  std::shared_ptr<const CertificateSet> current() const;

  const std::vector<config::TlsCertificate> files_;
  const std::shared_ptr<TicketKeys> ticket_keys_;  // with each set: its connections may outlive this object
  std::vector<std::string> stamps_;                // of the files, as last read
  mutable std::mutex mutex_;                       // guards current_
  std::shared_ptr<const CertificateSet> current_;
};

}  // namespace gatehouse::edge
