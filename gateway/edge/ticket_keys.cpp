#include "edge/ticket_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace gatehouse::edge {

namespace {

int keys_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

TicketKeys::Key::Key() {
  for (auto bytes : {std::pair(name.data(), name.size()), std::pair(cipher.data(), cipher.size()),
                     std::pair(mac.data(), mac.size())}) {
    if (RAND_bytes(bytes.first, static_cast<int>(bytes.second)) != 1) throw std::runtime_error("no random bytes");
  }
}

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

TicketKeys::TicketKeys() = default;

void TicketKeys::rotate(SteadyTime now) {
  if (since_ && now - *since_ < kLife) return;
  if (!std::exchange(since_, now)) return;
  const Key fresh;
  const std::lock_guard lock(mutex_);
  previous_ = current_;
  current_ = fresh;
}

TicketKeys::Key TicketKeys::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::optional<std::pair<TicketKeys::Key, bool>> TicketKeys::find(const unsigned char* name) const {
  const std::lock_guard lock(mutex_);
  const auto is = [name](const Key& key) { return std::equal(key.name.begin(), key.name.end(), name); };
  if (is(current_)) return std::pair(current_, false);
  if (previous_ && is(*previous_)) return std::pair(*previous_, true);
  return std::nullopt;
}

void TicketKeys::use_for(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, keys_index(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TicketKeys::on_ticket);
}

// Returns as SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it: -1 failed, 0 unknown key (a whole handshake), 1 done, 2
// done and the client should be given a new ticket.
int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int seal) {
  const auto* keys = static_cast<const TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_index()));
  const auto set_mac = [mac](const Key& key) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac.data()),
                                          key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
  };
  if (seal) {
    const Key key = keys->current();
    std::ranges::copy(key.name, name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    const bool ready = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) == 1;
    return ready && set_mac(key) ? 1 : -1;
  }
  const auto found = keys->find(name);
  if (!found) return 0;
  const auto& [key, is_previous] = *found;
  const bool ready = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) == 1;
  if (!ready || !set_mac(key)) return -1;
  return is_previous ? 2 : 1;
}

}  // namespace gatehouse::edge
