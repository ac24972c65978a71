#include "crypto/jwt.hpp"

#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "crypto/hmac.hpp"
#include "crypto/jose_header.hpp"

namespace gatehouse::crypto {

namespace {

std::string make_signature(std::string_view secret, std::string_view signed_part) {
  const Sha256Digest digest = HmacSha256(secret).sign(signed_part);
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

std::string sign_jwt(std::string_view secret, std::string_view claims) {
  std::string token = base64url_encode(R"({"alg":"HS256"})") + "." + base64url_encode(claims);
  const std::string signature = make_signature(secret, token);
  return token + "." + signature;
}

std::optional<std::string> open_jwt(std::string_view secret, std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  const auto header = parse_jose_header(token.substr(0, first));
  if (!header || header->algorithm != "HS256") return std::nullopt;
  if (!equal_constant_time(make_signature(secret, token.substr(0, second)), token.substr(second + 1)))
    return std::nullopt;
  return base64url_decode(token.substr(first + 1, second - first - 1));
}

}  // namespace gatehouse::crypto
