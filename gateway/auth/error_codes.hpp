// The stable codes of errors and their messages, as Better Auth 1.7.25 has them (BASE_ERROR_CODES). The status belongs
// to the place where the error is made.
#pragma once
#include <string_view>

#include "base/result.hpp"

namespace gatehouse::auth {

struct ErrorCode {
  std::string_view code;
  std::string_view message;
};

inline std::unexpected<ApiError> fail(int status, const ErrorCode& error) {
  return gatehouse::fail(status, std::string(error.code), std::string(error.message));
}

namespace error {

inline constexpr ErrorCode kUnauthorized{"UNAUTHORIZED", "Unauthorized"};
inline constexpr ErrorCode kSessionNotFresh{"SESSION_NOT_FRESH", "Session is not fresh"};
inline constexpr ErrorCode kFailedToGetSession{"FAILED_TO_GET_SESSION", "Failed to get session"};
inline constexpr ErrorCode kDeferRequired{"METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED",
                                          "POST method requires deferSessionRefresh to be enabled in session config"};

inline constexpr ErrorCode kInvalidEmail{"INVALID_EMAIL", "Invalid email"};
inline constexpr ErrorCode kInvalidEmailOrPassword{"INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"};
inline constexpr ErrorCode kPasswordTooShort{"PASSWORD_TOO_SHORT", "Password too short"};
inline constexpr ErrorCode kPasswordTooLong{"PASSWORD_TOO_LONG", "Password too long"};
// Of Better Auth's plugin haveibeenpwned.
inline constexpr ErrorCode kPasswordCompromised{
    "PASSWORD_COMPROMISED", "The password you entered has been compromised. Please choose a different password."};
inline constexpr ErrorCode kEmailPasswordDisabled{"EMAIL_PASSWORD_DISABLED", "Email and password is not enabled"};
inline constexpr ErrorCode kSignUpDisabled{"EMAIL_PASSWORD_SIGN_UP_DISABLED",
                                           "Email and password sign up is not enabled"};
inline constexpr ErrorCode kFailedToCreateUser{"FAILED_TO_CREATE_USER", "Failed to create user"};
inline constexpr ErrorCode kUserAlreadyExists{"USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
                                              "User already exists. Use another email."};

inline constexpr ErrorCode kEmailCanNotBeUpdated{"EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated"};
inline constexpr ErrorCode kResetPasswordDisabled{"RESET_PASSWORD_DISABLED", "Reset password isn't enabled"};
inline constexpr ErrorCode kInvalidToken{"INVALID_TOKEN", "Invalid token"};
inline constexpr ErrorCode kUserNotFound{"USER_NOT_FOUND", "User not found"};
inline constexpr ErrorCode kInvalidPassword{"INVALID_PASSWORD", "Invalid password"};
inline constexpr ErrorCode kCredentialAccountNotFound{"CREDENTIAL_ACCOUNT_NOT_FOUND", "Credential account not found"};
inline constexpr ErrorCode kFailedToUpdateUser{"FAILED_TO_UPDATE_USER", "Failed to update user"};
inline constexpr ErrorCode kFailedToUpdateSession{"FAILED_TO_UPDATE_SESSION", "Failed to update session"};
inline constexpr ErrorCode kChangeEmailDisabled{"CHANGE_EMAIL_DISABLED", "Change email is disabled"};
inline constexpr ErrorCode kSessionExpired{"SESSION_EXPIRED",
                                           "Session expired. Re-authenticate to perform this action."};
inline constexpr ErrorCode kFailedToGetUserInfo{"FAILED_TO_GET_USER_INFO", "Failed to get user info"};
inline constexpr ErrorCode kTokenExpired{"TOKEN_EXPIRED", "Token expired"};
inline constexpr ErrorCode kInvalidUser{"INVALID_USER", "Invalid user"};
inline constexpr ErrorCode kEmailNotVerified{"EMAIL_NOT_VERIFIED", "Email not verified"};
inline constexpr ErrorCode kEmailMismatch{"EMAIL_MISMATCH", "Email mismatch"};
inline constexpr ErrorCode kEmailAlreadyVerified{"EMAIL_ALREADY_VERIFIED", "Email is already verified"};
inline constexpr ErrorCode kVerificationEmailNotEnabled{"VERIFICATION_EMAIL_NOT_ENABLED",
                                                        "Verification email isn't enabled"};

inline constexpr ErrorCode kMissingOrNullOrigin{"MISSING_OR_NULL_ORIGIN", "Missing or null Origin"};
inline constexpr ErrorCode kInvalidOrigin{"INVALID_ORIGIN", "Invalid origin"};
inline constexpr ErrorCode kInvalidCallbackUrl{"INVALID_CALLBACK_URL", "Invalid callbackURL"};
inline constexpr ErrorCode kInvalidRedirectUrl{"INVALID_REDIRECT_URL", "Invalid redirectURL"};
inline constexpr ErrorCode kInvalidErrorCallbackUrl{"INVALID_ERROR_CALLBACK_URL", "Invalid errorCallbackURL"};
inline constexpr ErrorCode kInvalidNewUserCallbackUrl{"INVALID_NEW_USER_CALLBACK_URL", "Invalid newUserCallbackURL"};
inline constexpr ErrorCode kMissingResponse{"MISSING_RESPONSE", "Missing CAPTCHA response"};
inline constexpr ErrorCode kVerificationFailed{"VERIFICATION_FAILED", "Captcha verification failed"};
inline constexpr ErrorCode kCrossSiteNavigation{
    "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
    "Cross-site navigation login blocked. This request appears to be a CSRF attack."};

}  // namespace error

}  // namespace gatehouse::auth
