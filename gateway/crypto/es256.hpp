// Signatures of JSON Web Tokens by a private key on P-256 (RFC 7518 section 3.4, ES256): how the gateway proves to
// Apple who it is.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

// Immutable: any thread may sign.
class Es256Key {
 public:
  // PEM, PKCS #8 (as Apple gives it) or SEC 1, without a password. Absent: no private key on P-256.
  static std::optional<Es256Key> parse(std::string_view pem);

  std::string sign(std::string_view message) const;  // 64 bytes, r and s side by side

 private:
  struct Handle;
  explicit Es256Key(std::shared_ptr<const Handle> handle) : handle_(std::move(handle)) {}

  std::shared_ptr<const Handle> handle_;  // shared: copies of an immutable key
};

}  // namespace gatehouse::crypto
