// Keys of an identity provider, made at test time: signs JSON Web Tokens and shows the public half as a JWK.
#pragma once
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace gatehouse::tests {

class JwtSigner {
 public:
  // RS256, PS256, ES256 or EdDSA.
  JwtSigner(std::string algorithm, std::string key_id);
  ~JwtSigner();

  std::string jwk() const;
  std::string private_key() const;  // PEM, PKCS #8
  // `claims` is JSON. The header names the algorithm and the key's id.
  std::string sign(std::string_view claims) const;
  std::string sign(std::string_view header, std::string_view claims) const;
  std::string signature_of(std::string_view message) const;

  const std::string& key_id() const { return key_id_; }

 private:
  std::string algorithm_;
  std::string key_id_;
  evp_pkey_st* key_;
};

}  // namespace gatehouse::tests
