#include "auth/cookie_cache.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <charconv>

#include "auth/row_id.hpp"
#include "auth/rows_json.hpp"
#include "auth/script_json.hpp"
#include "auth/secondary_storage.hpp"
#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "crypto/hmac.hpp"
#include "crypto/jwt.hpp"

namespace gatehouse::auth {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Strategy = config::CookieCache::Strategy;

namespace {

constexpr seconds kCompactLifeOfVisit{60};
constexpr seconds kTokenLifeOfVisit{300};
constexpr std::size_t kSignatureLength = 43;

std::int64_t to_milliseconds(WallTime time) {
  return time.time_since_epoch().count();
}

// From the epoch to the year 9999.
std::optional<WallTime> to_time(std::int64_t since_epoch) {
  constexpr std::int64_t kMax = 253'402'300'799'999;
  if (since_epoch < 0 || since_epoch > kMax) return std::nullopt;
  return WallTime{milliseconds{since_epoch}};
}

// Takes `ending` off the end of the text.
bool cut_end(std::string_view& text, std::string_view ending) {
  if (!text.ends_with(ending)) return false;
  text.remove_suffix(ending.size());
  return true;
}

}  // namespace

CookieCache::CookieCache(const config::CookieCache& settings, const Secrets& secrets, Random& random,
                         const RowFields& fields)
    : settings_(settings),
      secret_(secrets.current().reveal()),
      keys_({crypto::derive_jwe_key(secret_, "better-auth-session")}),
      random_(random),
      fields_(fields) {}

std::string CookieCache::sign(std::string_view text) const {
  const auto digest = crypto::HmacSha256(secret_).sign(text);
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string CookieCache::make(const Session& session, const User& user, bool remember, WallTime now) const {
  const std::string version = settings_.version.empty() ? "1" : settings_.version;
  const std::string payload = to_script_json(json::object{{"session", to_json(session)},
                                                          {"user", to_json(user)},
                                                          {"updatedAt", to_milliseconds(now)},
                                                          {"version", version}});
  const std::string_view open_payload = std::string_view(payload).substr(0, payload.size() - 1);
  if (settings_.strategy == Strategy::compact) {
    const auto end = to_milliseconds(now + (remember ? settings_.max_age : kCompactLifeOfVisit));
    const auto signature = sign(fmt::format("{},\"expiresAt\":{}}}", open_payload, end));
    return base64url_encode(
        fmt::format(R"({{"session":{},"expiresAt":{},"signature":"{}"}})", payload, end, signature));
  }
  const auto issued = std::chrono::floor<seconds>(now).time_since_epoch().count();
  const auto end = issued + (remember ? settings_.max_age : kTokenLifeOfVisit).count();
  std::string claims = fmt::format("{},\"iat\":{},\"exp\":{}", open_payload, issued, end);
  if (settings_.strategy == Strategy::jwt) return crypto::sign_jwt(secret_, claims + "}");
  return crypto::seal_jwe(keys_.front(),
                          fmt::format("{},\"jti\":\"{}\"}}", claims, make_row_id(storage::IdKind::uuid, random_)));
}

// {"session":P,"expiresAt":N,"signature":"S"}, taken apart from its end: nothing is parsed before it has been verified.
std::optional<CookieCache::Opened> CookieCache::open_compact(std::string_view value) const {
  const auto decoded = base64url_decode(value);
  if (!decoded) return std::nullopt;
  std::string_view text = *decoded;
  if (!cut_end(text, "\"}") || text.size() < kSignatureLength) return std::nullopt;
  const auto signature = text.substr(text.size() - kSignatureLength);
  text.remove_suffix(kSignatureLength);
  if (!cut_end(text, ",\"signature\":\"")) return std::nullopt;
  const auto before_digits = text.find_last_not_of("0123456789");
  if (before_digits == std::string_view::npos) return std::nullopt;
  const auto digits = text.substr(before_digits + 1);
  text.remove_suffix(digits.size());
  if (!cut_end(text, ",\"expiresAt\":") || !text.starts_with("{\"session\":{") || !text.ends_with('}'))
    return std::nullopt;
  text.remove_prefix(std::string_view("{\"session\":").size());
  const auto open_payload = text.substr(0, text.size() - 1);
  const auto expected = sign(fmt::format("{},\"expiresAt\":{}}}", open_payload, digits));
  if (!crypto::equal_constant_time(expected, signature)) return std::nullopt;
  std::int64_t number = 0;
  const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const auto end = failed == std::errc() && !digits.empty() ? to_time(number) : std::nullopt;
  if (!end) return std::nullopt;
  return Opened{std::string(text), *end};
}

std::optional<CookieCache::Opened> CookieCache::open_claims(std::optional<std::string> claims) const {
  if (!claims) return std::nullopt;
  boost::system::error_code error;
  const json::value value = json::parse(*claims, error);
  const json::value* end = !error && value.is_object() ? value.get_object().if_contains("exp") : nullptr;
  if (!end || !end->is_int64()) return std::nullopt;
  constexpr std::int64_t kSecondsMax = 253'402'300'799;
  if (end->get_int64() < 0 || end->get_int64() > kSecondsMax) return std::nullopt;
  return Opened{*std::move(claims), WallTime{seconds{end->get_int64()}}};
}

IdentityPtr CookieCache::open(std::string_view value, std::string_view token, WallTime now) const {
  const auto opened = settings_.strategy == Strategy::compact ? open_compact(value)
                      : settings_.strategy == Strategy::jwt   ? open_claims(crypto::open_jwt(secret_, value))
                                                              : open_claims(crypto::open_jwe(keys_, value));
  if (!opened || opened->expires_at < now) return nullptr;
  const auto document = secondary_storage::SessionDocument::parse(opened->payload, token, fields_);
  if (!document || document->identity().session.expires_at < now) return nullptr;
  if (document->note("version").value_or("1") != (settings_.version.empty() ? "1" : settings_.version)) return nullptr;
  return std::make_shared<const Identity>(document->identity());
}

}  // namespace gatehouse::auth
