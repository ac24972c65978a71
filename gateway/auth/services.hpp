// What the endpoints of one worker thread work with. app/ builds it; everything referred to outlives the dispatcher.
#pragma once
#include "auth/accounts.hpp"
#include "auth/audit.hpp"
#include "auth/cookie_cache.hpp"
#include "auth/secrets.hpp"
#include "auth/session_cookie.hpp"
#include "auth/sessions.hpp"
#include "auth/trusted_origins.hpp"
#include "auth/users.hpp"
#include "auth/verifications.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "config/configuration.hpp"
#include "crypto/password_hasher.hpp"
#include "outbound/http_client.hpp"
#include "outbound/mailer.hpp"
#include "storage/database.hpp"

namespace gatehouse::auth {

namespace oauth {
class Providers;
}
class Attempts;
class BreachedPasswords;
class Challenges;

struct Services {
  storage::Database& database;
  Sessions& sessions;
  Verifications& verifications;
  SessionCookie& cookie;
  crypto::PasswordHasher& passwords;
  outbound::Mailer& mailer;
  const TrustedOrigins& origins;
  const config::AuthSettings& settings;
  const config::Origin& base_url;
  const Clock& clock;
  Random& random;
  Users& users;
  const Secrets& secrets;
  const CookieCache& cookie_cache;
  Accounts& accounts;
  oauth::Providers& providers;
  outbound::HttpClient& http;
  AuditTrail& audit;
  Attempts* attempts = nullptr;            // null: nobody counts attempts at secrets
  const Challenges* challenges = nullptr;  // null: nobody is challenged
  BreachedPasswords* breached = nullptr;   // null: they are not looked for
};

}  // namespace gatehouse::auth
