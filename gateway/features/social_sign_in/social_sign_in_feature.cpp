#include "features/social_sign_in/social_sign_in_feature.hpp"

#include <algorithm>
#include <array>

#include "auth/current_session.hpp"
#include "auth/error_codes.hpp"
#include "auth/oauth/exchange.hpp"
#include "auth/oauth/providers.hpp"
#include "auth/rows_json.hpp"
#include "base/ascii.hpp"
#include "base/log.hpp"
#include "features/social_sign_in/flow.hpp"
#include "features/social_sign_in/linking.hpp"
#include "features/social_sign_in/start_request.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

constexpr ErrorCode kProviderNotFound{"PROVIDER_NOT_FOUND", "Provider not found"};
constexpr ErrorCode kIdTokenNotSupported{"ID_TOKEN_NOT_SUPPORTED", "id_token not supported"};
constexpr ErrorCode kInvalidToken{"INVALID_TOKEN", "Invalid token"};
constexpr ErrorCode kFailedToGetUserInfo{"FAILED_TO_GET_USER_INFO", "Failed to get user info"};
constexpr ErrorCode kUserEmailNotFound{"USER_EMAIL_NOT_FOUND", "User email not found"};
constexpr ErrorCode kEmailNotVerified{"EMAIL_NOT_VERIFIED", "Email not verified"};
constexpr ErrorCode kAlreadyLinked{"SOCIAL_ACCOUNT_ALREADY_LINKED", "Social account already linked"};

std::string auth_url(const EndpointCall& call, std::string_view path) {
  return call.services.base_url.to_string() + call.services.settings.base_path + std::string(path);
}

std::string callback_url_of(const EndpointCall& call, std::string_view provider_id) {
  return auth_url(call, "/callback/" + std::string(provider_id));
}

Reply redirect(EndpointCall& call, std::string_view url) {
  call.add_location(url);
  return {302, "application/json", ""};
}

Reply redirect_with_error(EndpointCall& call, const std::optional<std::string>& error_url, std::string error,
                          std::string_view description = {}) {
  std::vector<std::pair<std::string, std::string>> params{{"error", std::move(error)}};
  if (!description.empty()) params.emplace_back("error_description", std::string(description));
  const std::string& configured = call.services.settings.error_url;
  const std::string page = configured.empty() ? auth_url(call, "/error") : configured;
  return redirect(call, oauth::append_query(error_url && !error_url->empty() ? *error_url : page, params));
}

// What a provider calls its error (RFC 6749 section 4.1.2.1) comes by way of the browser: what is no code is not kept.
std::string to_reason(std::string_view error) {
  constexpr std::size_t kCodeMax = 64;
  const bool is_code = !error.empty() && error.size() <= kCodeMax &&
                       std::ranges::all_of(error, [](char c) { return is_alphanumeric(c) || c == '_'; });
  return is_code ? std::string(error) : "provider_error";
}

// `provider_id`: one of ours, or empty.
Reply refuse_callback(EndpointCall& call, const std::optional<std::string>& error_url, std::string_view provider_id,
                      std::string error, std::string_view description = {}) {
  call.note({.event = AuditEvent::provider_refused,
             .outcome = AuditOutcome::failed,
             .reason = to_reason(error),
             .detail = std::string(provider_id)});
  return redirect_with_error(call, error_url, std::move(error), description);
}

// Better Auth's words, "account not linked".
std::string to_code(std::string words) {
  std::ranges::replace(words, ' ', '_');
  return words;
}

// ---- Sending the browser to the provider

Awaitable<Result<Reply>> send_to_provider(EndpointCall& call, oauth::ProviderPtr provider,
                                          std::optional<LinkRequest> link) {
  auto flow = co_await begin_flow(call, provider->id(), std::move(link), provider->requires_nonce());
  if (!flow) co_return std::unexpected(std::move(flow.error()));
  oauth::AuthorizationRequest request;
  request.state = flow->state;
  request.code_verifier = flow->code_verifier;
  request.nonce = flow->nonce;
  request.redirect_uri = callback_url_of(call, provider->id());
  request.scopes = requested_scopes(call);
  request.login_hint = call.text("loginHint").value_or("");
  request.additional_params = additional_params(call);
  const std::string url = oauth::make_authorization_url(*provider, request);
  const bool redirects = !call.boolean("disableRedirect").value_or(false);
  if (redirects) call.add_location(url);
  co_return reply_json({{"url", url}, {"redirect", redirects}});
}

// ---- ID tokens that an app has got itself

struct BroughtIdentity {
  oauth::Profile profile;
  ProviderUser user;
  ProviderTokens tokens;
};

Awaitable<Result<BroughtIdentity>> verify_brought(EndpointCall& call, oauth::ProviderPtr provider,
                                                  BroughtToken brought) {
  if (!provider->takes_id_token_of_client()) co_return auth::fail(404, kIdTokenNotSupported);
  oauth::Exchange exchange(call.services.http, call.services.clock);
  auto claims = co_await exchange.claims_of(*provider, brought.token, brought.nonce);
  if (!claims) {
    call.note({.event = AuditEvent::provider_refused,
               .outcome = AuditOutcome::failed,
               .reason = "invalid_token",
               .detail = provider->id()});
    co_return auth::fail(401, kInvalidToken);
  }
  auto profile = exchange.profile_of_claims(*provider, std::move(*claims), brought.user);
  if (!profile) co_return auth::fail(401, kFailedToGetUserInfo);
  BroughtIdentity identity;
  identity.user = read_user(profile->user);
  if (!identity.user.email) co_return auth::fail(401, kUserEmailNotFound);
  identity.profile = std::move(*profile);
  identity.tokens.id_token = std::move(brought.token);
  identity.tokens.access_token = std::move(brought.access_token);
  identity.tokens.refresh_token = std::move(brought.refresh_token);
  co_return identity;
}

Awaitable<Result<Reply>> sign_in_with_brought(EndpointCall& call, oauth::ProviderPtr provider, BroughtToken brought) {
  auto identity = co_await verify_brought(call, provider, std::move(brought));
  if (!identity) co_return std::unexpected(std::move(identity.error()));
  const auto& settings = provider->settings;
  ProviderSignIn sign_in;
  sign_in.provider = provider;
  sign_in.key = {provider->id(), identity->profile.subject};
  sign_in.user = std::move(identity->user);
  sign_in.tokens = std::move(identity->tokens);
  sign_in.tokens.refresh_token.reset();
  sign_in.sign_up_allowed = !settings.disable_sign_up &&
                            (!settings.disable_implicit_sign_up || call.boolean("requestSignUp").value_or(false));
  sign_in.callback_url = call.text("callbackURL").value_or("");
  auto signed_in = co_await sign_in_with(call, std::move(sign_in));
  if (!signed_in) {
    call.note({.event = AuditEvent::sign_in,
               .outcome = AuditOutcome::failed,
               .reason = to_code(signed_in.error()),
               .detail = provider->id()});
  }
  if (!signed_in && signed_in.error() == "email_not_verified") co_return auth::fail(403, kEmailNotVerified);
  if (!signed_in) co_return gatehouse::fail(401, "OAUTH_LINK_ERROR", signed_in.error());
  add_session_cookies(call, signed_in->session, signed_in->user);
  co_return reply_json({{"redirect", false}, {"token", signed_in->session.token}, {"user", to_json(signed_in->user)}});
}

Reply reply_linked() {
  return reply_json({{"url", ""}, {"status", true}, {"redirect", false}});
}

Result<void> check_brought_link(const EndpointCall& call, const std::string& provider_id, const ProviderUser& user) {
  const auto& rules = call.services.settings.account.account_linking;
  if (!rules.enabled || (!user.email_verified && !is_trusted_provider(call, provider_id)))
    return gatehouse::fail(401, "LINKING_NOT_ALLOWED", "Account not linked - linking not allowed");
  if (!rules.allow_different_emails && user.email != call.identity->user.email)
    return gatehouse::fail(401, "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED",
                           "Account not linked - different emails not allowed");
  return {};
}

Awaitable<Result<Reply>> link_brought(EndpointCall& call, oauth::ProviderPtr provider, BroughtToken brought) {
  auto identity = co_await verify_brought(call, provider, std::move(brought));
  if (!identity) co_return std::unexpected(std::move(identity.error()));
  auto& accounts = call.services.accounts;
  const std::string user_id = call.identity->user.id;
  const AccountKey key{provider->id(), identity->profile.subject};
  auto existing = co_await accounts.find(key);
  if (!existing) {
    auto allowed = check_brought_link(call, provider->id(), identity->user);
    if (!allowed) co_return std::unexpected(std::move(allowed.error()));
    const auto made = co_await make_account(call, key, user_id, identity->tokens);
    if (made) {
      call.note({.event = AuditEvent::account_linked, .actor = user_id, .target = user_id, .detail = provider->id()});
    }
    if (!made && made.error() == NotMade::refused)
      co_return gatehouse::fail(417, "LINKING_FAILED", "Account not linked - unable to create account");
    if (!made) existing = co_await accounts.find(key);
  }
  if (existing && existing->user_id != user_id) co_return auth::fail(409, kAlreadyLinked);
  if (existing) co_await accounts.update(existing->id, identity->tokens);
  co_await update_user_on_link(call, user_id, identity->user);
  co_return reply_linked();
}

Awaitable<Result<Reply>> sign_in_social(EndpointCall& call) {
  auto provider = co_await call.services.providers.find(std::string(call.text("provider").value()));
  if (!provider) co_return auth::fail(404, kProviderNotFound);
  if (auto brought = brought_token(call)) {
    auto reply = co_await sign_in_with_brought(call, provider, std::move(*brought));
    co_return reply;
  }
  auto reply = co_await send_to_provider(call, provider, std::nullopt);
  co_return reply;
}

Awaitable<Result<Reply>> link_social(EndpointCall& call) {
  const auto& services = call.services;
  auto provider = co_await services.providers.find(std::string(call.text("provider").value()));
  if (!provider) co_return auth::fail(404, kProviderNotFound);
  if (auto brought = brought_token(call)) {
    auto reply = co_await link_brought(call, provider, std::move(*brought));
    co_return reply;
  }
  const Identity& who = *call.identity;
  LinkRequest link{who.user.id, who.user.email, services.secrets.for_purpose(kLinkPurpose).encrypt(who.session.token)};
  auto reply = co_await send_to_provider(call, provider, std::move(link));
  co_return reply;
}

// ---- The browser comes back

constexpr std::array<std::string_view, 7> kCallbackFields{"code",  "error", "device_id", "error_description",
                                                          "state", "user",  "iss"};

// Better Auth sees a repeated parameter as an array.
Result<void> check_callback_query(const EndpointCall& call) {
  std::string message;
  for (const auto name : kCallbackFields) {
    if (!call.query.is_repeated(name)) continue;
    message += (message.empty() ? "" : "; ") + std::string("[query.") + std::string(name) +
               "] Invalid input: expected string, received array";
  }
  if (message.empty()) return {};
  return gatehouse::fail(400, "VALIDATION_ERROR", std::move(message));
}

std::string query_text(const EndpointCall& call, std::string_view name) {
  return std::string(call.query.find(name).value_or(""));
}

struct Arrival {
  oauth::ProviderPtr provider;
  oauth::Profile profile;
  ProviderUser user;
  ProviderTokens tokens;
};

// Turns the code into who it is; the error's code where that fails.
Awaitable<std::expected<Arrival, std::string>> exchange_code(EndpointCall& call, const Flow& flow,
                                                             oauth::ProviderPtr provider) {
  const std::string issuer = query_text(call, "iss");
  if (!issuer.empty() && !provider->issuer.empty() && issuer != provider->issuer)
    co_return std::unexpected("issuer_mismatch");
  if (provider->requires_nonce() && flow.nonce.empty()) co_return std::unexpected("nonce_binding_missing");
  oauth::Exchange exchange(call.services.http, call.services.clock);
  auto tokens = co_await exchange.tokens_for_code(*provider, query_text(call, "code"), flow.code_verifier,
                                                  callback_url_of(call, provider->id()));
  if (!tokens) co_return std::unexpected("invalid_code");
  auto profile = co_await exchange.profile(*provider, *tokens, flow.nonce, query_text(call, "user"));
  if (!profile) co_return std::unexpected("unable_to_get_user_info");
  Arrival arrival;
  arrival.provider = provider;
  arrival.user = read_user(profile->user);
  arrival.profile = std::move(*profile);
  arrival.tokens = std::move(*tokens);
  co_return arrival;
}

Awaitable<Result<Reply>> finish_link(EndpointCall& call, Flow flow, Arrival arrival) {
  const std::string provider_id = arrival.provider->id();
  AccountKey key{provider_id, arrival.profile.subject};
  const auto error =
      co_await link_account(call, *flow.link, std::move(key), std::move(arrival.user), std::move(arrival.tokens));
  co_return error ? refuse_callback(call, flow.error_url, provider_id, *error) : redirect(call, flow.callback_url);
}

Awaitable<Result<Reply>> finish_sign_in(EndpointCall& call, Flow flow, Arrival arrival) {
  const std::string provider_id = arrival.provider->id();
  if (!arrival.user.email) co_return refuse_callback(call, flow.error_url, provider_id, "email_not_found");
  const auto& settings = arrival.provider->settings;
  ProviderSignIn sign_in;
  sign_in.provider = arrival.provider;
  sign_in.key = {arrival.provider->id(), arrival.profile.subject};
  sign_in.user = std::move(arrival.user);
  sign_in.tokens = std::move(arrival.tokens);
  sign_in.sign_up_allowed =
      !settings.disable_sign_up && (!settings.disable_implicit_sign_up || flow.request_sign_up.value_or(false));
  sign_in.overrides_user = settings.override_user_info_on_sign_in;
  sign_in.callback_url = flow.callback_url;
  auto signed_in = co_await sign_in_with(call, std::move(sign_in));
  if (!signed_in) {
    co_return refuse_callback(call, flow.error_url, provider_id, to_code(signed_in.error()));
  }
  add_session_cookies(call, signed_in->session, signed_in->user);
  const bool welcomes = signed_in->is_new && flow.new_user_url && !flow.new_user_url->empty();
  co_return redirect(call, welcomes ? *flow.new_user_url : flow.callback_url);
}

Awaitable<Result<Reply>> callback(EndpointCall& call) {
  auto fits = check_callback_query(call);
  if (!fits) co_return std::unexpected(std::move(fits.error()));
  auto flow = co_await take_flow(call);
  if (!flow) co_return refuse_callback(call, flow.error().error_url, "", flow.error().code);
  if (const auto error = query_text(call, "error"); !error.empty())
    co_return refuse_callback(call, flow->error_url, "", error, query_text(call, "error_description"));
  if (query_text(call, "code").empty()) co_return refuse_callback(call, flow->error_url, "", "no_code");
  auto provider = co_await call.services.providers.find(std::string(call.path_parameter));
  if (!provider) co_return refuse_callback(call, flow->error_url, "", "oauth_provider_not_found");
  // Differs from Better Auth, whose states fit every provider (mix-up attacks, RFC 9700 section 4.4).
  if (!is_flow_of(call, *flow, provider->id()))
    co_return refuse_callback(call, flow->error_url, provider->id(), "state_mismatch");
  auto arrival = co_await exchange_code(call, *flow, provider);
  if (!arrival) co_return refuse_callback(call, flow->error_url, provider->id(), arrival.error());
  if (flow->link) {
    auto reply = co_await finish_link(call, std::move(*flow), std::move(*arrival));
    co_return reply;
  }
  auto reply = co_await finish_sign_in(call, std::move(*flow), std::move(*arrival));
  co_return reply;
}

// The provider's form comes from its own page, without our cookies: the browser is sent once more, with them.
Awaitable<Result<Reply>> callback_by_form(EndpointCall& call) {
  auto fits = check_callback_query(call);
  if (!fits) co_return std::unexpected(std::move(fits.error()));
  std::vector<std::pair<std::string, std::string>> params;
  for (const auto name : kCallbackFields) {
    if (const auto value = call.query.find(name)) {
      params.emplace_back(name, *value);
    } else if (const auto posted = call.text(name)) {
      params.emplace_back(name, *posted);
    }
  }
  std::string url = oauth::append_query(callback_url_of(call, call.path_parameter), params);
  if (params.empty()) url += "?";
  co_return redirect(call, url);
}

const BodySchema kCallbackBody{BodySchema::Kind::optional_object,
                               {{"code", FieldType::string, true},
                                {"error", FieldType::string, true},
                                {"device_id", FieldType::string, true},
                                {"error_description", FieldType::string, true},
                                {"state", FieldType::string, true},
                                {"user", FieldType::string, true},
                                {"iss", FieldType::string, true}}};
const BodySchema kNoSchema{};

}  // namespace

Feature social_sign_in() {
  using enum BodyKind;
  using Need = SessionNeed;
  constexpr auto kUnchecked = FormCheck::no;
  return {"social_sign_in",
          {
              {"POST", "/sign-in/social", json, Need::none, kUnchecked, kSignInSocialBody, sign_in_social},
              {"GET", "/callback/:id", none, Need::none, kUnchecked, kNoSchema, callback},
              {"POST", "/callback/:id", form_or_json, Need::none, kUnchecked, kCallbackBody, callback_by_form},
              {"POST", "/link-social", json, Need::authoritative, kUnchecked, kLinkSocialBody, link_social},
          }};
}

}  // namespace gatehouse::features
