#include "auth/origin_check.hpp"

#include <array>
#include <boost/json/value.hpp>

#include "auth/error_codes.hpp"
#include "auth/script_json.hpp"
#include "base/ascii.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

std::string_view header_or_empty(const AuthRequest& request, std::string_view name) {
  return request.header(name).value_or(std::string_view());
}

Result<void> check_sender(const EndpointCall& call) {
  const AuthRequest& request = call.request;
  const auto origin = header_or_empty(request, "origin");
  std::string sender(origin.empty() ? header_or_empty(request, "referer") : origin);
  // A page without an origin of its own (sandboxed, or a privacy setting) whose browser vouches that the request stays
  // on this site.
  if (origin == "null" && header_or_empty(request, "sec-fetch-site") == "same-origin") {
    sender = call.services.base_url.scheme + "://" + std::string(header_or_empty(request, "host"));
  }
  if (sender.empty() || sender == "null") return fail(403, error::kMissingOrNullOrigin);
  if (!call.services.origins.trusts_origin(sender)) return fail(403, error::kInvalidOrigin);
  return {};
}

struct RedirectField {
  std::string_view name;
  std::string_view label;
  const ErrorCode& refusal;
};

Result<void> check_redirect(const EndpointCall& call, const RedirectField& field) {
  const bool has_object = call.body && call.body->is_object();
  const json::value* value = has_object ? call.body->get_object().if_contains(field.name) : nullptr;
  std::optional<std::string_view> url;
  bool is_text = true;
  if (value != nullptr && is_truthy(*value)) {
    is_text = value->is_string();
    if (is_text) url = value->get_string();
  } else if (field.name == "callbackURL" && call.query.is_truthy(field.name)) {
    is_text = !call.query.is_repeated(field.name);
    url = call.query.find(field.name);
  }
  if (!is_text) return gatehouse::fail(400, "", "Invalid " + std::string(field.label) + ": expected a string");
  if (url && !call.services.origins.trusts_redirect(*url)) return fail(403, field.refusal);
  return {};
}

bool is_blank(std::string_view text) {
  return trim(text).empty();
}

}  // namespace

Result<void> check_origin(const EndpointCall& call) {
  const auto& method = call.request.method;
  if (method == "GET" || method == "HEAD" || method == "OPTIONS") return {};
  if (call.request.header("cookie")) {
    auto sender = check_sender(call);
    if (!sender) return sender;
  }
  static constexpr std::array<RedirectField, 4> kFields{{
      {"callbackURL", "callbackURL", error::kInvalidCallbackUrl},
      {"redirectTo", "redirectURL", error::kInvalidRedirectUrl},
      {"errorCallbackURL", "errorCallbackURL", error::kInvalidErrorCallbackUrl},
      {"newUserCallbackURL", "newUserCallbackURL", error::kInvalidNewUserCallbackUrl},
  }};
  for (const auto& field : kFields) {
    auto redirect = check_redirect(call, field);
    if (!redirect) return redirect;
  }
  return {};
}

Result<void> check_form(const EndpointCall& call) {
  const AuthRequest& request = call.request;
  if (request.header("cookie")) return {};  // check_origin has looked
  const auto site = header_or_empty(request, "sec-fetch-site");
  const auto mode = header_or_empty(request, "sec-fetch-mode");
  const auto destination = header_or_empty(request, "sec-fetch-dest");
  if (!is_blank(site) || !is_blank(mode) || !is_blank(destination)) {
    if (site == "cross-site" && mode == "navigate") return fail(403, error::kCrossSiteNavigation);
    return check_sender(call);
  }
  if (!header_or_empty(request, "origin").empty() || !header_or_empty(request, "referer").empty())
    return check_sender(call);
  // Neither: no browser, so nobody's cookies can be planted.
  return {};
}

}  // namespace gatehouse::auth
