// Ed25519 signatures (RFC 8032): what the assertions to upstreams are signed with.
#pragma once
#include <array>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

// Immutable after construction: any thread may sign.
class Ed25519Key {
 public:
  explicit Ed25519Key(std::string_view seed);  // exactly 32 bytes
  ~Ed25519Key();
  Ed25519Key(const Ed25519Key&) = delete;
  Ed25519Key& operator=(const Ed25519Key&) = delete;

  std::string sign(std::string_view message) const;  // 64 bytes
  std::string public_key() const;                    // 32 bytes

 private:
  std::array<unsigned char, 64> secret_;
  std::array<unsigned char, 32> public_;
};

// False also when the key or the signature has the wrong length.
bool verify_ed25519(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace gatehouse::crypto
