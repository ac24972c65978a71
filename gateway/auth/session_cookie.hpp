// The cookies of a session: reading and checking them on every request, and making the Set-Cookie values that set,
// renew and clear them. Names, attributes and signature are Better Auth's (1.7.25, "cookies"): value "."
// base64(HMAC-SHA256(secret, value)), the whole percent-encoded. A signature is checked before anything is looked up.
// Values that are too long for one cookie (session_data, account_data) are cut into NAME.0, NAME.1 and so on.
#pragma once
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/cookie_header.hpp"
#include "base/secret.hpp"
#include "config/configuration.hpp"
#include "crypto/hmac.hpp"
#include "http/header_field.hpp"

namespace gatehouse::auth {

struct CookieNames {
  std::string prefix;  // "better-auth"
  std::string session_token;
  std::string session_data;
  std::string dont_remember;
  std::string account_data;
  std::string state;        // of an OAuth flow whose state is in the database
  std::string oauth_state;  // of one whose state is in this cookie
  std::string domain;       // of cookies that sub-domains share; empty: of this host alone
  bool secure = false;      // the names start with __Secure-, and the cookies are Secure
};

CookieNames make_cookie_names(const config::AuthSettings& settings, const config::Origin& base_url);

// One for each thread (it holds an HMAC context).
class SessionCookie {
 public:
  enum class Signature : unsigned char { none, invalid, valid };
  struct Verdict {
    Signature signature = Signature::none;
    std::string_view token;  // where valid: a view into the header or the scratch
  };
  // Where a percent-encoded value is decoded to. A longer one is invalid.
  using Scratch = std::array<char, 512>;

  SessionCookie(const config::AuthSettings& settings, const config::Origin& base_url, const Secret& secret);

  // Proxied routes: every cookie of the name is checked and the first validly signed one wins, so that a value which
  // somebody else planted neither counts nor locks the user out.
  Verdict verify(http::HeaderFields fields, Scratch& scratch);
  Verdict verify(std::string_view cookie_header, Scratch& scratch);
  // Better Auth's endpoints: only the first cookie of the name counts.
  Verdict verify_first(std::string_view cookie_header, Scratch& scratch);
  // The browser holds a validly signed dont_remember: the session ends with the browser and is never refreshed.
  bool has_dont_remember(std::string_view cookie_header);
  bool has_dont_remember(http::HeaderFields fields);

  // The signed value of the first cookie of that name; absent without one, or where its signature is wrong.
  std::optional<std::string> read_signed(std::string_view cookie_header, std::string_view name);
  // The value of a cookie that may have been cut into pieces: of the whole one, or of all pieces in order; empty
  // without either.
  std::string read_pieces(std::string_view cookie_header, std::string_view name) const;

  // Set-Cookie values, without the header's name. An absent age leaves Max-Age out: the cookie ends with the browser.
  using Age = std::optional<std::chrono::seconds>;
  std::string set_signed(std::string_view name, std::string_view value, Age max_age);
  std::string expire(std::string_view name) const;
  // Cut into pieces where one cookie would be too long; expires those that the request carried and that this does not
  // replace. A value that could not come back whole, in a header that is accepted, is left out: then it only expires.
  std::vector<std::string> set_pieces(std::string_view name, std::string_view value, Age max_age,
                                      std::string_view cookie_header) const;
  // Expires the cookie, whole or in pieces, that the request carried; empty without.
  std::vector<std::string> clear_pieces(std::string_view cookie_header, std::string_view name) const;

  // `remember` false leaves Max-Age out.
  std::string set_session(std::string_view token, bool remember);
  std::string set_dont_remember();
  std::string clear_dont_remember() const;
  // What signs a browser out: expires session_token, session_data (and its numbered pieces that the request carried),
  // dont_remember, and where they are in use account_data and oauth_state.
  std::vector<std::string> clear_all(std::string_view cookie_header) const;
  // Expires the session_data cookies that the request carried; empty without.
  std::vector<std::string> clear_session_data(std::string_view cookie_header) const;

  // Appends to `out` what an upstream may see of a Cookie header: all but the gateway's own cookies, byte for byte.
  void append_other_cookies(std::string& out, std::string_view cookie_header, bool keep_session_token = false) const;

  // Whether a Set-Cookie value would make a browser send one of the gateway's own cookies.
  bool sets_own_cookie(std::string_view set_cookie) const;

  const CookieNames& names() const { return names_; }

 private:
  Verdict verify_value(std::string_view value, Scratch& scratch);
  bool is_own(std::string_view name, bool keep_session_token) const;
  std::string serialize(std::string_view name, std::string_view value, Age max_age) const;
  std::string sign(std::string_view value);

  CookieNames names_;
  const bool has_account_cookie_;  // account.store_account_cookie
  const bool has_state_cookie_;    // account.store_state_strategy: cookie
  const std::chrono::seconds session_max_age_;
  crypto::HmacSha256 hmac_;
};

}  // namespace gatehouse::auth
