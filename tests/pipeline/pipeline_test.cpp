// The life of a request from the pipeline's first step to its last, and what upstream, store and log see of it.
#include <doctest/doctest.h>

#include <fstream>

#include "tests/pipeline/pipeline_world.hpp"

using namespace gatehouse;
using namespace std::chrono_literals;
using tests::PipelineWorld;

namespace {

const std::string kRoutes = R"(
  - {path: /public/**, upstream: demo, auth: public}
  - {path: /optional, upstream: demo, auth: optional}
  - {path: /orders/**, upstream: demo}
  - {path: /staff, upstream: demo, require: {role: [admin]}}
  - {path: /posts, upstream: demo, methods: [POST]}
  - {path: /small, upstream: demo, auth: public, body_limit: 4B}
  - {path: /no-csrf, upstream: demo, csrf: false}
  - {path: /no-cors, upstream: demo, cors: false}
  - {path: /by-ip, upstream: demo, rate_limit: {limit: 1, window: 1m, by: [ip]}}
  - {path: /by-session, upstream: demo, rate_limit: {limit: 1, window: 1m, by: [session]}}
  - {path: /by-user, upstream: demo, auth: optional, rate_limit: {limit: 1, window: 1m, by: user}}
  - {path: /by-user-and-ip, upstream: demo, rate_limit: {limit: 1, window: 1m, by: [[user, ip]]}}
  - {path: /by-route, upstream: demo, auth: public, rate_limit: {limit: 2, window: 1m, by: route}}
  - {path: /by-two, upstream: demo, auth: public, rate_limit: {limit: 2, window: 1m, by: [ip, route]}}
)";

struct World : PipelineWorld {
  World() : PipelineWorld(kRoutes, ", trusted_origins: [\"https://partner.example\"]") {}
};

std::string header(const std::string& head, std::string_view name) {
  const auto at = head.find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) return "";
  const auto begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

const std::string kForged = "__Secure-better-auth.session_token=stolen.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmE=";

}  // namespace

TEST_CASE_FIXTURE(World, "a request with a session reaches the upstream with the identity and the upstream's key") {
  const auto session = sign_in();
  const auto client = get("/orders/7?full=1", {{"Cookie", cookie_of(session) + "; theme=dark"}, {"X-User-ID", "root"}});
  CHECK(client->status() == 200);
  CHECK(client->body() == "hi");
  const auto head = upstream_saw();
  CHECK(head.starts_with("GET /orders/7?full=1 HTTP/1.1\r\nHost: www.example.com\r\n"));
  CHECK(header(head, "X-User-ID") == "u1");
  CHECK(head.find("root") == std::string::npos);
  CHECK(header(head, "X-User-Email") == "u1@example.com");
  CHECK(header(head, "X-Session-ID") == session.id);
  CHECK(header(head, "Authorization") == "Bearer internal-key");
  CHECK(header(head, "Cookie") == "theme=dark");
  CHECK(header(head, "X-Forwarded-For") == "192.0.2.1");
  CHECK(header(head, "X-Gatehouse-Assertion").starts_with("eyJ"));
  CHECK(header(head, "X-Request-ID") == client->field("X-Request-ID"));
  CHECK(head.find(session.token) == std::string::npos);
}

TEST_CASE_FIXTURE(World, "the store is asked once for a session, and not at all where nothing needs one") {
  const auto session = sign_in();
  for (int i = 0; i < 3; ++i) CHECK(get("/orders/7", {{"Cookie", cookie_of(session)}})->status() == 200);
  CHECK(database.queries == 1);
  CHECK(get("/public/a", {{"Cookie", cookie_of(sign_in("u2"))}})->status() == 200);
  CHECK(database.queries == 0);
  CHECK(header(upstream_saw(), "X-User-ID") == "");
  CHECK(get("/optional")->status() == 200);
  CHECK(database.queries == 0);
}

TEST_CASE_FIXTURE(World, "without a session a script gets 401 and a person the sign-in page") {
  const auto script = get("/orders/7", {{"Accept", "application/json"}});
  CHECK(script->status() == 401);
  CHECK(script->body() == R"({"code":"UNAUTHORIZED","message":"Unauthorized"})");
  CHECK(script->field("Content-Type") == "application/json");
  CHECK(script->field("Cache-Control") == "no-store");
  const auto person = get("/orders/7?a=1&b=2", {{"Sec-Fetch-Mode", "navigate"}});
  CHECK(person->status() == 302);
  CHECK(person->field("Location") == "/sign-in?return_to=%2Forders%2F7%3Fa%3D1%26b%3D2");
  CHECK(get("/orders/7", {{"Accept", "text/html"}, {"Sec-Fetch-Mode", "cors"}})->status() == 401);
  CHECK(post("/orders/7", {{"Sec-Fetch-Mode", "navigate"}, {"Accept", "text/html"}})->status() == 401);
  const auto websocket = get("/orders/7", {{"Connection", "Upgrade"},
                                           {"Upgrade", "websocket"},
                                           {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                           {"Accept", "text/html"}});
  CHECK(websocket->status() == 401);
  CHECK_FALSE(upstream_was_reached());
  CHECK(database.queries == 0);
}

TEST_CASE_FIXTURE(World, "a cookie whose signature is wrong makes no query and counts as none") {
  CHECK(get("/orders/7", {{"Cookie", kForged}})->status() == 401);
  CHECK(get("/optional", {{"Cookie", kForged}})->status() == 200);
  CHECK(header(upstream_saw(), "X-User-ID") == "");
  CHECK(database.queries == 0);
  const auto lines = log_lines();
  CHECK(lines.at(0).at("reason") == "bad_cookie");
}

TEST_CASE_FIXTURE(World, "a session that is gone or expired is 401") {
  const auto session = sign_in();
  const auto cookie = cookie_of(session);
  CHECK(get("/orders/7", {{"Cookie", cookie}})->status() == 200);
  tests::run_coroutine(io, sessions.remove(session.token));
  CHECK(get("/orders/7", {{"Cookie", cookie}})->status() == 401);
  CHECK(get("/orders/7", {{"Cookie", cookie_of(sign_in("u2", 8 * 24h))}})->status() == 401);
}

TEST_CASE_FIXTURE(World, "a foreign site is refused before anything is said about the caller's rights") {
  const auto cookie = cookie_of(sign_in());
  for (const auto* target : {"/orders/7", "/staff", "/optional"}) {
    CAPTURE(target);
    const auto client = post(target, {{"Cookie", cookie}, {"Origin", "https://evil.example"}});
    CHECK(client->status() == 403);
    CHECK(client->body() == R"({"code":"INVALID_ORIGIN","message":"Invalid origin"})");
    CHECK_FALSE(client->field("Access-Control-Allow-Origin"));
  }
  CHECK_FALSE(upstream_was_reached());
  CHECK(post("/orders/7", {{"Cookie", cookie}, {"Origin", "https://partner.example"}})->status() == 200);
  CHECK(post("/orders/7", {{"Cookie", cookie}})->status() == 200);
  CHECK(post("/no-csrf", {{"Cookie", cookie}, {"Origin", "https://evil.example"}})->status() == 200);
}

TEST_CASE_FIXTURE(World, "an ended session's cookie of a foreign site is cross-site, not unauthorized") {
  const auto session = sign_in();
  tests::run_coroutine(io, sessions.remove(session.token));
  CHECK(post("/orders/7", {{"Cookie", cookie_of(session)}, {"Origin", "https://evil.example"}})->status() == 403);
  CHECK(post("/orders/7", {{"Origin", "https://evil.example"}})->status() == 401);
}

TEST_CASE_FIXTURE(World, "a role that is missing is 403") {
  const auto client = get("/staff", {{"Cookie", cookie_of(sign_in())}});
  CHECK(client->status() == 403);
  CHECK(client->body() == R"({"code":"FORBIDDEN","message":"You are not allowed to do this"})");
}

TEST_CASE_FIXTURE(World, "a store that is down is 503 with Retry-After and never 401") {
  const auto session = sign_in();
  database.is_down = true;
  for (const auto* target : {"/orders/7", "/optional"}) {
    CAPTURE(target);
    const auto client = get(target, {{"Cookie", cookie_of(session)}, {"Sec-Fetch-Mode", "navigate"}});
    CHECK(client->status() == 503);
    CHECK(client->field("Retry-After") == "2");
    CHECK(client->body() == R"({"code":"SERVICE_UNAVAILABLE","message":"The service is unavailable at the moment"})");
  }
  CHECK(get("/public/a", {{"Cookie", cookie_of(session)}})->status() == 200);
  CHECK(get("/orders/7")->status() == 401);
  database.is_down = false;
  CHECK(get("/orders/7", {{"Cookie", cookie_of(session)}})->status() == 200);
  CHECK(log_lines().at(0).at("reason") == "database_unavailable");
}

TEST_CASE_FIXTURE(World, "what nobody foresaw is 500 without detail, and has its line in the log") {
  const auto session = sign_in();
  database.is_broken = true;
  const auto client = get("/orders/7", {{"Cookie", cookie_of(session)}});
  CHECK(client->status() == 500);
  CHECK(client->body() == R"({"code":"INTERNAL_SERVER_ERROR","message":"Something went wrong"})");
  const auto lines = log_lines();
  CHECK(lines.at(0).at("status") == 500);
  CHECK(lines.at(0).at("reason") == "internal_error");
}

TEST_CASE_FIXTURE(World, "what is not declared is 404, and a method that is not listed 405 with Allow") {
  CHECK(get("/nothing")->status() == 404);
  CHECK(get("/ORDERS/7")->status() == 404);
  CHECK(get("/orders%20/7")->status() == 404);
  const auto refused = get("/posts");
  CHECK(refused->status() == 405);
  CHECK(refused->field("Allow") == "POST");
  CHECK(send({.method = "TRACE", .target = "/orders/7"})->status() == 405);
  CHECK(send({.method = "TRACE", .target = "/posts"})->field("Allow") == "POST");
  const auto keys = post("/.well-known/jwks.json");
  CHECK(keys->status() == 405);
  CHECK(keys->field("Allow") == "GET, HEAD");
  CHECK_FALSE(upstream_was_reached());
}

TEST_CASE_FIXTURE(World, "a host that is not served, or not with this certificate, is 421") {
  CHECK(send({.target = "/public/a", .host = "other.example"})->status() == 421);
  CHECK(send({.target = "/public/a", .server_name = "elsewhere.example"})->status() == 421);
  CHECK_FALSE(upstream_was_reached());
}

TEST_CASE_FIXTURE(World, "a body that is told to be too long never reaches the upstream") {
  const auto client = post("/small", {}, "12345");
  CHECK(client->status() == 413);
  CHECK_FALSE(client->was_body_asked_for());
  CHECK_FALSE(upstream_was_reached());
  CHECK(post("/small", {}, "1234")->status() == 200);
}

TEST_CASE_FIXTURE(World, "too many cookies are 431 before a session is looked up") {
  const auto client = get("/orders/7", {{"Cookie", std::string(17 * 1024, 'a') + "=1; " + cookie_of(sign_in())}});
  CHECK(client->status() == 431);
  CHECK(database.queries == 0);
}

TEST_CASE_FIXTURE(World, "the address is limited before the cookie is looked at") {
  CHECK(get("/by-ip")->status() == 401);
  const auto client = get("/by-ip", {{"Cookie", std::string(17 * 1024, 'a') + "=1"}});
  CHECK(client->status() == 429);
  CHECK(client->field("Retry-After") == "60");
  CHECK(client->field("RateLimit-Policy") == "\"ip\";q=1;w=60");
  CHECK(client->field("RateLimit") == "\"ip\";r=0;t=60");
  CHECK(client->body() == R"({"code":"TOO_MANY_REQUESTS","message":"Too many requests. Please try again later."})");
  CHECK(send({.target = "/by-ip", .peer = IpAddress::v4(0xC0000202)})->status() == 401);
  clock.advance(60s);
  CHECK(get("/by-ip")->status() == 401);
}

TEST_CASE_FIXTURE(World, "a session is limited by itself, a stranger by the network that he asks from") {
  const auto cookie = cookie_of(sign_in());
  CHECK(get("/by-session", {{"Cookie", cookie}})->status() == 200);
  CHECK(get("/by-session", {{"Cookie", cookie}})->status() == 429);
  CHECK(get("/by-session", {{"Cookie", cookie_of(sign_in("u2"))}})->status() == 200);
  CHECK(get("/by-session", {{"Cookie", kForged}})->status() == 401);
  CHECK(get("/by-session")->status() == 429);
  const auto from = [](const char* address) {
    return tests::MemoryRequest{.target = "/by-session", .peer = parse_ip(address).value()};
  };
  CHECK(send(from("2001:db8::1"))->status() == 401);
  CHECK(send(from("2001:db8::2"))->status() == 429);
  CHECK(send(from("2001:db8:0:1::2"))->status() == 401);
}

TEST_CASE_FIXTURE(World, "a user is limited over all sessions, and a stranger by the address") {
  CHECK(get("/by-user", {{"Cookie", cookie_of(sign_in("u1"))}})->status() == 200);
  const auto client = get("/by-user", {{"Cookie", cookie_of(sign_in_again("u1"))}});
  CHECK(client->status() == 429);
  CHECK(client->field("RateLimit-Policy") == "\"user\";q=1;w=60");
  CHECK(get("/by-user", {{"Cookie", cookie_of(sign_in("u2"))}})->status() == 200);
  CHECK(get("/by-user")->status() == 200);
  CHECK(get("/by-user")->status() == 429);
}

TEST_CASE_FIXTURE(World, "a key of several parts is another one when one of them is") {
  const auto cookie = cookie_of(sign_in("u1"));
  const auto from = [&](std::uint32_t address) {
    return send({.target = "/by-user-and-ip", .fields = {{"Cookie", cookie}}, .peer = IpAddress::v4(address)})
        ->status();
  };
  CHECK(from(0xC0000202) == 200);
  CHECK(from(0xC0000202) == 429);
  CHECK(from(0xC0000203) == 200);
  const auto client = get("/by-user-and-ip", {{"Cookie", cookie_of(sign_in("u2"))}});
  CHECK(client->status() == 200);
  CHECK(get("/by-user-and-ip", {{"Cookie", cookie_of(sign_in_again("u2"))}})->field("RateLimit") ==
        "\"user+ip\";r=0;t=60");
}

TEST_CASE_FIXTURE(World, "a route is limited whoever asks") {
  CHECK(send({.target = "/by-route", .peer = IpAddress::v4(0xC0000202)})->status() == 200);
  CHECK(send({.target = "/by-route", .peer = IpAddress::v4(0xC0000203)})->status() == 200);
  CHECK(get("/by-route", {{"Cookie", cookie_of(sign_in())}})->status() == 429);
}

TEST_CASE_FIXTURE(World, "an answer tells what is left of the limit that is nearest to its end") {
  const auto from = [&](std::uint32_t address) { return send({.target = "/by-two", .peer = IpAddress::v4(address)}); };
  CHECK(from(0xC0000202)->field("RateLimit-Policy") == "\"ip\";q=2;w=60");
  const auto second = from(0xC0000203);
  CHECK(second->status() == 200);
  CHECK(second->field("RateLimit-Policy") == "\"route\";q=2;w=60");
  CHECK(second->field("RateLimit") == "\"route\";r=0;t=60");
  CHECK_FALSE(get("/public/7")->field("RateLimit"));
  CHECK(get("/by-ip")->field("RateLimit") == "\"ip\";r=0;t=60");
}

TEST_CASE_FIXTURE(World, "a request that one limit refuses is not counted by another") {
  const auto route = std::ranges::find(configuration.routes, "/by-two", &config::Route::path);
  const pipeline::RouteLimit limit(*route);
  const auto is_exhausted = [&](config::LimitKey key, std::string_view value) {
    return limiter.is_exhausted(*route->rate_limit, limit.scope_of(key), value, clock.steady());
  };
  for (int i = 0; i < 2; ++i) CHECK(send({.target = "/by-two", .peer = IpAddress::v4(0xC0000202)})->status() == 200);
  CHECK(is_exhausted(config::LimitPart::ip, "192.0.2.2"));
  CHECK(is_exhausted(config::LimitPart::route, ""));
  for (int i = 0; i < 5; ++i) CHECK(send({.target = "/by-two", .peer = IpAddress::v4(0xC0000203)})->status() == 429);
  CHECK_FALSE(is_exhausted(config::LimitPart::ip, "192.0.2.3"));
}

TEST_CASE_FIXTURE(World, "a session past updateAge is renewed once, and its cookie set once") {
  const auto session = sign_in("u1", 25h);
  const auto first = get("/orders/7", {{"Cookie", cookie_of(session)}});
  CHECK(first->status() == 200);
  const auto cookie = first->field("Set-Cookie").value_or("");
  CHECK(cookie.starts_with(cookie_of(session) + "; Max-Age=604800; "));
  const auto second = get("/orders/7", {{"Cookie", cookie_of(session)}});
  CHECK_FALSE(second->field("Set-Cookie"));
  REQUIRE(tests::run_until(io, [&] {
    const auto cached = sessions.find_cached(session.token);
    return !cached || cached->session.expires_at == clock.now() + 7 * 24h;
  }));
  const auto renewed = tests::run_coroutine(io, sessions.read(session.token));
  CHECK(renewed->session.expires_at == clock.now() + 7 * 24h);
  CHECK_FALSE(get("/orders/7", {{"Cookie", cookie_of(session)}})->field("Set-Cookie"));
}

TEST_CASE_FIXTURE(World, "the renewed cookie comes also with an answer that is the gateway's own") {
  const auto session = sign_in("u1", 25h);
  upstream.stop_listening();
  const auto client = get("/orders/7", {{"Cookie", cookie_of(session)}});
  CHECK(client->status() == 502);
  CHECK(client->body() == R"({"code":"BAD_GATEWAY","message":"The service could not be reached"})");
  CHECK(client->field("Set-Cookie").value_or("").starts_with(cookie_of(session) + "; Max-Age=604800; "));
}

TEST_CASE_FIXTURE(World, "preflights of trusted origins are answered for the method that is to come") {
  const auto ask = [&](std::string target, std::string origin, std::string method) {
    return send({.method = "OPTIONS",
                 .target = std::move(target),
                 .fields = {{"Origin", std::move(origin)},
                            {"Access-Control-Request-Method", std::move(method)},
                            {"Access-Control-Request-Headers", "content-type, x-custom"}}});
  };
  for (const auto* target : {"/orders/7", "/posts", "/api/auth/sign-in/email"}) {
    CAPTURE(target);
    const auto client = ask(target, "https://partner.example", "POST");
    CHECK(client->status() == 204);
    CHECK(client->field("Access-Control-Allow-Origin") == "https://partner.example");
    CHECK(client->field("Access-Control-Allow-Credentials") == "true");
    CHECK(client->field("Access-Control-Allow-Methods") == "POST");
    CHECK(client->field("Access-Control-Allow-Headers") == "content-type, x-custom");
    CHECK(client->field("Vary") == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  }
  CHECK(ask("/sign-in", "https://partner.example", "GET")->status() == 204);
  CHECK(ask("/.well-known/jwks.json", "https://partner.example", "GET")->status() == 204);
  CHECK(ask("/sign-in", "https://evil.example", "GET")->status() == 200);
  CHECK(ask("/posts", "https://partner.example", "DELETE")->status() == 405);
  CHECK(ask("/posts", "https://evil.example", "POST")->status() == 405);
  const auto foreign = ask("/orders/7", "https://evil.example", "POST");
  CHECK(foreign->status() == 401);
  CHECK_FALSE(foreign->field("Access-Control-Allow-Origin"));
  CHECK(ask("/no-cors", "https://partner.example", "POST")->status() == 401);
  CHECK(ask("/nothing", "https://partner.example", "POST")->status() == 404);
  CHECK_FALSE(upstream_was_reached());
}

TEST_CASE_FIXTURE(World, "a trusted origin may read answers, the gateway's own refusals too, exactly once") {
  upstream.answer(
      "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\naccess-control-allow-credentials: false\r\n"
      "Content-Length: 2\r\n\r\nhi");
  const auto cookie = cookie_of(sign_in());
  const std::pair<std::string, std::string> origin{"Origin", "https://partner.example"};
  const auto allowed = [](const PipelineWorld::Client& client) {
    std::vector<std::string> values;
    for (const auto& [name, value] : client->fields()) {
      if (iequals(name, "access-control-allow-origin")) values.push_back(value);
    }
    return values;
  };
  const std::vector<std::string> once{"https://partner.example"};
  CHECK(allowed(get("/orders/7", {origin, {"Cookie", cookie}})) == once);
  CHECK(allowed(get("/orders/7", {origin})) == once);
  CHECK(allowed(get("/staff", {origin, {"Cookie", cookie}})) == once);
  CHECK(allowed(get("/nothing", {origin})) == once);
  CHECK(allowed(get("/api/auth/ok", {origin})) == once);
  CHECK(allowed(get("/sign-in", {origin})) == once);
  CHECK(allowed(get("/orders/7", {{"Origin", "https://evil.example"}})).empty());
  CHECK(allowed(get("/public/7", {{"Origin", "https://evil.example"}})).empty());
  CHECK(allowed(get("/public/7", {origin, {"Origin", "https://evil.example"}})).empty());
  CHECK(allowed(get("/orders/7", {{"Origin", "https://www.example.com"}})).empty());
  CHECK(allowed(get("/no-cors", {origin})).empty());
  CHECK(allowed(get("/no-cors", {origin, {"Cookie", cookie}})) == std::vector<std::string>{"*"});
}

TEST_CASE_FIXTURE(World, "an upstream lets nobody read answers with a session who is not a trusted origin") {
  upstream.answer(
      "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://evil.example\r\nAccess-Control-Allow-Credentials: "
      "true\r\n"
      "ACCESS-CONTROL-ALLOW-METHODS: DELETE\r\nAccess-Control-Expose-Headers: X-Total\r\nVary: Accept\r\n"
      "Content-Length: 2\r\n\r\nhi");
  const auto cookie = cookie_of(sign_in());
  const auto cors_fields = [&](std::string target, std::string origin) {
    std::string all;
    const auto client = get(std::move(target), {{"Origin", std::move(origin)}, {"Cookie", cookie}});
    for (const auto& [name, value] : client->fields()) {
      if (iequals(name.substr(0, 15), "access-control-") || iequals(name, "vary")) all += name + ": " + value + "\n";
    }
    return all;
  };
  CHECK(cors_fields("/orders/7", "https://evil.example") == "Vary: Accept\nVary: Origin\n");
  CHECK(cors_fields("/orders/7", "https://partner.example") ==
        "Access-Control-Expose-Headers: X-Total\nVary: Accept\nAccess-Control-Allow-Origin: https://partner.example\n"
        "Access-Control-Allow-Credentials: true\n"
        "Access-Control-Expose-Headers: X-Request-ID, Retry-After, X-Retry-After, RateLimit, RateLimit-Policy\n"
        "Vary: Origin\n");
  CHECK(cors_fields("/no-cors", "https://evil.example") ==
        "Access-Control-Allow-Origin: https://evil.example\nACCESS-CONTROL-ALLOW-METHODS: DELETE\n"
        "Access-Control-Expose-Headers: X-Total\nVary: Accept\n");
  CHECK(cors_fields("/no-cors", "https://partner.example").contains("Access-Control-Allow-Credentials: true"));
}

TEST_CASE_FIXTURE(World, "auth endpoints are served by the dispatcher, by their canonical spelling alone") {
  CHECK(get("/api/auth/ok")->body() == "{\"ok\":true}");
  CHECK(get("/api/auth/o%6B")->status() == 404);
  CHECK(get("/api//auth/ok")->status() == 404);
  CHECK(get("/api/auth/nothing")->status() == 404);
  const auto big = post("/api/auth/read", {{"Content-Type", "application/json"}}, std::string(1024 * 1024 + 1, ' '));
  CHECK(big->status() == 413);
  CHECK_FALSE(upstream_was_reached());
}

TEST_CASE_FIXTURE(World, "a body that breaks off before an auth endpoint has it is 400") {
  const auto client = make_client({.method = "POST", .target = "/api/auth/read", .streamed = true});
  client->give("{");
  client->break_body();
  tests::run_coroutine(io, pipeline.handle(client->exchange()));
  CHECK(client->status() == 400);
}

TEST_CASE_FIXTURE(World, "HEAD is answered without a body and with its length") {
  const auto refused = send({.method = "HEAD", .target = "/orders/7"});
  CHECK(refused->status() == 401);
  CHECK(refused->is_without_body());
  CHECK(refused->told_size() == 48);
  const auto page = send({.method = "HEAD", .target = "/sign-in"});
  CHECK(page->status() == 200);
  CHECK(page->is_without_body());
}

TEST_CASE_FIXTURE(World, "over TLS browsers are told to stay with it") {
  CHECK(get("/nothing")->field("Strict-Transport-Security") == "max-age=31536000");
  CHECK_FALSE(send({.target = "/nothing", .scheme = "http"})->field("Strict-Transport-Security"));
}

TEST_CASE_FIXTURE(World, "each exchange has one line in the log, without secrets") {
  const auto session = sign_in();
  const auto first = get("/orders/7?token=hidden", {{"Cookie", cookie_of(session)}});
  get("/api/auth/reset-password/abcdefghijklmnopqrstuvwx");
  get("/nothing");
  pipeline.on_refusal({.refusal = http::kBadHost, .peer = IpAddress::v4(0xC0000201)});
  const auto lines = log_lines();
  REQUIRE(lines.size() == 4);
  CHECK(std::string(lines[0].at("request_id").as_string()) == first->field("X-Request-ID"));
  CHECK(lines[0].at("path") == "/orders/7");
  CHECK(lines[0].at("route") == "/orders/**");
  CHECK(lines[0].at("status") == 200);
  CHECK(lines[0].at("user_id") == "u1");
  CHECK(lines[0].at("upstream") == "demo");
  CHECK(lines[0].at("peer") == "192.0.2.1");
  CHECK(lines[0].contains("upstream_ms"));
  CHECK_FALSE(lines[0].contains("reason"));
  CHECK(lines[1].at("path") == "/api/auth/reset-password/…");
  CHECK(lines[1].at("route") == "auth");
  CHECK(lines[2].at("reason") == "no_route");
  CHECK(lines[3].at("reason") == "bad_host");
  CHECK(lines[3].at("status") == 400);
  std::ifstream file(log_path());
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  CHECK(all.find(session.token) == std::string::npos);
  CHECK(all.find("hidden") == std::string::npos);
  CHECK(all.find("internal-key") == std::string::npos);
}

TEST_CASE_FIXTURE(World, "a stream is ended when its session is, and leaves the registry") {
  upstream.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
  cache.on_session_ended([this](const std::string& token) { live.end_session(token); });
  const auto session = sign_in();
  const auto client = make_client({.target = "/orders/events", .fields = {{"Cookie", cookie_of(session)}}});
  bool is_over = false;
  asio::co_spawn(io, pipeline.handle(client->exchange()), [&](const std::exception_ptr&) { is_over = true; });
  REQUIRE(tests::run_until(io, [&] { return live.size() == 1 && client->body() == "data: 1\n\n"; }));
  CHECK_FALSE(is_over);
  tests::run_coroutine(io, sessions.remove(session.token));
  REQUIRE(tests::run_until(io, [&] { return is_over; }));
  CHECK(client->is_aborted());
  CHECK(live.size() == 0);
}

TEST_CASE_FIXTURE(World, "a reload changes the routes for exchanges that begin after it") {
  auto changed = configuration;
  changed.routes.erase(changed.routes.begin());
  for (std::size_t i = 0; i < changed.routes.size(); ++i) changed.routes[i].index = i;
  CHECK(get("/public/a")->status() == 200);
  pipeline.set_site(std::make_shared<const pipeline::Site>(std::move(changed)));
  CHECK(get("/public/a")->status() == 404);
}

TEST_CASE("a route for everything leaves the sign-in page reachable and never shows it under another spelling") {
  PipelineWorld world("  - {path: /**, upstream: demo}\n");
  const auto page = world.get("/sign-in", {{"Sec-Fetch-Mode", "navigate"}});
  CHECK(page->status() == 200);
  CHECK(page->field("Content-Type") == "text/html; charset=utf-8");
  CHECK(world.get("/", {{"Sec-Fetch-Mode", "navigate"}})->field("Location") == "/sign-in?return_to=%2F");
  CHECK_FALSE(world.upstream_was_reached());
}

TEST_CASE("a protected route for everything shows the hosted pages to who is signed in as well, and has all else") {
  PipelineWorld world("  - {path: /**, upstream: demo}\n");
  world.upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndemo");
  const std::string cookie = world.cookie_of(world.sign_in());
  const auto page = world.get("/account", {{"Cookie", cookie}});
  CHECK(page->status() == 200);
  CHECK(page->field("Content-Type") == "text/html; charset=utf-8");
  CHECK_FALSE(world.upstream_was_reached());
  CHECK(world.get("/accounts", {{"Cookie", cookie}})->body() == "demo");
  CHECK(world.post("/account", {{"Cookie", cookie}, {"Origin", "https://www.example.com"}})->body() == "demo");
}

TEST_CASE("a service that has an account page of its own names it") {
  PipelineWorld world("  - {path: /**, upstream: demo}\n  - {path: /account, upstream: demo}\n");
  world.upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndemo");
  CHECK(world.get("/account", {{"Cookie", world.cookie_of(world.sign_in())}})->body() == "demo");
}
