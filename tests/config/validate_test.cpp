#include "config/validate.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/config/loading.hpp"

using namespace gatehouse::config;
using namespace std::chrono_literals;

namespace {

std::string production_without(const std::string& variable) {
  Loading loading;
  loading.environment.erase(variable);
  return heads_of(kListen + "upstreams: {web: {servers: [http://web]}}\n", loading);
}

}  // namespace

TEST_CASE("a production gateway must be told its secret, base_url, keys and certificate") {
  CHECK(production_without("NOTHING") == "");
  CHECK(production_without("BETTER_AUTH_SECRET") ==
        "routes.yaml:1:1: gateway.secret: is missing: set BETTER_AUTH_SECRET to at least 32 random bytes "
        "[GH-CONFIG-MISSING]\n");
  CHECK(production_without("BETTER_AUTH_URL") ==
        "routes.yaml:1:1: gateway.base_url: is missing: set it, or BETTER_AUTH_URL, to the public origin "
        "[GH-CONFIG-MISSING]\n");
  CHECK(production_without("INTERNAL_API_KEY") ==
        "routes.yaml:2:13: upstreams.web: has no key: write it, or set INTERNAL_API_KEY [GH-CONFIG-MISSING]\n");
  CHECK(heads_of("gateway: {listen: {https: \"0.0.0.0:443\"}}\n") ==
        "routes.yaml:1:1: gateway.tls: is missing: listen.https needs a certificate and its key [GH-CONFIG-MISSING]\n");
  CHECK(heads_of("version: 1\n") ==
        "routes.yaml:1:1: gateway.listen: has no address to serve: set https, for example "
        "\"0.0.0.0:8443\" [GH-CONFIG-MISSING]\n");
}

TEST_CASE("in development mode all of that may be missing, and stays empty") {
  Loading loading;
  loading.environment.clear();
  loading.dev = true;
  const auto configuration =
      load_text("upstreams: {web: {servers: [http://web]}, api: {servers: [http://api]}}\n", loading);
  CHECK(configuration.gateway.secret.empty());
  CHECK(configuration.gateway.base_url.host.empty());
  CHECK(configuration.gateway.database.url.empty());
  CHECK_FALSE(configuration.gateway.listen.https);
  CHECK(configuration.upstreams[0].key.empty());
}

TEST_CASE("what is wrong is wrong in development mode, too") {
  Loading loading;
  loading.dev = true;
  loading.environment = {{"BETTER_AUTH_SECRET", "short"}, {"BETTER_AUTH_URL", "https://a/b"}};
  CHECK(heads_of("version: 1\n", loading) ==
        "environment: gateway.base_url: the value is not an origin: scheme and host alone, for example "
        "https://www.example.com [GH-CONFIG-VALUE]\n"
        "environment: gateway.secret: has 5 bytes, at least 32 are needed [GH-CONFIG-WEAK-SECRET]\n");
}

TEST_CASE("the database comes from the file, DATABASE_URL, DB_HOST and its like, or is SQLite") {
  Loading loading;
  CHECK(load_text(kListen, loading).gateway.database.url.reveal() == "sqlite:data/gatehouse.db");
  loading.environment.insert(
      {{"DB_HOST", "db"}, {"DB_PORT", "5433"}, {"DB_NAME", "app"}, {"DB_USER", "me"}, {"DB_PASSWORD", "p@ss/"}});
  CHECK(load_text(kListen, loading).gateway.database.url.reveal() == "postgres://me:p%40ss%2F@db:5433/app");
  loading.environment["DB_HOST"] = "/run/postgresql";
  loading.environment.erase("DB_PORT");
  CHECK(load_text(kListen, loading).gateway.database.url.reveal() == "postgres://me:p%40ss%2F@%2Frun%2Fpostgresql/app");
  loading.environment["DATABASE_URL"] = "postgres://other/db";
  CHECK(load_text(kListen, loading).gateway.database.url.reveal() == "postgres://other/db");
  CHECK(load_text("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, database: {url: \"sqlite:x.db\"}}", loading)
            .gateway.database.url.reveal() == "sqlite:x.db");
  loading.environment["DATABASE_URL"] = "mysql://other/db";
  CHECK(heads_of(kListen, loading) ==
        "environment: gateway.database.url: is neither postgres://… nor sqlite:FILE [GH-CONFIG-VALUE]\n");
}

TEST_CASE("base_url on plain HTTP needs the insecure listener") {
  Loading loading;
  loading.environment["BETTER_AUTH_URL"] = "http://127.0.0.1:8080";
  CHECK(heads_of(kListen, loading) == "");
  CHECK(heads_of("gateway: {listen: {https: \"0.0.0.0:1\"}, tls: {cert: c, key: k}}", loading) ==
        "environment: gateway.base_url: is http, but only listen.insecure_http serves that [GH-CONFIG-VALUE]\n");
}

TEST_CASE("the PROXY protocol needs proxies that are trusted") {
  const std::string listen = "gateway: {listen: {insecure_http: \"127.0.0.1:0\", proxy_protocol: true}";
  CHECK(heads_of(listen + "}") ==
        "routes.yaml:1:50: gateway.listen.proxy_protocol: needs gateway.trusted_proxies: nobody could connect "
        "[GH-CONFIG-MISSING]\n");
  CHECK(load_text(listen + ", trusted_proxies: [10.0.0.0/8]}").gateway.listen.proxy_protocol);
  CHECK_FALSE(load_text(kListen).gateway.listen.proxy_protocol);
}

TEST_CASE("upstreams do not share a key unless that is written") {
  const std::string two =
      "upstreams: {a: {servers: [http://a]}, b: {servers: [http://b], key: same}, c: {servers: [http://c], key: "
      "same}}\n";
  CHECK(heads_of(kListen + two) ==
        "routes.yaml:2:13: upstreams.a: has no key of its own. INTERNAL_API_KEY serves one upstream; for several write "
        "gateway.insecure_shared_key: true [GH-CONFIG-SHARED-KEY]\n"
        "routes.yaml:2:101: upstreams.c.key: is also the key of 'b': who holds it can speak as the gateway to both. "
        "Give each "
        "its own, or write gateway.insecure_shared_key: true [GH-CONFIG-SHARED-KEY]\n");
  const auto shared =
      load_text("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, insecure_shared_key: true}\n" + two);
  CHECK(shared.upstreams[0].key.reveal() == "internal-key");
  REQUIRE(shared.unsafe.size() == 2);
  CHECK(shared.unsafe[0] == "listen.insecure_http: everything is served without TLS on 127.0.0.1:0");
  CHECK(shared.unsafe[1].starts_with("insecure_shared_key: "));
}

TEST_CASE("a key for HS256 has at least 32 bytes, and every key is visible ASCII") {
  CHECK(heads_of(kListen + "upstreams: {a: {servers: [http://a], key: short, assertion: {algorithm: HS256}}}") ==
        "routes.yaml:2:38: upstreams.a.key: is too short for HS256: at least 32 bytes [GH-CONFIG-WEAK-SECRET]\n");
  CHECK(heads_of(kListen + "upstreams: {a: {servers: [http://a], key: \"a b\"}}") ==
        "routes.yaml:2:38: upstreams.a.key: must be visible ASCII: it is sent in a header field [GH-CONFIG-VALUE]\n");
}

TEST_CASE("a route asks for a session where nothing is said") {
  const auto configuration =
      load_text(kListen + "upstreams: {web: {servers: [http://web]}}\nroutes: [{path: /x, upstream: web}]");
  CHECK(configuration.routes[0].auth == AuthMode::required);
}

TEST_CASE("an upstream says how its servers are chosen and checked") {
  const auto upstream = [](const std::string& keys) {
    return load_text(kListen + "upstreams: {a: {servers: [http://a, http://b], " + keys + "}}").upstreams[0];
  };
  const Upstream plain = upstream("key: k");
  CHECK(plain.balance == Balance::round_robin);
  CHECK_FALSE(plain.health);
  CHECK(plain.requests_max == 0);
  CHECK(upstream("balance: least_requests").balance == Balance::least_requests);
  CHECK(upstream("balance: hash(session)").balance == Balance::session_hash);
  CHECK(upstream("requests_max: 50").requests_max == 50);
  CHECK(upstream("health: {path: /healthz}").health == HealthCheck{"/healthz", 5s, 2000ms});
  CHECK(upstream("health: {path: /live, interval: 1m, timeout: 500ms}").health == HealthCheck{"/live", 60s, 500ms});
}

TEST_CASE("servers are spoken to over TLS where they are written with https") {
  const Upstream plain = load_text(kListen + "upstreams: {a: {servers: [http://a]}}").upstreams[0];
  CHECK(plain.servers[0] == Server{"a", 80, false});
  CHECK_FALSE(plain.uses_tls());
  const Upstream upstream = load_text(kListen +
                                      "upstreams: {a: {servers: [https://a, https://b:8443], tls: {ca: ca.pem, "
                                      "cert: c.pem, key: k.pem, server_name: Orders.internal}}}")
                                .upstreams[0];
  CHECK(upstream.servers == std::vector<Server>{{"a", 443, true}, {"b", 8443, true}});
  CHECK(upstream.tls == UpstreamTls{"ca.pem", "c.pem", "k.pem", "orders.internal"});
  CHECK(upstream.uses_tls());

  const auto heads = [](const std::string& keys) { return heads_of(kListen + "upstreams: {a: {" + keys + "}}"); };
  CHECK(heads("servers: [https://a], tls: {cert: c.pem}")
            .ends_with("upstreams.a.tls: needs cert and key together [GH-CONFIG-MISSING]\n"));
  CHECK(heads("servers: [http://a], tls: {ca: ca.pem}")
            .ends_with("upstreams.a.tls: is for servers that are written with https: none is [GH-CONFIG-VALUE]\n"));
  CHECK(heads("servers: [https://a], tls: {server_name: 'a b'}").ends_with("[GH-CONFIG-VALUE]\n"));
}

TEST_CASE("what is wrong with an upstream's servers and checks is told") {
  const auto heads = [](const std::string& keys) { return heads_of(kListen + "upstreams: {a: {" + keys + "}}"); };
  CHECK(heads("servers: [http://a], health: {path: healthz}") ==
        "routes.yaml:2:53: upstreams.a.health.path: 'healthz' must start with / [GH-CONFIG-VALUE]\n");
  CHECK(heads("servers: [http://a], health: {interval: 5s}")
            .ends_with("upstreams.a.health: 'path' is missing [GH-CONFIG-MISSING]\n"));
  CHECK(heads("servers: [http://a], health: {path: /, interval: 0}").ends_with("[GH-CONFIG-RANGE]\n"));
  CHECK(heads("servers: [http://a], balance: random").ends_with("[GH-CONFIG-VALUE]\n"));
  CHECK(heads("servers: [http://a, http://b, http://a]") ==
        "routes.yaml:2:17: upstreams.a.servers: 'http://a:80' is there twice [GH-CONFIG-VALUE]\n");
  std::string many;
  for (int i = 0; i < 65; ++i) many += (i > 0 ? ", http://s" : "http://s") + std::to_string(i);
  CHECK(heads("servers: [" + many + "]") ==
        "routes.yaml:2:17: upstreams.a.servers: are more than 64 [GH-CONFIG-RANGE]\n");
}

TEST_CASE("tests name a status of a refusal or a declared upstream") {
  const auto with_test = [](const std::string& row) {
    return heads_of(kListen + "upstreams: {web: {servers: [http://web]}}\ntests:\n- {" + row + "}");
  };
  CHECK(with_test("request: GET /a, expect: 404") == "");
  CHECK(with_test("request: GET /a, as: user, expect: web") == "");
  CHECK(with_test("request: GET /a, expect: wep") ==
        "routes.yaml:4:21: tests[0].expect: 'wep' is neither a status nor a declared upstream, did you mean 'web'? "
        "[GH-CONFIG-UNKNOWN-UPSTREAM]\n");
  CHECK(with_test("request: /a, expect: 404").ends_with("[GH-CONFIG-VALUE]\n"));
  CHECK(with_test("request: GET /a, expect: 200").ends_with("[GH-CONFIG-RANGE]\n"));
  CHECK(with_test("request: GET /a, as: staff, expect: 404").ends_with("[GH-CONFIG-VALUE]\n"));
  CHECK(with_test("request: GET /a, as: {rol: x}, expect: 404").find("did you mean 'role'?") != std::string::npos);
  CHECK(with_test("request: GET /a, as: {two_factor: true}, expect: 404").ends_with("[GH-CONFIG-NOT-AVAILABLE]\n"));
  CHECK(with_test("expect: 404").find("'request' is missing [GH-CONFIG-MISSING]") != std::string::npos);
}

TEST_CASE("a URL of Redis is checked, and is needed where sessions are kept nowhere else") {
  const auto heads_with = [](const std::string& keys) {
    return heads_of("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, " + keys + "}");
  };
  CHECK(heads_with("redis: http://localhost").ends_with("[GH-CONFIG-VALUE]\n"));
  CHECK(heads_with("auth: {session: {store_in_database: false}}")
            .ends_with("gateway.auth.session.store_in_database: is false, but there is no gateway.redis "
                       "[GH-CONFIG-VALUE]\n"));
  CHECK(heads_with("redis: redis://localhost, auth: {session: {store_in_database: false}}").empty());
  Loading loading;
  loading.environment["REDIS_URL"] = "redis://:secret@localhost/2";
  CHECK(load_text(kListen, loading).gateway.redis.reveal() == "redis://:secret@localhost/2");
}

TEST_CASE("a Redis whose certificate is not checked is told at the start") {
  Loading loading;
  loading.environment["REDIS_URL"] = "rediss://:secret@localhost?insecure_skip_verify=true";
  const auto trusting = load_text(kListen, loading).unsafe;
  loading.environment["REDIS_URL"] = "rediss://:secret@localhost";
  REQUIRE(trusting.size() == load_text(kListen, loading).unsafe.size() + 1);
  CHECK(std::ranges::count(trusting, "redis: insecure_skip_verify: anybody may pose as the server") == 1);
}

TEST_CASE("gateway.secrets holds versions, and its first one takes the place of the secret") {
  Loading loading;
  loading.environment.erase("BETTER_AUTH_SECRET");
  loading.environment["BETTER_AUTH_SECRETS"] = " 2:" + kSecret + ", 1:old:er";
  const auto gateway = load_text(kListen, loading).gateway;
  CHECK(gateway.secret.empty());
  REQUIRE(gateway.secrets.list.size() == 2);
  CHECK(gateway.secrets.list[0] == SecretVersion{2, gatehouse::Secret(kSecret)});
  CHECK(gateway.secrets.list[1] == SecretVersion{1, gatehouse::Secret("old:er")});
}

TEST_CASE("gateway.secrets with a mistake, or a short current one, is refused without being shown") {
  const auto problem_of = [](std::string value) {
    Loading loading;
    loading.environment["BETTER_AUTH_SECRETS"] = std::move(value);
    return heads_of(kListen, loading);
  };
  const std::string form =
      "environment: gateway.secrets: the value is not of the form \"2:new,1:old\": each version is a number, a colon "
      "and "
      "a secret [GH-CONFIG-VALUE]\n";
  for (const char* value : {"hunter2", "x:hunter2", "-1:hunter2", ":hunter2", "1 :hunter2", "1:hunter2,", ","}) {
    CAPTURE(value);
    CHECK(problem_of(value) == form);
  }
  CHECK(problem_of("2:") == "environment: gateway.secrets: the value has an empty secret [GH-CONFIG-VALUE]\n");
  CHECK(problem_of("2:" + kSecret + ",2:hunter2") ==
        "environment: gateway.secrets: the value has the same version twice [GH-CONFIG-VALUE]\n");
  CHECK(problem_of("2:hunter2,1:" + kSecret) ==
        "environment: gateway.secrets: has 7 bytes, at least 32 are needed [GH-CONFIG-WEAK-SECRET]\n");
}

TEST_CASE("additional fields are columns of one's own, with defaults of their type") {
  const auto with_field = [](const std::string& field) {
    return heads_of("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {user: {additional_fields: {" + field +
                    "}}}}");
  };
  CHECK(with_field("plan: {type: string, required: false, input: false, default_value: free}") == "");
  CHECK(with_field("level: {type: number, default_value: 1.5}, on: {type: boolean, default_value: true}") == "");
  CHECK(with_field("tags: {type: 'string[]', default_value: '[]'}, since: {type: date}") == "");
  CHECK(with_field("level: {type: number, default_value: many}").contains("is no value of the field's type"));
  CHECK(with_field("level: {type: number, default_value: inf}").contains("is no value of the field's type"));
  CHECK(with_field("on: {type: boolean, default_value: 1}").contains("is no value of the field's type"));
  CHECK(with_field("email: {type: string}").contains("email has a meaning of its own already"));
  CHECK(with_field("mine: {field_name: emailVerified}").contains("emailVerified has a meaning of its own already"));
  CHECK(with_field("a: {field_name: c}, b: {field_name: c}").contains("c has a meaning of its own already"));
  CHECK(with_field("a: {type: json}").contains("is none of string, number, boolean, date"));
  CHECK(with_field("'a\"b': {}").contains("is no name for a field"));
}

TEST_CASE("what needs mails is refused where there are none") {
  for (const char* key :
       {"email_and_password: {require_email_verification: true}", "email_verification: {send_on_sign_up: true}",
        "email_verification: {send_on_sign_in: true}", "user: {delete_user: {send_delete_account_verification: true}}",
        "user: {change_email: {send_change_email_confirmation: true}}"}) {
    CAPTURE(key);
    const std::string gateway = "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {" + std::string(key) + "}";
    CHECK(heads_of(gateway + "}").ends_with("is on, but there is no gateway.mail [GH-CONFIG-MISSING]\n"));
    CHECK(heads_of(gateway + ", mail: {host: mail, from: a@example.test}}") == "");
  }
}

TEST_CASE("a reset link leads to the hosted page unless the pages are switched off") {
  const auto reset_page_with = [](const std::string& pages) {
    return load_text("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, pages: {" + pages + "}}")
        .gateway.auth.email_and_password.reset_page;
  };
  CHECK(reset_page_with("") == "/reset-password");
  CHECK(reset_page_with("sign_in: /login") == "/reset-password");
  CHECK(reset_page_with("enabled: false") == "");
}

TEST_CASE("cookies of sub-domains are for a domain that browsers take, and sessions without rows keep none") {
  const auto heads_with = [](const std::string& auth) {
    return heads_of("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {" + auth + "}}");
  };
  CHECK(heads_with("advanced: {cross_sub_domain_cookies: {enabled: true}}") == "");
  CHECK(heads_with("advanced: {cross_sub_domain_cookies: {enabled: true, domain: example.com}}") == "");
  CHECK(heads_with("advanced: {cross_sub_domain_cookies: {enabled: true, domain: ample.com}}")
            .find("cross_sub_domain_cookies.domain: is neither www.example.com nor above it") != std::string::npos);
  CHECK(heads_with("session: {preserve_session_in_database: true, store_in_database: false}")
            .find("session.preserve_session_in_database: is true, but store_in_database is false") !=
        std::string::npos);
}

TEST_CASE("a cookie cache that would be refreshed is told to have no such effect") {
  const auto notes =
      load_text(
          "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {session: {cookie_cache: {refresh_cache: "
          "true}}}}")
          .notes;
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] == "gateway.auth.session.cookie_cache.refresh_cache has no effect: sessions are in a store");
}

TEST_CASE("the limit of the auth endpoints is on but in development mode, and counts in Redis where there is one") {
  using Storage = AuthRateLimit::Storage;
  Loading loading;
  CHECK(load_text(kListen, loading).gateway.auth.rate_limit.enabled == true);
  CHECK(load_text(kListen, loading).gateway.auth.rate_limit.storage == Storage::memory);
  loading.environment["REDIS_URL"] = "redis://127.0.0.1/0";
  CHECK(load_text(kListen, loading).gateway.auth.rate_limit.storage == Storage::secondary_storage);
  loading.dev = true;
  CHECK(load_text(kListen, loading).gateway.auth.rate_limit.enabled == false);
  const auto in_gateway = [](const std::string& auth) {
    return "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {" + auth + "}}\n";
  };
  CHECK(load_text(in_gateway("rate_limit: {enabled: true, storage: database}"), loading)
            .gateway.auth.rate_limit.enabled == true);
  CHECK(heads_of(in_gateway("rate_limit: {storage: secondary-storage}")) ==
        "routes.yaml:1:71: gateway.auth.rate_limit.storage: is secondary-storage, but there is no gateway.redis "
        "[GH-CONFIG-VALUE]\n");
}

TEST_CASE("custom rules keep their order, and false is a rule") {
  const auto limit = load_text(
                         "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {rate_limit: {window: 20s, max: 7, "
                         "custom_rules: {/z: {window: 5s, max: 2}, /a/*: false, /b: {max: 1}}}}}\n")
                         .gateway.auth.rate_limit;
  CHECK(limit.window == seconds(20));
  CHECK(limit.max == 7);
  REQUIRE(limit.custom_rules.size() == 3);
  CHECK(limit.custom_rules[0] == AuthRateLimit::CustomRule{"/z", AuthRateRule{seconds(5), 2}});
  CHECK(limit.custom_rules[1] == AuthRateLimit::CustomRule{"/a/*", std::nullopt});
  CHECK(limit.custom_rules[2] == AuthRateLimit::CustomRule{"/b", AuthRateRule{seconds(10), 1}});
  CHECK(heads_of(
            "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, auth: {rate_limit: {custom_rules: {a: {max: 0}, /b: "
            "true}}}}") ==
        "routes.yaml:1:86: gateway.auth.rate_limit.custom_rules.a: is no path: it must begin with '/' "
        "[GH-CONFIG-PATH]\n"
        "routes.yaml:1:95: gateway.auth.rate_limit.custom_rules.a.max: must be at least 1 [GH-CONFIG-RANGE]\n"
        "routes.yaml:1:99: gateway.auth.rate_limit.custom_rules./b: takes {window, max}, or false [GH-CONFIG-TYPE]\n");
}

TEST_CASE("trusted origins of the variable are added to those that are written") {
  Loading loading;
  loading.environment["BETTER_AUTH_TRUSTED_ORIGINS"] = "https://a.example, https://*.b.example";
  CHECK(load_text(kListen, loading).gateway.trusted_origins ==
        std::vector<std::string>{"https://a.example", "https://*.b.example"});
  const std::string written =
      "gateway: {listen: {insecure_http: \"127.0.0.1:0\"}, trusted_origins: [https://c.example, "
      "https://a.example]}\n";
  CHECK(load_text(written, loading).gateway.trusted_origins ==
        std::vector<std::string>{"https://c.example", "https://a.example", "https://*.b.example"});
  loading.environment["BETTER_AUTH_TRUSTED_ORIGINS"] = "not an origin";
  CHECK(heads_of(written, loading).contains("BETTER_AUTH_TRUSTED_ORIGINS: 'not an origin'"));
}
