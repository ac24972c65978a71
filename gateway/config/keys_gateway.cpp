// The keys below `gateway`, except `auth`.
#include "config/keys.hpp"

namespace gatehouse::config {

namespace {

struct MigrateWords {
  using Type = Migrate;
  static constexpr std::array kWords{Word<Migrate>{"at_start", Migrate::at_start},
                                     Word<Migrate>{"refuse", Migrate::refuse}};
};

const Table& listen_keys() {
  static const Table table{{
      key("https", &Listen::https, "Where the world connects, with TLS", {.example = "0.0.0.0:8443"}),
      key("http", &Listen::http, "Answers every request with 308 to the same path of `base_url`, nothing else",
          {.example = "0.0.0.0:8080"}),
      key("internal", &Listen::internal,
          "`/livez`, `/readyz`, `/metrics` and the key set of assertions. For an address that the internet does not "
          "reach",
          {.example = "10.1.0.2:9090"}),
      key("insecure_http", &Listen::insecure_http,
          "Serves everything without TLS. For tests behind nothing else: cookies and passwords travel in the open",
          {.example = "127.0.0.1:8081"}),
      key("proxy_protocol", &Listen::proxy_protocol,
          "Every connection but those to `internal` begins with a header of the PROXY protocol, version 1 or 2, which "
          "says who the client is. Only `trusted_proxies` may connect"),
  }};
  return table;
}

const Table& tls_keys() {
  static const Table table{{
      key("cert", &TlsCertificate::cert, "PEM file with the certificate and its chain",
          {.example = "certs/cert.pem", .required = true}),
      key("key", &TlsCertificate::key, "PEM file with the private key", {.example = "certs/key.pem", .required = true}),
  }};
  return table;
}

const Table& database_keys() {
  static const Table table{{
      key("url", &DatabaseSettings::url,
          "`postgres://user:password@host:port/name` or `sqlite:FILE`. Also made from `DB_HOST`, `DB_PORT`, `DB_NAME`, "
          "`DB_USER` and `DB_PASSWORD`",
          {.example = "${env:DATABASE_URL}", .environment = "DATABASE_URL", .fallback = "sqlite:data/gatehouse.db"}),
      key<WordValue<MigrateWords>>("migrate", &DatabaseSettings::migrate,
                                   "`at_start` brings the schema up to date; `refuse` starts on a current schema only "
                                   "(`gatehouse migrate` makes it so)"),
      key("purge_every", &DatabaseSettings::purge_every,
          "How often expired sessions and verifications are deleted, in small batches, by one gateway at a time; 0 is "
          "never",
          {.maximum = 7 * 24 * 3600}),
  }};
  return table;
}

const Table& limit_keys() {
  static const Table table{{
      key("connections", &Limits::connections, "Open connections of clients, all together", {.minimum = 1}),
      key("per_address", &Limits::per_address, "Open connections of one client address (IPv6: of one /64)",
          {.minimum = 1}),
      key<SizeValue>("head", &Limits::head, "A request's line and header fields together",
                     {.minimum = 4096, .maximum = 1024 * 1024}),
      key("handshake", &Limits::handshake, "Time for the TLS handshake", {.minimum = 1, .maximum = 300}),
      key("head_time", &Limits::head_time, "Time from a request's first byte to the end of its head",
          {.minimum = 1, .maximum = 300}),
      key("body_idle", &Limits::body_idle, "Longest silence inside a request's body, or of a client that does not read",
          {.minimum = 1, .maximum = 3600}),
      key("keep_alive", &Limits::keep_alive, "How long an idle connection is kept for the next request",
          {.minimum = 1, .maximum = 3600}),
      key("drain", &Limits::drain, "Time for running requests after SIGTERM", {.maximum = 3600}),
  }};
  return table;
}

const Table& page_keys() {
  static const Table table{{
      key("enabled", &Pages::enabled, "Hosted sign-in pages, where no declared route names their path"),
      key<PathOrUrlValue>("sign_in", &Pages::sign_in,
                          "Where navigations without a session are sent; a URL for a front-end's own page"),
  }};
  return table;
}

struct MailTlsWords {
  using Type = MailSettings::Tls;
  static constexpr std::array kWords{Word<Type>{"starttls", Type::starttls}, Word<Type>{"implicit", Type::implicit}};
};

const Table& mail_keys() {
  using S = MailSettings;
  static const Table table{{
      key<HostValue>("host", &S::host, "Mail server. Without one no mails are sent, and what needs them is off",
                     {.example = "smtp.example.com", .environment = "SMTP_HOST"}),
      key("port", &S::port, "Its port", {.environment = "SMTP_PORT", .minimum = 1, .maximum = 65'535}),
      key<WordValue<MailTlsWords>>("tls", &S::tls,
                                   "`starttls` (RFC 3207) or `implicit` (RFC 8314); where it is not written, implicit "
                                   "on port 465 and STARTTLS on "
                                   "others. A server that offers no TLS gets no mail"),
      key("user", &S::user, "User at the mail server; without one there is no sign-in",
          {.example = "gateway", .environment = "SMTP_USER"}),
      key("password", &S::password, "Password at the mail server",
          {.example = "${env:SMTP_PASSWORD}", .environment = "SMTP_PASSWORD"}),
      key("from", &S::from, "Sender of all mails",
          {.example = "Example <no-reply@example.com>", .environment = "SMTP_FROM"}),
      key("ca", &S::ca, "PEM file with the authorities that may vouch for the server, in place of the system's",
          {.example = "/run/secrets/mail_ca.pem"}),
      key("templates", &S::templates, "Folder with texts that replace the built-in ones (docs/mail.md)",
          {.example = "/etc/gatehouse/mail"}),
      key("timeout", &S::timeout, "Time for handing one mail over", {.minimum = 1, .maximum = 300}),
      key("queue", &S::queue, "Mails that may wait; what comes when it is full is dropped and counted",
          {.minimum = 1, .maximum = 1'000'000}),
      key("insecure_plain", &S::insecure_plain,
          "No TLS: mails, and the links in them, and the password travel in the open. For a relay on the same machine"),
      key("insecure_skip_verify", &S::insecure_skip_verify,
          "Any certificate will do: anybody on the way may pose as the server"),
  }};
  return table;
}

const Table& audit_keys() {
  static const Table table{{
      key("enabled", &AuditSettings::enabled,
          "Security events are kept in the database, in the table `gatehouse_audit` (docs/features/audit.md)"),
      key("retention", &AuditSettings::retention, "How long they are kept there; 0 is for ever",
          {.maximum = 10 * 366 * 24 * 3600}),
      key("log", &AuditSettings::log, "Each is a line on standard output as well, beside those of the access log"),
  }};
  return table;
}

const Table& turnstile_keys() {
  using S = TurnstileSettings;
  static const Table table{{
      key("secret_key", &S::secret_key, "The widget's secret key. With it, `endpoints` ask for a token",
          {.example = "${env:TURNSTILE_SECRET_KEY}", .environment = "TURNSTILE_SECRET_KEY"}),
      key("site_key", &S::site_key, "The widget's site key, for the hosted pages",
          {.example = "0x4AAAAAAA_example", .environment = "TURNSTILE_SITE_KEY"}),
      key<HostValue>(
          "hostnames", &S::hostnames,
          "Where tokens may have been made; where it is not written, on the hosts of `base_url`, `hosts` and "
          "those of `trusted_origins` that are no patterns",
          {.example = "[www.example.com]"}),
      key<NameValue>("action", &S::action,
                     "What tokens must have been made for, the widget's `action`; where it is not written, anything",
                     {.example = "login"}),
      key<WordValue<TurnstileWords>>("mode", &S::mode,
                                     "When `endpoints` ask for a token; routes say it with their own `turnstile`. "
                                     "`on_risk`: after `auth.abuse_ladder.challenge_after` wrong attempts"),
      key<PatternValue>(
          "endpoints", &S::endpoints,
          "Auth endpoints that ask: paths below the base path; `*` stands for one segment, a last `**` for "
          "any rest"),
      key<PathOrUrlValue>("insecure_siteverify_url", &S::insecure_siteverify_url,
                          "A URL that is asked in place of Cloudflare, wherever it is, and without TLS if it says "
                          "http: whoever answers there lets everybody in. For tests"),
  }};
  return table;
}

}  // namespace

const Table& gateway_keys() {
  static const Table table{{
      section("listen", &Gateway::listen, listen_keys, "Addresses to listen on. A port of 0 is any free one"),
      sections("tls", &Gateway::tls, tls_keys,
               "Certificates, chosen by the name that the client asks for; the first is the default. The files are "
               "read again "
               "when they change"),
      key("base_url", &Gateway::base_url, "The public origin: scheme, host and port as browsers see it",
          {.example = "https://www.example.com", .environment = "BETTER_AUTH_URL"}),
      key<HostValue>("hosts", &Gateway::hosts,
                     "Further host names that are served, besides that of `base_url` and of routes",
                     {.example = "[www.example.org]"}),
      key<OriginPatternValue>(
          "trusted_origins", &Gateway::trusted_origins,
          "Origins, besides `base_url`, that may call the auth endpoints and unsafe methods with cookies, and "
          "to which redirects may lead; `*` and `?` as in Better Auth. Those of `BETTER_AUTH_TRUSTED_ORIGINS` are "
          "added",
          {.example = "[https://app.example.com]", .environment = "BETTER_AUTH_TRUSTED_ORIGINS"}),
      key("trusted_proxies", &Gateway::trusted_proxies,
          "Whose `X-Forwarded-For` is believed, walked from the right, and with `listen.proxy_protocol` whose "
          "connections are taken; nobody's by default",
          {.example = "[10.0.0.0/8]"}),
      section("database", &Gateway::database, database_keys, "Where users and sessions are kept"),
      key("redis", &Gateway::redis,
          "Redis or Valkey, for several gateways and for Better Auth's secondary storage: `redis://…`, `rediss://…` or "
          "`unix://…`",
          {.example = "redis://redis:6379", .environment = "REDIS_URL"}),
      key("secret", &Gateway::secret, "Signs cookies and everything else; at least 32 bytes",
          {.example = "${env:BETTER_AUTH_SECRET}", .environment = "BETTER_AUTH_SECRET"}),
      key("secrets", &Gateway::secrets,
          "Several versions of the secret, for a rotation: `2:new,1:old`. The first one signs and encrypts, the others "
          "still open what was encrypted under them; `secret` is then the one from before there were versions",
          {.example = "${env:BETTER_AUTH_SECRETS?}", .environment = "BETTER_AUTH_SECRETS"}),
      section("limits", &Gateway::limits, limit_keys, "Limits of connections and of each phase of a request"),
      section("pages", &Gateway::pages, page_keys, "Hosted pages"),
      section("mail", &Gateway::mail, mail_keys, "How mails are sent"),
      section("audit", &Gateway::audit, audit_keys, "The trail of security events"),
      section("turnstile", &Gateway::turnstile, turnstile_keys, "Cloudflare Turnstile (docs/features/turnstile.md)"),
      section("auth", &Gateway::auth, auth_keys, "The authentication server: Better Auth's options in snake_case"),
      key("threads", &Gateway::threads, "Threads that serve connections; 0 is one for each core", {.maximum = 1024}),
      key("insecure_shared_key", &Gateway::insecure_shared_key,
          "Several upstreams may have the same key: whoever holds it can speak as the gateway to all of them"),
  }};
  return table;
}

}  // namespace gatehouse::config
