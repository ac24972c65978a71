#include "auth/oauth/id_token.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cmath>

#include "base/encoding.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth::oauth {

namespace json = boost::json;

namespace {

constexpr std::size_t kTokenBytesMax = 64 * 1024;
constexpr std::size_t kKeysMax = 100;
constexpr double kToleranceSeconds = 30;

std::optional<json::object> parse_object(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  auto value = json::parse(text, error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::optional<std::string_view> find_text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

std::optional<double> find_number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double number = value->to_number<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

bool is_one_of(const std::vector<std::string>& wanted, std::string_view text) {
  return std::ranges::find(wanted, text) != wanted.end();
}

bool audience_holds(const json::object& claims, const std::vector<std::string>& wanted) {
  const json::value* audience = claims.if_contains("aud");
  if (audience == nullptr) return false;
  if (audience->is_string()) return is_one_of(wanted, audience->get_string());
  if (!audience->is_array()) return false;
  const bool named = std::ranges::any_of(audience->get_array(), [&](const json::value& one) {
    return one.is_string() && is_one_of(wanted, one.get_string());
  });
  if (!named) return false;
  // A token for several parties says who asked for it.
  const auto party = find_text(claims, "azp");
  return audience->get_array().size() == 1 || !party || is_one_of(wanted, *party);
}

bool times_hold(const json::object& claims, const IdTokenRules& rules, WallTime now) {
  const double seconds = static_cast<double>(now.time_since_epoch().count()) / 1000.0;
  const auto expires = find_number(claims, "exp"), issued = find_number(claims, "iat");
  if (!expires || !issued || *expires <= seconds - kToleranceSeconds) return false;
  if (claims.contains("nbf")) {
    const auto begins = find_number(claims, "nbf");
    if (!begins || *begins > seconds + kToleranceSeconds) return false;
  }
  if (rules.age_max.count() == 0) return true;
  const double age = seconds - *issued;
  return age >= -kToleranceSeconds && age <= static_cast<double>(rules.age_max.count()) + kToleranceSeconds;
}

bool nonce_holds(const json::object& claims, const IdTokenRules& rules, const std::string& nonce) {
  const auto claimed = find_text(claims, "nonce");
  if (!claimed) return false;
  if (*claimed == nonce) return true;
  if (!rules.nonce_may_be_hashed) return false;
  const auto digest = crypto::sha256(nonce);
  return *claimed == hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::optional<std::string> find_bytes(const json::object& object, std::string_view name) {
  const auto text = find_text(object, name);
  return text ? base64url_decode(*text) : std::nullopt;
}

std::optional<crypto::PublicKey> read_key(const json::object& key) {
  const auto type = find_text(key, "kty");
  if (!type) return std::nullopt;
  if (const auto use = find_text(key, "use"); use && *use != "sig") return std::nullopt;
  const auto x = find_bytes(key, "x"), y = find_bytes(key, "y"), n = find_bytes(key, "n"), e = find_bytes(key, "e");
  const auto curve = find_text(key, "crv").value_or("");
  if (*type == "RSA" && n && e) return crypto::PublicKey::rsa(*n, *e);
  if (*type == "EC" && x && y) return crypto::PublicKey::elliptic(curve, *x, *y);
  if (*type == "OKP" && curve == "Ed25519" && x) return crypto::PublicKey::ed25519(*x);
  return std::nullopt;
}

std::optional<std::string> copy(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

}  // namespace

std::optional<SignedToken> parse_signed_token(std::string_view text) {
  if (text.size() > kTokenBytesMax || std::ranges::count(text, '.') != 2) return std::nullopt;
  const auto first = text.find('.'), second = text.find('.', first + 1);
  const auto header_text = base64url_decode(text.substr(0, first));
  const auto claims_text = base64url_decode(text.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(text.substr(second + 1));
  if (!header_text || !claims_text || !signature) return std::nullopt;
  const auto header = parse_object(*header_text);
  auto claims = parse_object(*claims_text);
  if (!header || !claims || header->contains("crit") || header->contains("b64")) return std::nullopt;
  const auto algorithm = find_text(*header, "alg");
  if (!algorithm) return std::nullopt;
  return SignedToken{std::string(*algorithm), copy(find_text(*header, "kid")), std::move(*claims),
                     std::string(text.substr(0, second)), std::move(*signature)};
}

bool claims_hold(const json::object& claims, const IdTokenRules& rules, const std::optional<std::string>& nonce,
                 WallTime now) {
  const auto issuer = find_text(claims, "iss"), subject = find_text(claims, "sub");
  if (!issuer || !subject || subject->empty()) return false;
  if (!rules.issuers.empty() && !is_one_of(rules.issuers, *issuer)) return false;
  if (!audience_holds(claims, rules.audiences) || !times_hold(claims, rules, now)) return false;
  return !nonce || nonce->empty() || nonce_holds(claims, rules, *nonce);
}

std::optional<KeySet> KeySet::parse(std::string_view document) {
  const auto whole = parse_object(document);
  const json::value* list = whole ? whole->if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array()) return std::nullopt;
  KeySet set;
  for (const auto& item : list->get_array()) {
    if (set.keys_.size() == kKeysMax) break;
    if (!item.is_object()) continue;
    auto key = read_key(item.get_object());
    if (!key) continue;
    set.keys_.push_back(
        {copy(find_text(item.get_object(), "kid")), copy(find_text(item.get_object(), "alg")), std::move(*key)});
  }
  return set;
}

bool KeySet::fits(const Key& key, const SignedToken& token) {
  if (token.key_id && key.id != token.key_id) return false;
  return !key.algorithm || *key.algorithm == token.algorithm;
}

bool KeySet::has_candidate(const SignedToken& token) const {
  return std::ranges::any_of(keys_, [&](const Key& key) { return fits(key, token); });
}

bool KeySet::verify(const SignedToken& token) const {
  const auto algorithm = crypto::parse_signature_algorithm(token.algorithm);
  if (!algorithm) return false;
  return std::ranges::any_of(keys_, [&](const Key& key) {
    return fits(key, token) && key.key.verify(*algorithm, token.signed_part, token.signature);
  });
}

}  // namespace gatehouse::auth::oauth
