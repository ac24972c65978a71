// The bodies that begin an OAuth flow (Better Auth 1.7.25, POST /sign-in/social and /link-social): how they are judged,
// in zod's words and order, and what a flow needs of them.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/feature.hpp"

namespace gatehouse::features {

extern const auth::BodySchema kSignInSocialBody;
extern const auth::BodySchema kLinkSocialBody;

// Of a body that fits its schema.
std::vector<std::string> requested_scopes(const auth::EndpointCall& call);
std::vector<std::pair<std::string, std::string>> additional_params(const auth::EndpointCall& call);
boost::json::object additional_data(const auth::EndpointCall& call);

// A sign-in with an ID token that the app has got itself.
struct BroughtToken {
  std::string token;
  std::optional<std::string> nonce;
  std::optional<std::string> access_token;
  std::optional<std::string> refresh_token;
  std::string user;  // JSON: what Apple tells an app of the name
};
std::optional<BroughtToken> brought_token(const auth::EndpointCall& call);

}  // namespace gatehouse::features
