#include "features/social_sign_in/flow.hpp"

#include <boost/json/serialize.hpp>

#include "auth/request_body.hpp"
#include "crypto/digest.hpp"
#include "crypto/hmac.hpp"
#include "features/social_sign_in/start_request.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kLife{600};
constexpr std::chrono::seconds kStateCookieLife{300};
constexpr std::string_view kMark = "cookie";  // the value of a verification whose flow is in the cookie
constexpr std::string_view kCookiePurpose = "oauth-state-cookie";
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
// Differs from Better Auth: strangers can have it stored, and larger cookies would not come back.
constexpr std::size_t kRowBytesMax = 32 * 1024;
constexpr std::size_t kCookieBytesMax = 4 * 1024;
constexpr std::size_t kStateLength = 32;
constexpr std::size_t kMarkLength = 8;

bool is_in_cookie(const EndpointCall& call) {
  return call.services.settings.account.store_state_strategy == config::AccountSettings::StateStore::cookie;
}

// The last characters of a state say, for who has the secret, which provider it is for: what is stored stays as Better
// Auth stores it, and yet a state brought back under another provider's name is refused.
std::string mark_of(const EndpointCall& call, std::string_view random, std::string_view provider_id) {
  crypto::HmacSha256 hmac(call.services.secrets.current().reveal());
  const auto digest = hmac.sign("oauth-state:" + std::string(provider_id) + ":" + std::string(random));
  std::string mark;
  for (std::size_t i = 0; i < kMarkLength; ++i) mark.push_back(kAlphabet[digest[i] % kAlphabet.size()]);
  return mark;
}

void set_if(json::object& object, std::string_view name, const std::optional<std::string>& value) {
  if (value) object[name] = *value;
}

json::object to_json(const Flow& flow, json::object additional, WallTime expires_at) {
  for (const auto* own : {"callbackURL", "codeVerifier", "errorURL", "newUserURL", "link", "serverContext", "expiresAt",
                          "requestSignUp", "idTokenNonce", "oauthState"})
    additional.erase(own);
  json::object object = std::move(additional);
  object["callbackURL"] = flow.callback_url;
  object["codeVerifier"] = flow.code_verifier;
  set_if(object, "errorURL", flow.error_url);
  set_if(object, "newUserURL", flow.new_user_url);
  if (flow.link) {
    object["link"] = {{"userId", flow.link->user_id},
                      {"email", flow.link->email},
                      {"encryptedSessionToken", flow.link->encrypted_session_token}};
  }
  object["expiresAt"] = expires_at.time_since_epoch().count();
  if (flow.request_sign_up) object["requestSignUp"] = *flow.request_sign_up;
  if (!flow.nonce.empty()) object["idTokenNonce"] = flow.nonce;
  object["oauthState"] = flow.state;
  return object;
}

std::optional<std::string> text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::optional<std::string>(value->get_string()) : std::nullopt;
}

struct StoredFlow {
  Flow flow;
  double expires_at_ms = 0;
};

std::optional<StoredFlow> parse_flow(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto& object = parsed->get_object();
  const auto callback = text_of(object, "callbackURL"), verifier = text_of(object, "codeVerifier");
  const json::value* expires = object.if_contains("expiresAt");
  if (!callback || !verifier || expires == nullptr || !expires->is_number()) return std::nullopt;
  StoredFlow stored;
  stored.expires_at_ms = expires->to_number<double>();
  Flow& flow = stored.flow;
  flow.callback_url = *callback;
  flow.code_verifier = *verifier;
  flow.error_url = text_of(object, "errorURL");
  flow.new_user_url = text_of(object, "newUserURL");
  flow.nonce = text_of(object, "idTokenNonce").value_or("");
  flow.state = text_of(object, "oauthState").value_or("");
  if (const json::value* asked = object.if_contains("requestSignUp"); asked != nullptr && asked->is_bool())
    flow.request_sign_up = asked->get_bool();
  const json::value* link = object.if_contains("link");
  if (link != nullptr && link->is_object()) {
    const auto& fields = link->get_object();
    flow.link = LinkRequest{text_of(fields, "userId").value_or(""), text_of(fields, "email").value_or(""),
                            text_of(fields, "encryptedSessionToken").value_or("")};
  }
  return stored;
}

std::unexpected<FlowProblem> problem(std::string code, std::optional<std::string> error_url = std::nullopt) {
  return std::unexpected(FlowProblem{std::move(code), std::move(error_url)});
}

std::string identifier_of(std::string_view state) {
  return "auth-state:" + std::string(state);
}

// A cookie can be brought again and again: the verification beside it, which has nothing of the flow, is what is good
// once.
Awaitable<std::expected<StoredFlow, FlowProblem>> take_flow_cookie(EndpointCall& call, std::string state) {
  const auto& services = call.services;
  const std::string sealed = services.cookie.read_pieces(call.cookies, services.cookie.names().oauth_state);
  if (sealed.empty()) co_return problem("state_mismatch");
  const auto text = services.secrets.for_purpose(kCookiePurpose).decrypt(sealed);
  auto stored = text ? parse_flow(*text) : std::nullopt;
  if (!stored) co_return problem("state_invalid");
  if (stored->flow.state.empty() || !crypto::equal_constant_time(stored->flow.state, state))
    co_return problem("state_mismatch", stored->flow.error_url);
  const auto taken = co_await services.verifications.consume(identifier_of(state));
  if (!taken) co_return problem("state_mismatch", stored->flow.error_url);
  call.add_cookies(services.cookie.clear_pieces(call.cookies, services.cookie.names().oauth_state));
  co_return std::move(*stored);
}

// The row goes by one statement: of several callbacks with one state a single one goes on.
Awaitable<std::expected<StoredFlow, FlowProblem>> take_flow_row(EndpointCall& call, std::string state) {
  const auto& services = call.services;
  const auto seen = co_await services.verifications.find(identifier_of(state));
  auto stored = seen ? parse_flow(*seen) : std::nullopt;
  if (!stored) co_return problem("state_mismatch");
  if (!stored->flow.state.empty() && stored->flow.state != state)
    co_return problem("state_mismatch", stored->flow.error_url);
  const auto bound = services.cookie.read_signed(call.cookies, services.cookie.names().state);
  // Of another browser: the flow stays as it is for its own.
  if (!services.settings.account.skip_state_cookie_check && bound != state)
    co_return problem("state_mismatch", stored->flow.error_url);
  const auto taken = co_await services.verifications.consume(identifier_of(state));
  if (!taken) co_return problem("state_mismatch");
  call.add_cookie(services.cookie.expire(services.cookie.names().state));
  stored->flow.state = state;
  co_return std::move(*stored);
}

}  // namespace

Awaitable<Result<Flow>> begin_flow(EndpointCall& call, std::string_view provider_id, std::optional<LinkRequest> link,
                                   bool with_nonce) {
  const auto& services = call.services;
  const auto copy = [](std::optional<std::string_view> text) {
    return text ? std::optional<std::string>(*text) : std::nullopt;
  };
  Flow flow;
  flow.callback_url = call.text("callbackURL").value_or("");
  if (flow.callback_url.empty()) flow.callback_url = services.base_url.to_string();
  flow.code_verifier = services.random.text(128, kAlphabet);
  flow.error_url = copy(call.text("errorCallbackURL"));
  flow.new_user_url = copy(call.text("newUserCallbackURL"));
  flow.link = std::move(link);
  flow.request_sign_up = call.boolean("requestSignUp");
  if (with_nonce) flow.nonce = services.random.text(32, kAlphabet);
  const std::string random = services.random.text(kStateLength - kMarkLength, kAlphabet);
  flow.state = random + mark_of(call, random, provider_id);
  const WallTime expires_at = services.clock.now() + kLife;
  const std::string text = json::serialize(to_json(flow, additional_data(call), expires_at));
  const bool in_cookie = is_in_cookie(call);
  if (text.size() > (in_cookie ? kCookieBytesMax : kRowBytesMax))
    co_return gatehouse::fail(400, "VALIDATION_ERROR", "[body] Too big");
  if (in_cookie) {
    const auto sealed = services.secrets.for_purpose(kCookiePurpose).encrypt(text);
    call.add_cookies(services.cookie.set_pieces(services.cookie.names().oauth_state, sealed, kLife, call.cookies));
    co_await services.verifications.create(identifier_of(flow.state), std::string(kMark), expires_at);
  } else {
    call.add_cookie(services.cookie.set_signed(services.cookie.names().state, flow.state, kStateCookieLife));
    co_await services.verifications.create(identifier_of(flow.state), text, expires_at);
  }
  co_return flow;
}

Awaitable<std::expected<Flow, FlowProblem>> take_flow(EndpointCall& call) {
  const std::string state(call.query.find("state").value_or(""));
  if (state.empty()) co_return problem("state_not_found");
  std::expected<StoredFlow, FlowProblem> stored = problem("state_mismatch");
  if (is_in_cookie(call)) {
    stored = co_await take_flow_cookie(call, state);
  } else {
    stored = co_await take_flow_row(call, state);
  }
  if (!stored) co_return std::unexpected(std::move(stored.error()));
  const auto now = static_cast<double>(call.services.clock.now().time_since_epoch().count());
  if (stored->expires_at_ms < now) co_return problem("state_mismatch", stored->flow.error_url);
  co_return std::move(stored->flow);
}

bool is_flow_of(const EndpointCall& call, const Flow& flow, std::string_view provider_id) {
  if (flow.state.size() != kStateLength) return false;
  const auto random = std::string_view(flow.state).substr(0, kStateLength - kMarkLength);
  const auto mark = std::string_view(flow.state).substr(random.size());
  return crypto::equal_constant_time(mark_of(call, random, provider_id), mark);
}

}  // namespace gatehouse::features
