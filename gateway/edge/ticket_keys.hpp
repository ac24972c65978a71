// The keys that session tickets are sealed with (RFC 8446 section 4.6.1, RFC 5077): random, in memory alone, replaced
// every hour. A ticket resumes while the key that sealed it is the current or the previous one, so for one to two
// hours. Shared by all threads and by all certificates; docs/decisions/0013_session_tickets.md says why replicas share
// none.
#pragma once
#include <array>
#include <mutex>
#include <optional>

#include "base/clock.hpp"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_mac_ctx_st EVP_MAC_CTX;

namespace gatehouse::edge {

class TicketKeys {
 public:
  static constexpr std::chrono::hours kLife{1};

  // Throws std::runtime_error when there are no random bytes.
  TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // Call now and then: replaces the key when its time is over. The first call starts its time.
  void rotate(SteadyTime now);

  // Connections of this context use the keys, which must outlive them.
  void use_for(SSL_CTX* context);

 private:
  struct Key {
    Key();
    ~Key();
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
  };

  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                       int seal);
  Key current() const;
  // The key of that name, and whether it is the previous one.
  std::optional<std::pair<Key, bool>> find(const unsigned char* name) const;

  mutable std::mutex mutex_;
  Key current_;
  std::optional<Key> previous_;
  std::optional<SteadyTime> since_;
};

}  // namespace gatehouse::edge
