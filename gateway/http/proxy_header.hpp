// The header with which a proxy says for whom it opened a connection, before the first byte of TLS or HTTP. Source: the
// PROXY protocol, versions 1 (one line of text) and 2 (binary), of the HAProxy project. Read strictly: who may write
// it decides whose address is counted, logged and forwarded. Whether the proxy is to be believed is the caller's
// question.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ip_address.hpp"

namespace gatehouse::http {

struct ProxyHeader {
  enum class Source {
    address,  // the client's, below
    proxy,    // LOCAL: the proxy speaks for itself, as health checks do
    unknown,  // UNKNOWN, UNSPEC or a local socket: somebody, and the proxy does not say who
  };
  Source source = Source::unknown;
  IpAddress address;
  std::uint16_t port = 0;
};

// Takes the header piece by piece. Nothing but the header may be taken from the connection, so it says how many bytes
// surely belong to it.
class ProxyHeaderParser {
 public:
  enum class Progress { need_more, complete, malformed };
  static constexpr std::size_t kLineMax = 107;    // version 1, CRLF included
  static constexpr std::size_t kWantedMax = 256;  // at a time

  // Between 1 and kWantedMax while more is needed: the header has at least so many bytes more.
  std::size_t wanted() const;
  // At most wanted() bytes.
  Progress take(std::string_view bytes);
  // After `complete`.
  const ProxyHeader& header() const { return header_; }

 private:
  enum class Version { undecided, text, binary };

  Progress take_byte(char byte);
  Progress take_text(char byte);
  Progress read_line();
  Progress take_binary(char byte);
  bool read_fixed_part();
  Progress read_addresses();

  std::array<char, kLineMax> kept_{};  // what is looked at; extensions of version 2 are counted and thrown away
  std::size_t size_ = 0;               // of what is kept
  Version version_ = Version::undecided;
  std::size_t left_ = 0;       // version 2: bytes behind the fixed part that have not come
  std::size_t addresses_ = 0;  // version 2: how many of them are addresses
  ProxyHeader header_;
};

}  // namespace gatehouse::http
