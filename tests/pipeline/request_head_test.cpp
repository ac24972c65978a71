#include "pipeline/request_head.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace gatehouse;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Written {
  config::Route route = {};
  std::string method = "GET";
  std::string path = "/orders";
  std::optional<std::string> query = {};
  std::string identity = "X-User-ID: u1\r\n";
  std::string websocket_key = {};

  std::string head(const Fields& sent) const {
    const auth::SessionCookie cookies({}, {"https", "app.example", 443}, Secret("a secret of at least 32 bytes, yes!"));
    std::vector<http::HeaderField> fields;
    for (const auto& [name, value] : sent) fields.push_back({name, value, http::find_name(name)});
    http::RequestHead from;
    from.method = method;
    from.scheme = "https";
    from.host = "app.example";
    from.path = path;
    from.has_query = query.has_value();
    from.query = query ? std::string_view(*query) : "";
    from.fields = fields;
    std::string out;
    pipeline::append_request_head(out, {.head = from,
                                        .route = route,
                                        .path = path,
                                        .authority = "app.example:8443",
                                        .client_address = "198.51.100.7",
                                        .credentials = "Authorization: Bearer key\r\n",
                                        .identity = identity,
                                        .websocket_key = websocket_key,
                                        .request_id = "0123456789abcdef0123456789abcdef",
                                        .span = "fedcba9876543210",
                                        .cookies = cookies});
    return out;
  }
};

// What the gateway adds behind the client's fields.
const std::string kAdded =
    "Authorization: Bearer key\r\n"
    "X-User-ID: u1\r\n"
    "X-Request-ID: 0123456789abcdef0123456789abcdef\r\n"
    "X-Forwarded-For: 198.51.100.7\r\n"
    "X-Real-IP: 198.51.100.7\r\n"
    "X-Forwarded-Proto: https\r\n"
    "X-Forwarded-Host: app.example:8443\r\n"
    "traceparent: 00-0123456789abcdef0123456789abcdef-fedcba9876543210-00\r\n";

const std::string kStart = "GET /orders HTTP/1.1\r\nHost: app.example:8443\r\n";

}  // namespace

TEST_CASE("the head is written from the parsed parts, in the client's order, with the gateway's fields behind") {
  CHECK(Written{}.head({{"Host", "evil.example"}, {"Accept", "*/*"}, {"X-Custom", "a b"}, {"accept", "text/html"}}) ==
        kStart + "Accept: */*\r\nX-Custom: a b\r\naccept: text/html\r\n" + kAdded);
}

TEST_CASE("the query is kept byte for byte, an empty one too") {
  CHECK(Written{.query = "a=%2f%2F&&b=+%20?/"}.head({}).starts_with("GET /orders?a=%2f%2F&&b=+%20?/ HTTP/1.1\r\n"));
  CHECK(Written{.query = ""}.head({}).starts_with("GET /orders? HTTP/1.1\r\n"));
}

TEST_CASE("hop-by-hop and framing fields are not passed on") {
  CHECK(Written{}.head({{"Connection", "keep-alive, X-Hop"},
                        {"X-Hop", "1"},
                        {"Keep-Alive", "timeout=5"},
                        {"TE", "trailers"},
                        {"Trailer", "X-Sum"},
                        {"Transfer-Encoding", "chunked"},
                        {"Content-Length", "3"},
                        {"Expect", "100-continue"},
                        {"Upgrade", "h2c"},
                        {"HTTP2-Settings", "AAA"},
                        {"Proxy-Connection", "close"},
                        {"Proxy-Authorization", "Basic eA=="},
                        {"X-Kept", "1"}}) == kStart + "X-Kept: 1\r\n" + kAdded);
}

TEST_CASE("a Connection field that names what the gateway adds takes nothing away") {
  CHECK(Written{}.head({{"Connection", "close, X-User-ID, Authorization, X-Forwarded-For, X-Request-ID, Host"},
                        {"X-User-ID", "admin"}}) == kStart + kAdded);
}

TEST_CASE("what folds to a reserved name is thrown away, and each added field stands there once") {
  const auto head = Written{}.head({{"X-User-ID", "admin"},
                                    {"x_user_id", "admin"},
                                    {"X.User.Email", "root@example"},
                                    {"Authorization", "Bearer stolen"},
                                    {"authorization_", "Bearer stolen"},
                                    {"X-Forwarded-For", "127.0.0.1"},
                                    {"Forwarded", "for=127.0.0.1"},
                                    {"X-Gatehouse-Assertion", "forged"},
                                    {"traceparent", "00-1-2-01"},
                                    {"X-Request-ID", "mine"}});
  CHECK(head == kStart + kAdded);
}

TEST_CASE("without a session no identity is said, and what the client says is gone all the same") {
  const auto head = Written{.identity = ""}.head({{"X-User-ID", "admin"}, {"X_Session_ID", "1"}});
  CHECK(head.find("X-User") == std::string::npos);
  CHECK(head.find("ession") == std::string::npos);
}

TEST_CASE("the gateway's cookies stay here, others are passed on byte for byte") {
  const Fields sent{
      {"Cookie", "a=1; __Secure-better-auth.session_token=t.s; b=\"2\"; __Secure-better-auth.session_data=d; c"}};
  CHECK(Written{}.head(sent) == kStart + "Cookie: a=1; b=\"2\"; c\r\n" + kAdded);
  CHECK(Written{}.head({{"Cookie", "__Secure-better-auth.session_token=t.s"}}) == kStart + kAdded);
}

TEST_CASE("forward_session_cookie keeps the session token and nothing else of the gateway's") {
  Written written;
  written.route.forward_session_cookie = true;
  CHECK(
      written.head({{"Cookie", "__Secure-better-auth.session_token=t.s; __Secure-better-auth.session_data=d; b=2"}}) ==
      kStart + "Cookie: __Secure-better-auth.session_token=t.s; b=2\r\n" + kAdded);
}

TEST_CASE("forward_authorization_as carries the client's Authorization, and nobody else can write that field") {
  Written written;
  written.route.forward_authorization_as = "X-Client-Authorization";
  CHECK(written.head({{"Authorization", "Bearer mine"},
                      {"X-Client-Authorization", "Bearer forged"},
                      {"x_client.authorization", "Bearer forged"}}) ==
        kStart + "X-Client-Authorization: Bearer mine\r\n" + kAdded);
  CHECK(written.head({{"X-Client-Authorization", "Bearer forged"}, {"X_Client_Authorization", "Bearer forged"}}) ==
        kStart + kAdded);
}

TEST_CASE("an upgrade is asked for anew") {
  const auto head = Written{.websocket_key = "dGhlIHNhbXBsZSBub25jZQ=="}.head({{"Connection", "Upgrade, X-User-ID"},
                                                                               {"Upgrade", "websocket"},
                                                                               {"Sec-WebSocket-Version", "13"},
                                                                               {"Sec-WebSocket-Key", "dGhl"}});
  CHECK(head == kStart + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhl\r\n" + kAdded +
                    "Connection: Upgrade\r\nUpgrade: websocket\r\n");
}
