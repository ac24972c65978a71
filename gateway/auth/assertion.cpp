#include "auth/assertion.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json_text.hpp"
#include "crypto/digest.hpp"
#include "crypto/hmac.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::string_view kInfo = "gatehouse-assertion";
constexpr std::string_view kVersion = "1";  // another one makes another key

std::string_view bytes(const crypto::Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// RFC 7638: the hash of the key's required members in lexical order.
std::string thumbprint(std::string_view x) {
  return base64url_encode(bytes(crypto::sha256(fmt::format(R"({{"crv":"Ed25519","kty":"OKP","x":"{}"}})", x))));
}

}  // namespace

AssertionSigner::AssertionSigner(const Secret& secret, std::string issuer)
    : issuer_(std::move(issuer)), key_(crypto::hkdf_sha256(secret.reveal(), kVersion, kInfo, 32)) {
  const std::string x = base64url_encode(key_.public_key());
  key_id_ = thumbprint(x);
  jwks_ = fmt::format(R"({{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{}","kid":"{}","alg":"EdDSA","use":"sig"}}]}})",
                      x, key_id_);
}

std::string AssertionSigner::make_claims(const Identity& identity) {
  std::string claims = "\"sub\":";
  append_json_quoted(claims, identity.user.id);
  claims.append(",\"sid\":");
  append_json_quoted(claims, identity.session.id);
  claims.append(",\"email\":");
  append_json_quoted(claims, identity.user.email);
  if (identity.user.role) {
    claims.append(",\"role\":");
    append_json_quoted(claims, *identity.user.role);
  }
  return claims;
}

std::string AssertionSigner::sign(const config::Upstream& upstream, std::string_view claims, WallTime now) const {
  const bool hs256 = upstream.assertion.algorithm == config::Assertion::Algorithm::hs256;
  std::string header = R"({"alg":")";
  header.append(hs256 ? "HS256" : "EdDSA").append(R"(","typ":"gatehouse-assertion+jwt")");
  if (!hs256) header.append(fmt::format(R"(,"kid":"{}")", key_id_));
  header.push_back('}');
  const auto issued = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::string payload = "{\"iss\":";
  append_json_quoted(payload, issuer_);
  payload.append(",\"aud\":");
  append_json_quoted(payload, upstream.assertion.audience.empty() ? upstream.name : upstream.assertion.audience);
  payload.append(fmt::format(",\"iat\":{},\"exp\":{},", issued, issued + upstream.assertion.ttl.count()))
      .append(claims)
      .append("}");
  std::string token = base64url_encode(header) + "." + base64url_encode(payload);
  const std::string signature =
      hs256 ? std::string(bytes(crypto::HmacSha256(upstream.key.reveal()).sign(token))) : key_.sign(token);
  return token + "." + base64url_encode(signature);
}

}  // namespace gatehouse::auth
