// A provider's discovery document (OpenID Connect Discovery 1.0, section 3; RFC 8414): where its endpoints are, as far
// as the gateway uses them. It comes from outside; a browser is sent to what it names, with a client's secrets behind.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth::oauth {

// Empty: not named, or no URL that is to be used.
struct Discovery {
  std::string issuer;
  std::string authorization_url;
  std::string token_url;
  std::string profile_url;
  std::string keys_url;
  std::string end_session_url;
  std::vector<std::string> algorithms;  // of ID tokens, in the provider's words
};

// Absent: no JSON object. `insecure_http`: endpoints may be http: as well as https:.
std::optional<Discovery> parse_discovery(std::string_view document, bool insecure_http);

}  // namespace gatehouse::auth::oauth
