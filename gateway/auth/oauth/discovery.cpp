#include "auth/oauth/discovery.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace gatehouse::auth::oauth {

namespace json = boost::json;

namespace {

constexpr std::size_t kUrlBytesMax = 2048;
constexpr std::size_t kAlgorithmsMax = 50;

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string url_of(const json::object& object, std::string_view name, bool insecure_http) {
  std::string url = text_of(object, name);
  const bool is_web = url.starts_with("https://") || (insecure_http && url.starts_with("http://"));
  const bool is_written = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7F; });
  return is_web && is_written && url.size() <= kUrlBytesMax ? url : std::string();
}

}  // namespace

std::optional<Discovery> parse_discovery(std::string_view document, bool insecure_http) {
  boost::system::error_code error;
  const auto parsed = json::parse(document, error);
  if (error || !parsed.is_object()) return std::nullopt;
  const auto& object = parsed.get_object();
  Discovery found;
  found.issuer = text_of(object, "issuer");
  found.authorization_url = url_of(object, "authorization_endpoint", insecure_http);
  found.token_url = url_of(object, "token_endpoint", insecure_http);
  found.profile_url = url_of(object, "userinfo_endpoint", insecure_http);
  found.keys_url = url_of(object, "jwks_uri", insecure_http);
  found.end_session_url = url_of(object, "end_session_endpoint", insecure_http);
  const json::value* algorithms = object.if_contains("id_token_signing_alg_values_supported");
  if (algorithms == nullptr || !algorithms->is_array()) return found;
  for (const auto& one : algorithms->get_array())
    if (one.is_string() && found.algorithms.size() < kAlgorithmsMax) found.algorithms.emplace_back(one.get_string());
  return found;
}

}  // namespace gatehouse::auth::oauth
