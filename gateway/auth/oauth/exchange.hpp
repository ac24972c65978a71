// What the gateway asks identity providers: tokens for a code, new tokens, who somebody is (RFC 6749, OpenID Connect
// Core 1.0; Better Auth 1.7.25, core/oauth2). Whatever a provider answers that is not what was asked for, and a
// provider that is late or away, is no answer: absent, and a line in the log without tokens. A call may take five
// seconds, and all of one exchange ten (threats 93).
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "auth/accounts.hpp"
#include "auth/oauth/provider.hpp"
#include "base/clock.hpp"
#include "outbound/http_client.hpp"

namespace gatehouse::auth::oauth {

// The provider and whatever else is referred to outlive the calls.
class Exchange {
 public:
  // Its time runs from here.
  Exchange(outbound::HttpClient& http, const Clock& clock)
      : http_(http), clock_(clock), deadline_(clock.steady() + kTimeMax) {}

  Awaitable<std::optional<ProviderTokens>> tokens_for_code(const Provider& provider, std::string code,
                                                           std::string code_verifier, std::string redirect_uri);
  Awaitable<std::optional<ProviderTokens>> refreshed_tokens(const Provider& provider, std::string refresh_token);

  // Signature, issuer, audience, times, and the nonce where one is expected; absent: not to be believed.
  Awaitable<std::optional<boost::json::object>> claims_of(const Provider& provider, std::string id_token,
                                                          std::optional<std::string> nonce);

  // Who has the tokens. Where there is an ID token that can be verified it is: with a nonce that is wrong, or a
  // signature, there is no profile. `user`: what Apple's form says of the name; JSON, from the browser.
  Awaitable<std::optional<Profile>> profile(const Provider& provider, ProviderTokens tokens,
                                            std::optional<std::string> nonce, std::string user);
  // The same for tokens out of our own store: an ID token that is the whole profile is read, however old it is.
  Awaitable<std::optional<Profile>> stored_profile(const Provider& provider, ProviderTokens tokens);
  // Of an ID token that an app has, by its claims.
  std::optional<Profile> profile_of_claims(const Provider& provider, boost::json::object claims,
                                           const std::string& user) const;

 private:
  Awaitable<std::optional<boost::json::value>> get_json(const Provider& provider, std::string url,
                                                        std::string access_token);
  Awaitable<std::optional<boost::json::object>> post_token(const Provider& provider,
                                                           std::vector<std::pair<std::string, std::string>> form);
  Awaitable<std::optional<outbound::HttpResponse>> ask(outbound::HttpRequest request, const Provider& provider);
  ProviderTokens read_tokens(const Provider& provider, const boost::json::object& answer) const;
  Awaitable<std::optional<Profile>> fetch_profile(const Provider& provider, std::string access_token,
                                                  std::optional<std::string> subject);

  static constexpr std::chrono::seconds kTimeMax{10};

  outbound::HttpClient& http_;
  const Clock& clock_;
  const SteadyTime deadline_;
};

}  // namespace gatehouse::auth::oauth
