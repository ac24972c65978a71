#include "crypto/jose_header.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/encoding.hpp"

namespace gatehouse::crypto {

namespace json = boost::json;

namespace {

constexpr std::size_t kHeaderMax = 1024;

}  // namespace

std::optional<JoseHeader> parse_jose_header(std::string_view encoded) {
  if (encoded.size() > kHeaderMax) return std::nullopt;
  const auto text = base64url_decode(encoded);
  if (!text) return std::nullopt;
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  if (error || !value.is_object()) return std::nullopt;
  const json::object& header = value.get_object();
  for (const auto refused : {"crit", "zip", "b64"}) {
    if (header.contains(refused)) return std::nullopt;
  }
  JoseHeader found;
  const json::value* algorithm = header.if_contains("alg");
  if (!algorithm || !algorithm->is_string()) return std::nullopt;
  found.algorithm = algorithm->get_string();
  if (const json::value* encryption = header.if_contains("enc")) {
    if (!encryption->is_string()) return std::nullopt;
    found.encryption = encryption->get_string();
  }
  if (const json::value* key_id = header.if_contains("kid")) {
    if (!key_id->is_string()) return std::nullopt;
    found.key_id.emplace(key_id->get_string());
  }
  return found;
}

}  // namespace gatehouse::crypto
