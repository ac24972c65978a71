// The keys of upstreams, routes, their defaults and tests.
#include <fmt/format.h>

#include "base/ascii.hpp"
#include "config/keys.hpp"
#include "config/origin.hpp"

namespace gatehouse::config {

namespace {

struct AuthWords {
  using Type = AuthMode;
  static constexpr std::array kWords{Word<AuthMode>{"required", AuthMode::required},
                                     Word<AuthMode>{"optional", AuthMode::optional},
                                     Word<AuthMode>{"public", AuthMode::open}};
};
struct AlgorithmWords {
  using Type = Assertion::Algorithm;
  static constexpr std::array kWords{Word<Type>{"EdDSA", Type::ed25519}, Word<Type>{"HS256", Type::hs256}};
};
struct BalanceWords {
  using Type = Balance;
  static constexpr std::array kWords{Word<Type>{"round_robin", Type::round_robin},
                                     Word<Type>{"least_requests", Type::least_requests},
                                     Word<Type>{"hash(session)", Type::session_hash}};
};
struct StoreErrorWords {
  using Type = LimitStoreError;
  static constexpr std::array kWords{Word<Type>{"local", Type::local}, Word<Type>{"deny", Type::deny},
                                     Word<Type>{"allow", Type::allow}};
};
struct LimitWords {
  using Type = LimitPart;
  static constexpr std::array kWords{Word<Type>{"ip", LimitPart::ip}, Word<Type>{"session", LimitPart::session},
                                     Word<Type>{"user", LimitPart::user}, Word<Type>{"route", LimitPart::route}};
};

const Table& timeout_keys() {
  static const Table table{{
      key("connect", &Timeout::connect, "For the connection to the upstream, at all its servers together",
          {.minimum = 1}),
      key("response", &Timeout::response,
          "From the request's last byte to the head of the answer, also where it is sent again", {.minimum = 1}),
      key("idle", &Timeout::idle, "Between two bytes of an answer or a tunnel; never a total", {.minimum = 1}),
  }};
  return table;
}

// A word, or a list of words that make one key together.
LimitKey read_limit_key(Reader& reader, const Node& node) {
  LimitKey key;
  for_each_item(reader, node, [&](const Node& item) {
    const auto part = read_value<WordValue<LimitWords>>(reader, item);
    if (!part) return;
    if (key.has(*part)) reader.add(Code::value, item, fmt::format("'{}' is there twice", item.text));
    key.add(*part);
  });
  return key;
}

void read_limit_keys(Reader& reader, const Node& node, void* object) {
  auto& by = static_cast<RateLimit*>(object)->by;
  by.clear();
  for_each_item(reader, node, [&](const Node& item) {
    const LimitKey key = read_limit_key(reader, item);
    if (item.kind == Node::Kind::list && item.items.empty()) {
      reader.add(Code::missing, item, "needs at least one of ip, session, user, route");
    } else if (std::find(by.begin(), by.end(), key) != by.end()) {
      reader.add(Code::value, item, fmt::format("'{}' is there twice", to_string(key)));
    } else if (key != LimitKey()) {
      by.push_back(key);
    }
  });
  if (node.kind == Node::Kind::null || (node.kind == Node::Kind::list && node.items.empty()))
    reader.add(Code::missing, node, "needs at least one of ip, session, user, route");
}

const Table& rate_limit_keys() {
  static const Table table = [] {
    Key by{.name = "by",
           .doc =
               "What is counted: each listed thing has a limit of its own, all must pass; a list in the list is one "
               "thing, as `[[user, ip]]`. Without a user or session the address counts. IPv6 addresses count by /64",
           .form = Key::Form::list,
           .type = WordValue<LimitWords>::type()};
    by.type.json = R"({"anyOf":[{"enum":["ip","session","user","route"]},)"
                   R"({"type":"array","minItems":1,"items":{"enum":["ip","session","user","route"]}},)"
                   R"({"$ref":"#/$defs/reference"}]})";
    by.options.fallback = "[session, ip]";
    by.read = read_limit_keys;
    return Table{{
        key("limit", &RateLimit::limit, "Requests in a window", {.minimum = 1}),
        key("window", &RateLimit::window, "The window", {.minimum = 1, .maximum = 86'400}),
        by,
        key<WordValue<StoreErrorWords>>(
            "on_store_error", &RateLimit::on_store_error,
            "With `gateway.redis`, while that does not answer: `local` limits by what this gateway has counted itself, "
            "`deny` answers 503, `allow` lets through (not to the auth endpoints, which are limited as with `local`)"),
    }};
  }();
  return table;
}

const Table& require_keys() {
  static const Table table{{
      key("role", &Require::role, "One of these roles of the user", {.example = "[staff, admin]"}),
      key("fresh", &Require::fresh, "The session was made at most so long ago", {.example = "15m", .minimum = 1}),
      later_list<TextValue>("org_role", "One of these roles in the active organization"),
      later_list<TextValue>("permission", "One of these permissions in the active organization"),
      later_list<TextValue>("scope", "One of these scopes of the token"),
      later<BooleanValue>("two_factor", "The session was made with a second factor", "false"),
  }};
  return table;
}

const Table& assertion_keys() {
  static const Table table{{
      key("enabled", &Assertion::enabled, "Send `X-Gatehouse-Assertion`"),
      key("audience", &Assertion::audience, "The claim `aud`; where it is not written, the upstream's name",
          {.example = "orders"}),
      key("ttl", &Assertion::ttl, "How long an assertion is valid", {.minimum = 61, .maximum = 86'400}),
      key<WordValue<AlgorithmWords>>(
          "algorithm", &Assertion::algorithm,
          "`EdDSA`: verified with the published key set; `HS256`: with the upstream's own key"),
  }};
  return table;
}

const Table& health_keys() {
  static const Table table{{
      key<PathValue>("path", &HealthCheck::path, "What is asked for, with the upstream's key; 2xx and 3xx are good",
                     {.example = "/healthz", .required = true}),
      key("interval", &HealthCheck::interval, "How often each server is asked", {.minimum = 1, .maximum = 3'600}),
      key("timeout", &HealthCheck::timeout, "How long a check may take, the connection included",
          {.minimum = 1, .maximum = 60'000}),
  }};
  return table;
}

// "10m" or a mapping of what the caller is.
void read_as(Reader& reader, const Node& node, void* object) {
  auto& row = *static_cast<TestRow*>(object);
  if (node.kind != Node::Kind::map) {
    const auto text = reader.scalar(node, false);
    if (!text) return;
    row.anonymous = *text == "anonymous";
    if (!row.anonymous && *text != "user")
      reader.add(Code::value, node,
                 reader.quoted(node, false) + " is neither anonymous, user nor a mapping as {role: staff}");
    return;
  }
  row.anonymous = false;
  static constexpr std::array<std::string_view, 6> kAttributes{"role",       "session_age", "org_role",
                                                               "permission", "scope",       "two_factor"};
  for (const Entry& entry : node.entries) {
    const Reader::Step step(reader, entry.key, entry.line, entry.column);
    const auto at = std::find(kAttributes.begin(), kAttributes.end(), entry.key);
    if (at == kAttributes.end()) {
      reader.add_at(Code::unknown_key, entry.line, entry.column, reader.path(),
                    "unknown key" + suggestion(entry.key, kAttributes));
    } else if (at >= kAttributes.begin() + 2) {
      reader.add(Code::not_available, entry.value, "is not available yet");
    } else if (entry.key == "session_age") {
      if (read_value<SecondsValue>(reader, entry.value)) row.as[entry.key] = entry.value.text;
    } else {
      std::string roles;
      for_each_item(reader, entry.value, [&](const Node& item) {
        if (const auto role = reader.scalar(item, false)) roles += (roles.empty() ? "" : ",") + *role;
      });
      row.as[entry.key] = roles;
    }
  }
}

void read_request(Reader& reader, const Node& node, void* object) {
  auto& row = *static_cast<TestRow*>(object);
  const auto text = reader.scalar(node, false);
  if (!text) return;
  const auto blank = text->find(' ');
  const std::string_view target =
      blank == std::string::npos ? std::string_view{} : trim(std::string_view(*text).substr(blank + 1));
  if (!target.starts_with('/') || target.find(' ') != std::string_view::npos ||
      !MethodValue::parse(text->substr(0, blank)))
    reader.add(Code::value, node, reader.quoted(node, false) + " is not a method and a path, as \"GET /api/orders/7\"");
  row.method = text->substr(0, blank);
  row.path = std::string(target);
}

void read_expect(Reader& reader, const Node& node, void* object) {
  auto& row = *static_cast<TestRow*>(object);
  const auto text = reader.scalar(node, false);
  if (!text) return;
  if (text->find_first_not_of("0123456789") != std::string::npos) {
    row.expect_upstream = *text;
    return;
  }
  const auto status = CountValue::parse(*text);
  if (!status || *status < 400 || *status > 499)
    reader.add(Code::range, node,
               reader.quoted(node, false) + " is not a status of a refusal: 401, 403, 404, 405 or 421");
  else
    row.expect_status = static_cast<int>(*status);
}

const Table& upstream_tls_keys() {
  using S = UpstreamTls;
  static const Table table{{
      key("ca", &S::ca, "PEM file of the authorities that are believed; where it is not written, the system's",
          {.example = "certs/internal_ca.pem"}),
      key("cert", &S::cert, "PEM file of the certificate that the gateway shows, with its chain",
          {.example = "certs/gateway.pem"}),
      key("key", &S::key, "PEM file of its key", {.example = "certs/gateway.key"}),
      key<HostValue>("server_name", &S::server_name,
                     "Name that the servers' certificates are for, and that they are told (SNI); where it is not "
                     "written, the host of each",
                     {.example = "orders.internal"}),
  }};
  return table;
}

}  // namespace

const Table& upstream_keys() {
  using S = Upstream;
  static const Table table{{
      key("servers", &S::servers, "Servers of the upstream, at most 64; `https` verifies their certificates",
          {.example = "[https://orders-1:8443]", .required = true}),
      key("key", &S::key,
          "Sent as `Authorization: Bearer …`, so that the upstream knows the gateway. Where there is one upstream, "
          "`INTERNAL_API_KEY` is the default",
          {.example = "${env:INTERNAL_API_KEY}"}),
      key("previous_key", &S::previous_key, "The key before, while it is being replaced",
          {.example = "${env:OLD_API_KEY?}"}),
      section("assertion", &S::assertion, assertion_keys, "The signed statement of who the user is"),
      section("health", &S::health, health_keys,
              "Active checks of the servers. Three failed ones in a row take a server out, two good ones bring it "
              "back; before the first good one, one is enough"),
      key<WordValue<BalanceWords>>(
          "balance", &S::balance,
          "How a server is chosen: in turn; the one with the fewest requests; or always the same one for a session, "
          "and for an address where there is none"),
      key("requests_max", &S::requests_max,
          "Most requests at each server at the same time, tunnels included; when all have so many, the answer is 503. "
          "0: no limit of its own"),
      section("tls", &S::tls, upstream_tls_keys,
              "TLS to servers that are written with `https`. The files are read again when they change"),
  }};
  return table;
}

const Table& default_keys() {
  using S = Route;
  static const Table table{{
      section("timeout", &S::timeout, timeout_keys, "Deadlines of the upstream"),
      key("body_limit", &S::body_limit, "Longest request body; a longer one is answered with 413"),
      section("rate_limit", &S::rate_limit, rate_limit_keys,
              "How often the route may be called; `off` removes the limit", {.may_be_off = true}),
      key<WordValue<AuthWords>>(
          "auth", &S::auth,
          "Who gets in: `required` asks for a session, `optional` adds the user where there is one, `public` "
          "looks at no session. `public` is written on the route itself, never in `defaults`"),
      key("cors", &S::cors,
          "Answer preflights of trusted origins, add CORS header fields for them, and take the upstream's own out; "
          "`false` leaves CORS to the upstream"),
      key<WordValue<TurnstileWords>>(
          "turnstile", &S::turnstile,
          "Ask for a Turnstile token in `cf-turnstile-response` or `x-captcha-response`: `always`, or `on_risk`, after "
          "failed sign-ins of the address or the account. Needs `gateway.turnstile`"),
  }};
  return table;
}

const Table& route_keys() {
  using S = Route;
  static const Table table = [] {
    Table keys{{
        key<PatternValue>("path", &S::path, "Literal segments, `*` for one segment, a last `**` for any rest",
                          {.example = "/api/orders/**", .required = true}),
        key<HostValue>("host", &S::host, "Only requests for this host", {.example = "admin.example.com"}),
        key<MethodValue>("methods", &S::methods, "Only these methods; GET stands for HEAD, too",
                         {.example = "[GET, POST]"}),
        key<NameValue>("upstream", &S::upstream, "Name of the upstream that answers",
                       {.example = "orders", .required = true}),
        key<PathValue>("strip_prefix", &S::strip_prefix, "Cut from the path before it is forwarded",
                       {.example = "/api"}),
        section("require", &S::require, require_keys, "What the user must be: all of these keys, one of each list"),
        key("csrf", &S::csrf, "Unsafe methods with a session cookie need a trusted `Origin`"),
        key("forward_session_cookie", &S::forward_session_cookie, "The upstream sees the session cookie, too"),
        key<HeaderNameValue>("forward_authorization_as", &S::forward_authorization_as,
                             "Header field that carries the client's own `Authorization` to the upstream",
                             {.example = "X-Client-Authorization"}),
        key("insecure_public_root", &S::insecure_public_root,
            "A public route may start with a wildcard, and so make everything public that nothing else names"),
    }};
    for (const Key& shared : default_keys().keys) keys.keys.push_back(shared);
    return keys;
  }();
  return table;
}

const Table& test_keys() {
  static const Table table = [] {
    Key request{.name = "request", .doc = "Method and path", .type = TextValue::type()};
    request.options = {.example = "\"GET /api/orders/7\"", .required = true};
    request.read = read_request;
    Key as{.name = "as", .doc = "`anonymous`, `user` (signed in, no role), or a mapping with `role` and `session_age`"};
    as.type = {
        "word or mapping", "", "", {}, false, R"({"anyOf": [{"enum": ["anonymous", "user"]}, {"type": "object"}]})"};
    as.options.fallback = "anonymous";
    as.read = read_as;
    Key expect{.name = "expect",
               .doc =
                   "The status of a refusal, the name of the upstream, or what the gateway answers itself: `auth`, "
                   "`jwks`, `pages`"};
    expect.type = {"status or upstream", "", "", {}, false, R"({"type": ["integer", "string"]})"};
    expect.options = {.example = "401", .required = true};
    expect.read = read_expect;
    return Table{
        {request, as, expect, key<HostValue>("host", &TestRow::host, "Host of the request; `base_url`'s by default")}};
  }();
  return table;
}

}  // namespace gatehouse::config
