#include "auth/account_cookie.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "auth/request_body.hpp"
#include "auth/row_id.hpp"
#include "base/iso_time.hpp"
#include "crypto/jwe.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

constexpr std::string_view kSalt = "better-auth-account";
constexpr std::chrono::seconds kLife{300};
constexpr std::chrono::seconds kTolerance{15};

void set(json::object& claims, std::string_view name, const std::optional<std::string>& text) {
  claims[name] = text ? json::value(*text) : json::value(nullptr);
}

void set(json::object& claims, std::string_view name, const std::optional<WallTime>& time) {
  claims[name] = time ? json::value(to_iso(*time)) : json::value(nullptr);
}

json::object to_claims(const Account& account) {
  json::object claims;
  claims["accountId"] = account.account_id;
  claims["providerId"] = account.provider_id;
  claims["userId"] = account.user_id;
  set(claims, "accessToken", account.access_token);
  set(claims, "refreshToken", account.refresh_token);
  set(claims, "idToken", account.id_token);
  set(claims, "accessTokenExpiresAt", account.access_token_expires_at);
  set(claims, "refreshTokenExpiresAt", account.refresh_token_expires_at);
  set(claims, "scope", account.scope);
  claims["password"] = nullptr;
  claims["createdAt"] = to_iso(account.created_at);
  claims["updatedAt"] = to_iso(account.updated_at);
  claims["id"] = account.id;
  return claims;
}

std::optional<std::string> text_of(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains(name);
  return value != nullptr && value->is_string() ? std::optional<std::string>(value->get_string()) : std::nullopt;
}

std::optional<WallTime> time_of(const json::object& claims, std::string_view name) {
  const auto text = text_of(claims, name);
  return text ? parse_iso(*text) : std::nullopt;
}

bool has_expired(const json::object& claims, WallTime now) {
  const json::value* expires = claims.if_contains("exp");
  if (expires == nullptr || !expires->is_number()) return true;
  const auto end = std::chrono::milliseconds(static_cast<std::int64_t>(expires->to_number<double>() * 1000));
  return WallTime(end) + kTolerance <= now;
}

}  // namespace

void add_account_cookie(EndpointCall& call, const Account& account) {
  const auto& services = call.services;
  json::object claims = to_claims(account);
  const auto now = std::chrono::floor<std::chrono::seconds>(services.clock.now()).time_since_epoch();
  claims["iat"] = now.count();
  claims["exp"] = (now + kLife).count();
  claims["jti"] = make_row_id(storage::IdKind::uuid, services.random);
  const auto key = crypto::derive_jwe_key(services.secrets.current().reveal(), kSalt);
  call.add_cookies(services.cookie.set_pieces(services.cookie.names().account_data,
                                              crypto::seal_jwe(key, json::serialize(claims)), kLife, call.cookies));
}

std::optional<Account> read_account_cookie(const EndpointCall& call) {
  const auto& services = call.services;
  const std::string sealed = services.cookie.read_pieces(call.cookies, services.cookie.names().account_data);
  if (sealed.empty()) return std::nullopt;
  std::vector<crypto::JweKey> keys;
  for (const auto secret : services.secrets.all()) keys.push_back(crypto::derive_jwe_key(secret, kSalt));
  const auto text = crypto::open_jwe(keys, sealed);
  const auto parsed = text ? parse_json(*text) : std::nullopt;
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto& claims = parsed->get_object();
  const auto id = text_of(claims, "id"), user = text_of(claims, "userId"), provider = text_of(claims, "providerId");
  if (!id || !user || !provider || has_expired(claims, services.clock.now())) return std::nullopt;
  return Account{.id = *id,
                 .account_id = text_of(claims, "accountId").value_or(""),
                 .provider_id = *provider,
                 .user_id = *user,
                 .access_token = text_of(claims, "accessToken"),
                 .refresh_token = text_of(claims, "refreshToken"),
                 .id_token = text_of(claims, "idToken"),
                 .access_token_expires_at = time_of(claims, "accessTokenExpiresAt"),
                 .refresh_token_expires_at = time_of(claims, "refreshTokenExpiresAt"),
                 .scope = text_of(claims, "scope"),
                 .created_at = time_of(claims, "createdAt").value_or(WallTime()),
                 .updated_at = time_of(claims, "updatedAt").value_or(WallTime())};
}

}  // namespace gatehouse::auth
