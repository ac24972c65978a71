// Links that prove an e-mail address (Better Auth 1.7.25, email-verification): the token is a JWT, signed with the
// current secret, that names the address and the user; nothing is stored. It works until it ends, any number of times,
// because what it does can be done twice.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "auth/identity.hpp"
#include "auth/services.hpp"
#include "base/result.hpp"

namespace gatehouse::auth {

struct EmailClaims {
  std::string email;
  std::optional<std::string> update_to = {};     // the address that takes its place
  std::optional<std::string> request_type = {};  // change-email-confirmation, change-email-verification
  std::optional<std::string> user_id = {};
};

// `<base>/verify-email?token=…&callbackURL=…`, working for email_verification.expires_in. An empty callback is "/".
struct EmailLink {
  std::string url;
  WallTime expires_at;
};
EmailLink make_email_link(const Services& services, const EmailClaims& claims, std::string_view callback_url);

enum class EmailTokenProblem {
  invalid,  // not signed by us, or not for ever: without an end
  expired,
  malformed,  // signed, but no proof of an address
};
std::expected<EmailClaims, EmailTokenProblem> open_email_token(const Services& services, std::string_view token);

// The mail to the user's own address.
void send_verification_mail(const Services& services, const User& user, std::string_view callback_url);

}  // namespace gatehouse::auth
