#include "auth/email_token.hpp"

#include <boost/json/serialize.hpp>

#include "auth/token_claims.hpp"
#include "auth/validation.hpp"
#include "base/encoding.hpp"
#include "crypto/jwt.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

std::int64_t to_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string sign(const Services& services, const EmailClaims& claims, WallTime expires_at) {
  json::object body{{"email", claims.email}};
  if (claims.update_to) body["updateTo"] = *claims.update_to;
  if (claims.request_type) body["requestType"] = *claims.request_type;
  if (claims.user_id) body["userId"] = *claims.user_id;
  body["iat"] = to_seconds(services.clock.now());
  body["exp"] = to_seconds(expires_at);
  return crypto::sign_jwt(services.secrets.current().reveal(), json::serialize(body));
}

}  // namespace

EmailLink make_email_link(const Services& services, const EmailClaims& claims, std::string_view callback_url) {
  const WallTime expires_at = services.clock.now() + services.settings.email_verification.expires_in;
  const std::string_view callback = callback_url.empty() ? "/" : callback_url;
  return {services.base_url.to_string() + services.settings.base_path + "/verify-email?token=" +
              sign(services, claims, expires_at) + "&callbackURL=" + encode_uri_component(callback),
          expires_at};
}

// Differs from Better Auth: a token without `exp` is refused. Nobody makes any.
std::expected<EmailClaims, EmailTokenProblem> open_email_token(const Services& services, std::string_view token) {
  const auto text = crypto::open_jwt(services.secrets.current().reveal(), token);
  const auto claims = text ? TokenClaims::parse(*text) : std::nullopt;
  const auto expires_at = claims ? claims->expires_at() : std::nullopt;
  if (!expires_at) return std::unexpected(EmailTokenProblem::invalid);
  if (*expires_at <= services.clock.now()) return std::unexpected(EmailTokenProblem::expired);
  for (const auto* name : {"email", "updateTo", "requestType", "userId"})
    if (claims->is_mistyped(name)) return std::unexpected(EmailTokenProblem::malformed);
  const auto email = claims->text("email");
  if (!email || !is_email(*email)) return std::unexpected(EmailTokenProblem::malformed);
  return EmailClaims{*email, claims->text("updateTo"), claims->text("requestType"), claims->text("userId")};
}

void send_verification_mail(const Services& services, const User& user, std::string_view callback_url) {
  auto link = make_email_link(services, {.email = user.email, .user_id = user.id}, callback_url);
  services.mailer.send({.kind = outbound::Mail::Kind::verify_email,
                        .to = user.email,
                        .name = user.name,
                        .url = std::move(link.url),
                        .expires_at = link.expires_at});
}

}  // namespace gatehouse::auth
