#include "auth/token_claims.hpp"

#include <boost/json/parse.hpp>
#include <cmath>

namespace gatehouse::auth {

std::optional<TokenClaims> TokenClaims::parse(std::string_view text) {
  boost::system::error_code error;
  auto value = boost::json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  TokenClaims claims;
  claims.claims_ = std::move(value.get_object());
  return claims;
}

std::optional<std::string> TokenClaims::text(std::string_view name) const {
  const auto* value = claims_.if_contains(name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

bool TokenClaims::is_mistyped(std::string_view name) const {
  const auto* value = claims_.if_contains(name);
  return value && !value->is_string();
}

std::optional<WallTime> TokenClaims::expires_at() const {
  const auto* value = claims_.if_contains("exp");
  if (!value || !value->is_number()) return std::nullopt;
  constexpr double kLast = 253'402'300'799;  // the year 9999
  const double seconds = value->to_number<double>();
  if (!(seconds >= 0 && seconds <= kLast)) return std::nullopt;
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

}  // namespace gatehouse::auth
