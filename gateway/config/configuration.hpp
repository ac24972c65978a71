// The whole configuration as plain validated values. Made once by config/load.hpp from routes.yaml (and gateway.yaml),
// and again at each reload; code below config/ sees no YAML. Defaults are the ones of docs/configuration.md.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mail_address.hpp"
#include "base/secret.hpp"
#include "config/limit_key.hpp"
#include "config/oauth_settings.hpp"

namespace gatehouse::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Where in which file a value was written, for messages; line and column from 1, 0 = not from a file.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

struct SocketAddress {
  std::string host;        // an IP address
  std::uint16_t port = 0;  // 0: any free port (tests)
  bool operator==(const SocketAddress&) const = default;
};

// scheme://host[:port] of a URL without path.
struct Origin {
  std::string scheme;             // http or https
  std::string host;               // lower case; an IPv6 address in its brackets
  std::uint16_t port = 0;         // the scheme's default where none is written
  std::string to_string() const;  // without a default port
  bool operator==(const Origin&) const = default;
};

struct Listen {
  std::optional<SocketAddress> https;
  std::optional<SocketAddress> http;           // answers 308 to base_url, nothing else
  std::optional<SocketAddress> internal;       // /livez /readyz /metrics and the JWKS
  std::optional<SocketAddress> insecure_http;  // serves everything without TLS; tests and the parity kit
  bool proxy_protocol = false;                 // on all of them but `internal`
};

struct TlsCertificate {
  std::string cert;  // PEM files
  std::string key;
  bool operator==(const TlsCertificate&) const = default;
};

enum class Migrate { at_start, refuse };

struct DatabaseSettings {
  Secret url;  // postgres://… or sqlite:FILE; may hold a password
  Migrate migrate = Migrate::at_start;
  seconds purge_every{600};  // 0: never
};

// The trail of security events.
struct AuditSettings {
  bool enabled = true;             // rows in the database
  seconds retention{90 * 86'400};  // 0: for ever
  bool log = true;                 // lines on standard output
};

struct Limits {
  std::uint32_t connections = 10'000;
  std::uint32_t per_address = 200;
  std::size_t head = 32 * 1024;
  seconds handshake{10};
  seconds head_time{10};
  seconds body_idle{30};
  seconds keep_alive{75};  // how long an idle connection is kept between requests
  seconds drain{30};
};

struct Pages {
  bool enabled = true;
  std::string sign_in = "/sign-in";  // where navigations without a session are sent; a URL for a front-end's own page
};

struct MailSettings {
  enum class Tls { starttls, implicit };
  std::string host;  // empty: no mails can be sent
  std::uint32_t port = 587;
  std::optional<Tls> tls;  // absent: as is usual on the port
  std::string user;        // empty: without AUTH
  Secret password;
  Mailbox from;
  std::string ca;         // PEM file; empty: the system's authorities
  std::string templates;  // folder; empty: the built-in ones
  seconds timeout{30};    // of one mail
  std::uint32_t queue = 1000;
  bool insecure_plain = false;        // no TLS at all
  bool insecure_skip_verify = false;  // any certificate will do
  std::string outbox;                 // folder in place of a server; development mode alone

  bool is_configured() const { return !host.empty() || !outbox.empty(); }
  Tls tls_or_default() const { return tls.value_or(port == 465 ? Tls::implicit : Tls::starttls); }
};

enum class TurnstileMode { off, on_risk, always };

// Cloudflare Turnstile: tokens that show that a browser, and likely a person, has asked.
struct TurnstileSettings {
  std::string site_key;                        // public; empty: the hosted pages show no widget
  Secret secret_key;                           // empty: no token can be verified, nothing asks for one
  std::vector<std::string> hostnames;          // where tokens may come from; empty: as outbound/turnstile.hpp says
  std::string action;                          // that tokens must have been made for; empty: any
  TurnstileMode mode = TurnstileMode::always;  // of `endpoints`; of routes: their own
  std::vector<std::string> endpoints{"/sign-up/email", "/sign-in/email", "/request-password-reset"};  // * and ** count
  std::string insecure_siteverify_url;  // in place of Cloudflare's, and wherever it is; empty: Cloudflare's

  bool is_configured() const { return !secret_key.empty(); }
};

struct EmailAndPassword {
  bool enabled = false;
  bool auto_sign_in = true;
  bool require_email_verification = false;
  bool disable_sign_up = false;
  std::uint32_t min_password_length = 8;  // UTF-16 code units
  std::uint32_t max_password_length = 128;
  seconds reset_password_token_expires_in{3'600};
  bool revoke_sessions_on_password_reset = true;
  // Where the link of a mail leads for which no page was named. validate() sets it: the hosted page; empty: there is
  // none.
  std::string reset_page;
};

// A column of the deployment's own in "user" or "session" (Better Auth's additionalFields).
struct AdditionalField {
  enum class Type { string, number, boolean, date, strings, numbers };
  std::string name;  // in requests and answers
  Type type = Type::string;
  bool required = true;  // must be given at sign-up, where there is no default
  bool input = true;     // clients may set it
  bool returned = true;  // is shown in answers
  bool unique = false;
  std::optional<std::string> default_value = {};
  std::string field_name = {};  // the column; empty: as the field is called
  const std::string& column() const { return field_name.empty() ? name : field_name; }
  bool operator==(const AdditionalField&) const = default;
};

struct EmailVerification {
  std::optional<bool> send_on_sign_up;  // absent: where email_and_password.require_email_verification is on
  bool send_on_sign_in = false;
  bool auto_sign_in_after_verification = false;
  seconds expires_in{3'600};
};

struct ChangeEmail {
  bool enabled = false;
  bool send_change_email_confirmation = false;
  bool update_email_without_verification = false;
};

struct DeleteUser {
  bool enabled = false;
  bool send_delete_account_verification = false;
  seconds delete_token_expires_in{86'400};
};

struct UserSettings {
  ChangeEmail change_email;
  DeleteUser delete_user;
  std::vector<AdditionalField> additional_fields;
};

// Better Auth's cookie cache: the session in a cookie of its own, which auth endpoints may believe for a while.
struct CookieCache {
  enum class Strategy { compact, jwt, jwe };
  bool enabled = false;
  seconds max_age{300};
  Strategy strategy = Strategy::compact;
  bool refresh_cache = false;  // without an effect: sessions are always in a store
  std::string version = "1";
};

// What a session's token is bound to.
struct SessionBinding {
  bool user_agent = false;
  bool address_prefix = false;
  bool any() const { return user_agent || address_prefix; }
};

struct SessionSettings {
  seconds expires_in{604'800};
  seconds update_age{86'400};
  seconds fresh_age{86'400};  // 0: every session counts as fresh
  bool disable_session_refresh = false;
  bool defer_session_refresh = false;         // only POST /get-session renews
  bool store_in_database = true;              // false: Redis alone has the sessions
  bool preserve_session_in_database = false;  // the rows of ended sessions stay
  milliseconds staleness_max{1'000};
  milliseconds serve_cached_on_outage{0};
  std::vector<AdditionalField> additional_fields;
  CookieCache cookie_cache;
  SessionBinding bind;
};

// Short-lived proofs: links in mails, states of OAuth flows.
struct VerificationSettings {
  enum class Identifier { plain, hashed };
  Identifier store_identifier = Identifier::plain;
  bool store_in_database = true;  // false: Redis alone has them
  bool disable_cleanup = false;   // expired rows stay
};

// Present: Better Auth's rule for the client's address. Absent: the edge's own client address.
struct IpAddressRule {
  std::vector<std::string> headers{"x-forwarded-for"};
  std::vector<Cidr> trusted_proxies;
  unsigned ipv6_subnet = 64;
  bool disable_ip_tracking = false;
};

// At most `max` requests of one address in a `window` that slides with each of them.
struct AuthRateRule {
  seconds window{10};
  std::uint32_t max = 100;
  bool operator==(const AuthRateRule&) const = default;
};

struct AuthRateLimit {
  enum class Storage { memory, database, secondary_storage };
  struct CustomRule {
    std::string path;                  // below the auth base path; `*` and `?` stand for characters of one segment
    std::optional<AuthRateRule> rule;  // absent: not limited
    bool operator==(const CustomRule&) const = default;
  };
  std::optional<bool> enabled;  // validate() sets it where it is not written: on, unless in development mode
  seconds window{10};
  std::uint32_t max = 100;
  std::optional<Storage> storage;        // validate() sets it where it is not written: Redis if there is one
  std::vector<CustomRule> custom_rules;  // in the order in which they are written: the first that matches counts
};

// What attempts at a secret may do after those that were wrong.
struct AbuseLadder {
  bool enabled = true;
  std::uint32_t free_attempts = 5;
  std::uint32_t challenge_after = 7;  // for Turnstile's on_risk, also where the ladder is off
  std::uint32_t lock_after = 10;
  seconds wait{1};
  seconds lock{900};
  seconds lock_max{86'400};
  seconds forgive_every{1'800};
  std::uint32_t network_factor = 10;
};

inline constexpr const char* kBreachedPasswordUrl = "https://api.pwnedpasswords.com/range";

// New passwords are looked for among those that are known from breaches.
struct BreachedPasswordSettings {
  bool enabled = false;
  std::string url = kBreachedPasswordUrl;
  std::string insecure_url;  // in place of `url`, and without TLS if it says http; empty: `url`
};

// The pool that hashes passwords: 32 MiB for each thread.
struct PasswordHashing {
  std::uint32_t threads = 0;  // 0: one less than there are cores, at least 1
  std::uint32_t queue = 64;
  milliseconds queue_time{800};
};

struct SecretVersion {
  std::uint32_t version = 0;
  Secret value;
  bool operator==(const SecretVersion&) const = default;
};

// Each version once; the first is the current one.
struct SecretVersions {
  std::vector<SecretVersion> list;
  bool operator==(const SecretVersions&) const = default;
};

struct CrossSubDomainCookies {
  bool enabled = false;
  std::string domain;  // empty: base_url's host
};

struct AuthSettings {
  std::string base_path = "/api/auth";
  std::string app_name = "Gatehouse";
  EmailAndPassword email_and_password;
  EmailVerification email_verification;
  UserSettings user;
  SessionSettings session;
  VerificationSettings verification;
  AccountSettings account;
  std::vector<ProviderSettings> social_providers;
  std::vector<ProviderSettings> generic_oauth;
  std::optional<IpAddressRule> ip_address;
  AuthRateLimit rate_limit;
  AbuseLadder abuse_ladder;
  PasswordHashing password_hashing;
  BreachedPasswordSettings breached_passwords;
  std::vector<std::string> disabled_paths;  // below the base path
  std::string error_url;                    // empty: the front-end's start page
  bool cors_enabled = true;
  std::string cookie_prefix = "better-auth";
  std::optional<bool> use_secure_cookies;  // absent: as base_url's scheme says
  CrossSubDomainCookies cross_sub_domain_cookies;
};

struct Gateway {
  Listen listen;
  std::vector<TlsCertificate> tls;
  Origin base_url;
  std::vector<std::string> hosts;            // further served host names, lower case
  std::vector<std::string> trusted_origins;  // as written: origins, or patterns with * and ?
  std::vector<Cidr> trusted_proxies;
  DatabaseSettings database;
  Secret redis;            // empty: none
  Secret secret;           // empty only beside `secrets`, or before development mode has filled it in
  SecretVersions secrets;  // where there are any, the first one takes the place of `secret`
  Limits limits;
  Pages pages;
  MailSettings mail;
  AuditSettings audit;
  TurnstileSettings turnstile;
  AuthSettings auth;
  std::uint32_t threads = 0;         // 0: one for each core
  bool insecure_shared_key = false;  // several upstreams may have the same key
};

struct Timeout {
  milliseconds connect{2'000};
  milliseconds response{30'000};  // from the request's last byte to the head of the answer
  milliseconds idle{60'000};      // between bytes
};

// What decides while the store that counts for all gateways does not answer: what this gateway has counted itself,
// nobody gets through, everybody does.
enum class LimitStoreError { local, deny, allow };

// `by` lists separate limits that must all pass.
struct RateLimit {
  std::uint32_t limit = 600;
  seconds window{60};
  std::vector<LimitKey> by{LimitPart::session, LimitPart::ip};
  LimitStoreError on_store_error = LimitStoreError::local;
};

struct Assertion {
  enum class Algorithm { ed25519, hs256 };
  std::string audience;  // default: the upstream's name
  seconds ttl{300};
  Algorithm algorithm = Algorithm::ed25519;
  bool enabled = true;
};

struct Server {
  std::string host;
  std::uint16_t port = 80;
  bool tls = false;
  bool operator==(const Server&) const = default;
};

// For those servers that are written with https.
struct UpstreamTls {
  std::string ca;    // PEM file; empty: the system's authorities
  std::string cert;  // PEM files; empty: the gateway shows none
  std::string key;
  std::string server_name;  // what their certificates are for; empty: the host as it is written
  bool operator==(const UpstreamTls&) const = default;
};

enum class Balance { round_robin, least_requests, session_hash };

// A GET of each server, so often: 2xx and 3xx are good.
struct HealthCheck {
  std::string path;
  seconds interval{5};
  milliseconds timeout{2'000};  // of the whole check
  bool operator==(const HealthCheck&) const = default;
};

inline constexpr std::size_t kServersMax = 64;  // of one upstream

struct Upstream {
  std::string name;
  std::vector<Server> servers;
  UpstreamTls tls;
  Balance balance = Balance::round_robin;
  std::optional<HealthCheck> health;
  std::uint32_t requests_max = 0;      // at each server at the same time; 0: no limit
  Secret key;                          // sent as Authorization: Bearer …
  std::optional<Secret> previous_key;  // told to nobody; for documentation of a rotation and for checks of upstreams
  Assertion assertion;
  Place place;

  bool uses_tls() const {
    return std::any_of(servers.begin(), servers.end(), [](const Server& server) { return server.tls; });
  }
};

enum class AuthMode { required, optional, open };  // `open` is written `public`

// All that are set must hold.
struct Require {
  std::vector<std::string> role;  // one of them
  std::optional<seconds> fresh;   // the session was created at most so long ago
  bool empty() const { return role.empty() && !fresh; }
  bool operator==(const Require&) const = default;
};

struct Route {
  std::string path;                  // pattern: literal segments, `*` (one segment), a last `**` (any rest)
  std::string host;                  // lower case; empty: every served host
  std::vector<std::string> methods;  // empty: every method
  std::string upstream;              // name
  std::size_t upstream_index = 0;    // in Configuration::upstreams
  std::string strip_prefix;          // canonical prefix that is cut from the forwarded path; empty: none
  AuthMode auth = AuthMode::required;
  Require require;
  Timeout timeout;
  std::uint64_t body_limit = 10 * 1024 * 1024;
  std::optional<RateLimit> rate_limit;
  bool csrf = true;
  bool cors = true;
  TurnstileMode turnstile = TurnstileMode::off;
  bool forward_session_cookie = false;
  std::string forward_authorization_as;  // header name that carries the client's Authorization; empty: it is dropped
  bool insecure_public_root = false;     // a public route may start with a wildcard
  Place place;
  std::size_t index = 0;  // in routes:

  // Whether the same callers get through: what a request that could be read as one for the other is judged by.
  bool has_rule_of(const Route& other) const {
    return auth == other.auth && require == other.require && csrf == other.csrf && turnstile == other.turnstile;
  }
};

// A row of tests: what `request` must come to when made by `as`.
struct TestRow {
  std::string method;
  std::string path;  // may carry a query
  std::string host;  // empty: base_url's
  bool anonymous = true;
  std::map<std::string, std::string> as;  // for example role → staff
  std::optional<int> expect_status;       // 401, 403, 404, 421 …
  std::string expect_upstream;            // or the name of the upstream that is reached
  Place place;
};

struct Configuration {
  Gateway gateway;
  std::vector<Upstream> upstreams;
  std::vector<Route> routes;
  std::vector<TestRow> tests;
  Route defaults;  // what `defaults` says; limits and times of the reserved routes (auth, JWKS, pages) are its own
  std::vector<std::string> unsafe;  // a text for each insecure_ switch that is on; logged at start
  std::vector<std::string> notes;   // what was given and has no effect; logged at start
};

}  // namespace gatehouse::config
