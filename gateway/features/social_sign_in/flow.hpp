// The state of one OAuth flow, kept from the moment the browser is sent to the provider until it comes back (Better
// Auth 1.7.25, state): a verification "auth-state:STATE" with a signed cookie that binds it to the browser, or an
// encrypted cookie with an empty verification. A state is good once, for ten minutes, in the browser that began the
// flow, and with the provider it was made for.
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "auth/feature.hpp"

namespace gatehouse::features {

// What encrypted_session_token is encrypted for.
inline constexpr std::string_view kLinkPurpose = "oauth-link-session-token";

// Who wants to link an account, and the session that wanted it.
struct LinkRequest {
  std::string user_id;
  std::string email;
  std::string encrypted_session_token;  // empty: not known
};

struct Flow {
  std::string callback_url;
  std::string code_verifier;
  std::optional<std::string> error_url;
  std::optional<std::string> new_user_url;
  std::optional<LinkRequest> link;
  std::optional<bool> request_sign_up;
  std::string nonce;  // empty: none
  std::string state;
};

// Makes a flow of the call's body, stores it and sets its cookie. An error: the body says more than is kept.
Awaitable<Result<Flow>> begin_flow(auth::EndpointCall& call, std::string_view provider_id,
                                   std::optional<LinkRequest> link, bool with_nonce);

// Why a state does not count, as the error page is told, and where that page is if the flow is known.
struct FlowProblem {
  std::string code;
  std::optional<std::string> error_url;
};
// Takes the flow of the call's `state`, which nobody gets again.
Awaitable<std::expected<Flow, FlowProblem>> take_flow(auth::EndpointCall& call);

// Whether the state was made for this provider.
bool is_flow_of(const auth::EndpointCall& call, const Flow& flow, std::string_view provider_id);

}  // namespace gatehouse::features
