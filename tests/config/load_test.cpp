#include "config/load.hpp"

#include <doctest/doctest.h>

#include "tests/config/loading.hpp"

using namespace gatehouse;
using namespace gatehouse::config;
using namespace std::chrono_literals;

TEST_CASE("load reads a whole configuration") {
  Loading loading;
  loading.environment["DATABASE_URL"] = "postgres://u:p@db/app";
  loading.files["/run/secrets/orders_key"] = "orders-key\n";
  const auto configuration = load_text(R"(version: 1
gateway:
  listen: {https: "0.0.0.0:8443", http: "[::]:8080", internal: "10.1.0.2:9090"}
  tls: [{cert: certs/cert.pem, key: certs/key.pem}]
  base_url: https://WWW.example.com:8443/
  hosts: [Example.org]
  trusted_origins: [https://App.example.com, "https://*.example.com", "myapp://"]
  trusted_proxies: [10.0.0.0/8, 192.0.2.1]
  database: {url: "${env:DATABASE_URL}", migrate: refuse}
  redis: ${env:REDIS_URL?}
  secret: ${env:BETTER_AUTH_SECRET}
  limits: {connections: 500, per_address: 20, head: 16KiB, handshake: 5s, head_time: 6s, body_idle: 7s, drain: 1m}
  pages: {enabled: true, sign_in: https://app.example.com/login}
  auth:
    base_path: /api/auth
    email_and_password: {enabled: true, require_email_verification: false}
    session: {expires_in: 7d, update_age: 1d, fresh_age: 1h}
    ip_address: {headers: [x-real-client, x-forwarded-for], trusted_proxies: [10.0.0.0/8], ipv6_subnet: 48}
    cors: {enabled: false}
    advanced: {cookie_prefix: shop, use_secure_cookies: true}
defaults:
  timeout: {connect: 500ms, response: 10s}
  body_limit: 1MiB
  rate_limit: {limit: 600, window: 1m, by: [session, ip]}
upstreams:
  orders:
    servers: [http://orders-1:8080, "http://[::1]"]
    key: ${file:/run/secrets/orders_key}
    previous_key: ${file:/run/secrets/orders_key_old?}
    assertion: {audience: shop, ttl: 2m}
    balance: round_robin
  web:
    servers: http://web
    key: web-key
routes:
  - path: /api/orders/**
    upstream: orders
    strip_prefix: /api
    require: {role: [staff, admin], fresh: 15m}
  - path: /assets/**
    host: Cdn.example.com
    methods: [GET, POST]
    upstream: web
    auth: public
    timeout: {idle: 5m}
    rate_limit: off
    csrf: off
    cors: false
    forward_session_cookie: true
    forward_authorization_as: X-Client-Authorization
tests:
  - {request: "GET /api/orders/7?x=1", as: anonymous, expect: 401}
  - {request: "GET /api/orders/7", as: {role: [staff, user], session_age: 5m}, expect: orders}
)",
                                       loading);
  const Gateway& gateway = configuration.gateway;
  CHECK(gateway.listen.https == SocketAddress{"0.0.0.0", 8443});
  CHECK(gateway.listen.http == SocketAddress{"::", 8080});
  CHECK(gateway.listen.internal == SocketAddress{"10.1.0.2", 9090});
  CHECK_FALSE(gateway.listen.insecure_http);
  CHECK(gateway.tls == std::vector<TlsCertificate>{{"certs/cert.pem", "certs/key.pem"}});
  CHECK(gateway.base_url == Origin{"https", "www.example.com", 8443});
  CHECK(gateway.hosts == std::vector<std::string>{"example.org"});
  CHECK(gateway.trusted_origins ==
        std::vector<std::string>{"https://app.example.com", "https://*.example.com", "myapp://"});
  CHECK(gateway.trusted_proxies.size() == 2);
  CHECK(gateway.database.url.reveal() == "postgres://u:p@db/app");
  CHECK(gateway.database.migrate == Migrate::refuse);
  CHECK(gateway.secret.reveal() == kSecret);
  CHECK(gateway.limits.connections == 500);
  CHECK(gateway.limits.head == 16384);
  CHECK(gateway.limits.drain == 60s);
  CHECK(gateway.limits.keep_alive == 75s);
  CHECK(gateway.pages.sign_in == "https://app.example.com/login");
  CHECK(gateway.auth.email_and_password.enabled);
  CHECK(gateway.auth.session.expires_in == 7 * 24h);
  CHECK(gateway.auth.session.fresh_age == 1h);
  REQUIRE(gateway.auth.ip_address);
  CHECK(gateway.auth.ip_address->headers == std::vector<std::string>{"x-real-client", "x-forwarded-for"});
  CHECK(gateway.auth.ip_address->ipv6_subnet == 48);
  CHECK_FALSE(gateway.auth.cors_enabled);
  CHECK(gateway.auth.cookie_prefix == "shop");
  CHECK(gateway.auth.use_secure_cookies == true);

  REQUIRE(configuration.upstreams.size() == 2);
  const Upstream& orders = configuration.upstreams[0];
  CHECK(orders.name == "orders");
  CHECK(orders.servers == std::vector<Server>{{"orders-1", 8080}, {"::1", 80}});
  CHECK(orders.key.reveal() == "orders-key");
  CHECK_FALSE(orders.previous_key);
  CHECK(orders.assertion.audience == "shop");
  CHECK(orders.assertion.ttl == 120s);
  CHECK(configuration.upstreams[1].assertion.audience == "web");

  REQUIRE(configuration.routes.size() == 2);
  const Route& first = configuration.routes[0];
  CHECK(first.path == "/api/orders/**");
  CHECK(first.strip_prefix == "/api");
  CHECK(first.auth == AuthMode::required);
  CHECK(first.require.role == std::vector<std::string>{"staff", "admin"});
  CHECK(first.require.fresh == 900s);
  CHECK(first.timeout.connect == 500ms);
  CHECK(first.timeout.idle == 60s);
  CHECK(first.body_limit == 1024 * 1024);
  REQUIRE(first.rate_limit);
  CHECK(first.rate_limit->limit == 600);
  CHECK(first.rate_limit->by == std::vector<LimitKey>{LimitPart::session, LimitPart::ip});
  CHECK(first.place.line == 36);
  const Route& second = configuration.routes[1];
  CHECK(second.host == "cdn.example.com");
  CHECK(second.methods == std::vector<std::string>{"GET", "POST"});
  CHECK(second.upstream_index == 1);
  CHECK(second.auth == AuthMode::open);
  CHECK(second.timeout.response == 10s);
  CHECK(second.timeout.idle == 300s);
  CHECK_FALSE(second.rate_limit);
  CHECK_FALSE(second.csrf);
  CHECK_FALSE(second.cors);
  CHECK(second.forward_session_cookie);
  CHECK(second.forward_authorization_as == "X-Client-Authorization");
  CHECK(second.index == 1);

  REQUIRE(configuration.tests.size() == 2);
  CHECK(configuration.tests[0].path == "/api/orders/7?x=1");
  CHECK(configuration.tests[0].expect_status == 401);
  CHECK_FALSE(configuration.tests[1].anonymous);
  CHECK(configuration.tests[1].as.at("role") == "staff,user");
  CHECK(configuration.tests[1].expect_upstream == "orders");
  CHECK(configuration.unsafe.empty());
}

TEST_CASE("load tells every problem at once, each with its line, a caret and a code") {
  CHECK(problems_of(R"(version: 2
gateway:
  listne: {https: "0.0.0.0:8443"}
  listen: {insecure_http: "localhost:80"}
  auth: {base_path: api}
defaults:
  timeout: {connect: 2}
  auth: public
upstreams:
  orders: {servers: [ftp://orders]}
routes:
  - path: /api/**
    upstream: order
    require: {rol: [staff]}
  - upstream: orders
    path: /a*
    body_limit: 10MB
)") == R"(routes.yaml:1:10: version: this gateway reads version 1 [GH-CONFIG-RANGE]
    1 | version: 2
      |          ^
routes.yaml:3:3: gateway.listne: unknown key, did you mean 'listen'? [GH-CONFIG-UNKNOWN-KEY]
    3 |   listne: ***
      |   ^
routes.yaml:4:27: gateway.listen.insecure_http: 'localhost:80' is not a local address: write an IP address and a port, for example 0.0.0.0:8443 [GH-CONFIG-VALUE]
    4 |   listen: {insecure_http: "localhost:80"}
      |                           ^
routes.yaml:5:21: gateway.auth.base_path: 'api' must start with / [GH-CONFIG-VALUE]
    5 |   auth: {base_path: api}
      |                     ^
routes.yaml:7:22: defaults.timeout.connect: '2' has no unit, write for example 2s [GH-CONFIG-VALUE]
    7 |   timeout: {connect: 2}
      |                      ^
routes.yaml:8:3: defaults.auth: 'public' is written on the route itself, never in defaults [GH-CONFIG-PUBLIC]
    8 |   auth: public
      |   ^
routes.yaml:10:22: upstreams.orders.servers[0]: 'ftp://orders' is not a server: scheme, host and port alone, for example http://orders-1:8080 [GH-CONFIG-VALUE]
   10 |   orders: {servers: [ftp://orders]}
      |                      ^
routes.yaml:13:5: routes[0].upstream: no upstream 'order' is declared, did you mean 'orders'? [GH-CONFIG-UNKNOWN-UPSTREAM]
   13 |     upstream: order
      |     ^
routes.yaml:14:15: routes[0].require.rol: unknown key, did you mean 'role'? [GH-CONFIG-UNKNOWN-KEY]
   14 |     require: {rol: [staff]}
      |               ^
routes.yaml:16:11: routes[1].path: '/a*' has a wildcard inside a segment: `*` stands for a whole segment, `**` for any rest [GH-CONFIG-VALUE]
   16 |     path: /a*
      |           ^
routes.yaml:17:17: routes[1].body_limit: '10MB' is not a size: a number with B, KiB, MiB or GiB, for example 10MiB [GH-CONFIG-VALUE]
   17 |     body_limit: 10MB
      |                 ^
)");
}
