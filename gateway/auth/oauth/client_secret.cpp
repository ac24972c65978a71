#include "auth/oauth/client_secret.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/encoding.hpp"

namespace gatehouse::auth::oauth {

namespace json = boost::json;

namespace {

constexpr std::chrono::minutes kLife{5};

}  // namespace

std::string client_secret_of(const Provider& provider, WallTime now) {
  const auto& settings = provider.settings;
  if (!provider.signing_key) return settings.client_secret.reveal();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  const json::object header{{"alg", "ES256"}, {"kid", settings.key_id}};
  const json::object claims{{"iss", settings.team_id},
                            {"iat", seconds.count()},
                            {"exp", (seconds + kLife).count()},
                            {"aud", "https://appleid.apple.com"},
                            {"sub", settings.client_id}};
  std::string token = base64url_encode(json::serialize(header)) + "." + base64url_encode(json::serialize(claims));
  return token + "." + base64url_encode(provider.signing_key->sign(token));
}

}  // namespace gatehouse::auth::oauth
