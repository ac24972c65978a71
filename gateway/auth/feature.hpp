// What a feature is: one value that says which endpoints it adds below the auth base path. A feature is a folder of
// gateway/features/; switching it off leaves its value out of the list that app/ hands to the dispatcher.
#pragma once
#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/attempts.hpp"
#include "auth/auth_request.hpp"
#include "auth/identity.hpp"
#include "auth/services.hpp"
#include "auth/url_query.hpp"
#include "auth/validation.hpp"
#include "base/awaitable.hpp"
#include "base/result.hpp"

namespace gatehouse::auth {

// What an endpoint needs before its handler runs; without it 401, or 403 where the session is not fresh.
// `authoritative` is read from the store; `session` and `fresh` may come from the cookie cache, where that is on.
enum class SessionNeed { none, session, authoritative, fresh };

// Which bodies an endpoint reads; others are answered with 415.
enum class BodyKind { none, json, form_or_json };

// On which endpoints a form of a foreign site could sign a visitor in or up: their Origin and fetch metadata are
// checked although the request carries no cookie.
enum class FormCheck { no, yes };

// One call of an endpoint. Lives until the handler's coroutine has ended.
struct EndpointCall {
  const AuthRequest& request;
  const Services& services;
  UrlQuery query;
  std::string_view path_parameter;         // what stands in the place of the path's ":name", as it was sent
  std::string cookies;                     // the Cookie header, whole
  std::optional<boost::json::value> body;  // fits the endpoint's schema
  IdentityPtr identity;                    // set where the endpoint needs a session
  Headers headers;                         // of the answer; sent also when the handler fails
  std::string_view reason = {};            // of the answer, static
  std::optional<Attempt> attempt = {};     // at a secret (secret_attempt.hpp)

  void add_header(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
  // Takes the place of an earlier one of the same name; one that expires a cookie, also of its numbered pieces.
  void add_cookie(std::string value);
  void add_cookies(std::vector<std::string> values);
  // A URL that was judged; what a header cannot carry is percent-encoded.
  void add_location(std::string_view url);

  // Fields of the body; absent if the body has none or it is null.
  std::optional<std::string_view> text(std::string_view field) const;
  std::optional<bool> boolean(std::string_view field) const;

  // An entry of the audit trail, of this request. To be called once what it tells has happened.
  void note(AuditNote what) const;
};

// What happened to this request where there is no call yet.
AuditEntry make_audit_entry(AuditNote note, WallTime time, const AuthRequest& request);

// What a handler answers. Errors are values (ApiError); what the world did wrong is thrown (Failure).
struct Reply {
  int status = 200;
  std::string content_type = "application/json";  // empty: none is sent
  std::string body;
};
Reply reply_json(const boost::json::value& value);

// A coroutine; the call outlives it.
using Handler = std::function<Awaitable<Result<Reply>>(EndpointCall&)>;

struct Endpoint {
  std::string_view method;
  std::string_view path;  // the last segment may be a ":name", which any one segment fits that is not empty
  BodyKind body_kind = BodyKind::none;
  SessionNeed session = SessionNeed::none;
  FormCheck form_check = FormCheck::no;
  BodySchema body_schema;
  Handler handler;
  bool climbs = false;  // the handler asks the abuse ladder, by begin_attempt()
};

struct Feature {
  std::string_view name;
  std::vector<Endpoint> endpoints;
};

}  // namespace gatehouse::auth
