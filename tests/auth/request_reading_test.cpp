// What a request to an auth endpoint is read as: body, query, addresses.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "auth/client_address.hpp"
#include "auth/request_body.hpp"
#include "auth/url_query.hpp"
#include "auth/validation.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
namespace json = boost::json;

namespace {

std::string parse(std::string_view text) {
  const auto value = parse_json(text);
  return value ? json::serialize(*value) : "no JSON";
}

Result<std::optional<json::value>> read(std::string type, std::string body, BodyKind kind = BodyKind::json) {
  AuthRequest request;
  request.method = "POST";
  if (!type.empty()) request.headers = {{"content-type", type}};
  request.body = body;
  return parse_body(request, kind);
}

}  // namespace

TEST_CASE("parse_json means what JavaScript means") {
  CHECK(parse("\xEF\xBB\xBF{\"a\":1}") == R"({"a":1})");
  CHECK(parse("{\"a\":\"\xFF\xFE\"}") == "{\"a\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"}");
  CHECK(parse(R"({"a":1,"b":2,"a":3})").find(R"("a":3)") != std::string::npos);
  CHECK(parse(R"("\ud800x")") == "\"\xEF\xBF\xBDx\"");
  CHECK(parse(R"("\udc00")") == "\"\xEF\xBF\xBD\"");
  CHECK(parse(R"("\ud83d\ude00")") == "\"\xF0\x9F\x98\x80\"");
  CHECK(parse(R"("\ud83d\ud83d\ude00")") == "\"\xEF\xBF\xBD\xF0\x9F\x98\x80\"");
  CHECK(parse(R"("\\ud800")") == R"("\\ud800")");
  CHECK(parse("\"\\u0000\\u2028\\u007f\\u001f\"") == "\"\\u0000\xE2\x80\xA8\x7F\\u001f\"");
  CHECK(parse(" null ") == "null");
  CHECK(parse(R"([1e999,-1e400,{"a":1e999,"b":1e3}])") == R"([null,null,{"a":null,"b":1E3}])");
  for (const char* text :
       {"", "{", "{\"a\":1,}", "nul", "'a'", "{\"a\":1} x", "\"\\u12\"", "\"\n\"", "01", "\\ud800"}) {
    CAPTURE(text);
    CHECK(parse(text) == "no JSON");
  }
}

TEST_CASE("parse_json takes deep nesting, and refuses what is deeper than its bound") {
  CHECK(parse_json(std::string(2000, '[') + std::string(2000, ']')).has_value());
  CHECK_FALSE(parse_json(std::string(100'000, '[') + std::string(100'000, ']')).has_value());
  CHECK_FALSE(parse_json(std::string(100'000, '[')).has_value());
}

TEST_CASE("a body counts only with a Content-Type, and only one that the endpoint takes") {
  CHECK_FALSE(read("", "{}").value().has_value());
  CHECK_FALSE(read("application/json", "").value().has_value());
  CHECK(read("APPLICATION/JSON; charset=latin1", "{}").value().has_value());
  CHECK(read("application/json", "{").error().message == "Invalid JSON in request body");
  CHECK(read("application/json", "{").error().code == "BAD_REQUEST");
  const auto refused = read("text/plain;x", "{}", BodyKind::form_or_json).error();
  CHECK(refused.status == 415);
  CHECK(refused.code == "UNSUPPORTED_MEDIA_TYPE");
  CHECK(refused.message ==
        "Content-Type \"text/plain;x\" is not allowed. Allowed types: application/x-www-form-urlencoded, "
        "application/json");
  CHECK(read("application/x-www-form-urlencoded", "a=b").error().message ==
        "Content-Type \"application/x-www-form-urlencoded\" is not allowed. Allowed types: application/json");
  CHECK(
      json::serialize(*read("application/x-www-form-urlencoded", "a=b+c&a=%C3%BC&d", BodyKind::form_or_json).value()) ==
      "{\"a\":\"\xC3\xBC\",\"d\":\"\"}");
}

TEST_CASE("UrlQuery reads as URLSearchParams does") {
  const UrlQuery query("a=1&b=%20x+y&a=2&c&=d&&e=%zz%4");
  CHECK(query.find("a") == "1");
  CHECK(query.is_repeated("a"));
  CHECK(query.find("b") == " x y");
  CHECK(query.find("c") == "");
  CHECK(query.find("") == "d");
  CHECK(query.find("e") == "%zz%4");
  CHECK_FALSE(query.find("f").has_value());
  CHECK(query.is_truthy("a"));
  CHECK_FALSE(query.is_truthy("c"));
  CHECK(UrlQuery("x=false").is_truthy("x"));
  CHECK(UrlQuery("x=&x=").is_truthy("x"));
}

TEST_CASE("is_email takes what zod takes") {
  for (const char* text : {"o'hara@example.test", "a_b-c+d@sub.example.test", "A@B.co", "-@a.bc", "a@a-.bc"}) {
    CAPTURE(text);
    CHECK(is_email(text));
  }
  for (const char* text : {"",
                           "plain",
                           "a@b",
                           "a b@example.test",
                           "@example.test",
                           "a@",
                           "a@@example.test",
                           "a@example..test",
                           ".a@example.test",
                           "a.@example.test",
                           "a..b@example.test",
                           "a'@example.test",
                           "\xC3\xBC@example.test",
                           "a@ex\xC3\xA4mple.test",
                           " a@example.test",
                           "a@example.test ",
                           "a@127.0.0.1",
                           "a@[127.0.0.1]",
                           "\"q\"@example.test",
                           "a@example.c",
                           "a@-example.test",
                           "a@example.t3st"}) {
    CAPTURE(text);
    CHECK_FALSE(is_email(text));
  }
  CHECK(is_email(std::string(300, 'x') + "@example.test"));
}

TEST_CASE("read_client_address follows Better Auth's rule") {
  config::IpAddressRule rule;
  const auto read_one = [&](std::string value) { return read_client_address({{"x-forwarded-for", value}}, rule); };
  CHECK(read_one("203.0.113.7") == "203.0.113.7");
  CHECK(read_one(" 203.0.113.7 ") == "203.0.113.7");
  CHECK(read_one("203.0.113.7, 10.0.0.1") == "");
  CHECK(read_one("2001:db8:1:2:3:4:5:6") == "2001:0db8:0001:0002:0000:0000:0000:0000");
  CHECK(read_one("::ffff:203.0.113.9") == "203.0.113.9");
  for (const char* value : {"nonsense", "", "203.0.113.7:4711", "[2001:db8::1]:80"}) CHECK(read_one(value) == "");
  CHECK(read_client_address({{"x-real-ip", "203.0.113.8"}}, rule) == "");

  rule.headers = {"x-real-client", "X-Forwarded-For"};
  rule.trusted_proxies = {parse_cidr("10.0.0.0/8").value(), parse_cidr("192.0.2.1").value()};
  rule.ipv6_subnet = 48;
  CHECK(read_one("203.0.113.7, 10.1.2.3") == "203.0.113.7");
  CHECK(read_one("198.51.100.1, 203.0.113.7, 192.0.2.1, 10.1.2.3") == "203.0.113.7");
  CHECK(read_one("10.1.2.3") == "");
  CHECK(read_one("bad, 10.1.2.3") == "");
  CHECK(read_one("2001:db8:aaaa:bbbb:cccc::1, 10.0.0.1") == "2001:0db8:aaaa:0000:0000:0000:0000:0000");
  CHECK(read_client_address({{"x-forwarded-for", "203.0.113.51"}, {"x-real-client", "203.0.113.50"}}, rule) ==
        "203.0.113.50");
  CHECK(read_client_address({{"x-real-client", "bad"}, {"x-forwarded-for", "203.0.113.51"}}, rule) == "203.0.113.51");
}
