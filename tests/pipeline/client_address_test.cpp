#include "pipeline/client_address.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gatehouse;

namespace {

// What comes out for a peer and these X-Forwarded-For fields, with 10.0.0.0/8 and 2001:db8:1::/48 trusted.
std::string client_of(std::string_view peer, std::vector<std::string> forwarded_for,
                      std::vector<std::string> trusted = {"10.0.0.0/8", "2001:db8:1::/48"}) {
  std::vector<http::HeaderField> fields{{"X-Real-IP", "198.51.100.99", http::Name::other},
                                        {"Forwarded", "for=198.51.100.98", http::Name::forwarded}};
  for (const auto& value : forwarded_for) fields.push_back({"x-forwarded-FOR", value, http::Name::other});
  std::vector<Cidr> proxies;
  for (const auto& text : trusted) proxies.push_back(parse_cidr(text).value());
  return pipeline::find_client_address(parse_ip(peer).value(), fields, proxies).to_string();
}

}  // namespace

TEST_CASE("without trusted proxies the client is the socket's address, whatever the headers say") {
  CHECK(client_of("192.0.2.1", {"198.51.100.7"}, {}) == "192.0.2.1");
  CHECK(client_of("10.0.0.1", {"198.51.100.7"}, {}) == "10.0.0.1");
}

TEST_CASE("a peer that is not listed is not believed") {
  CHECK(client_of("192.0.2.1", {"198.51.100.7"}) == "192.0.2.1");
}

TEST_CASE("behind a trusted proxy the client is the nearest hop that is not trusted") {
  CHECK(client_of("10.0.0.1", {"198.51.100.7"}) == "198.51.100.7");
  CHECK(client_of("10.0.0.1", {"203.0.113.5, 198.51.100.7"}) == "198.51.100.7");
  CHECK(client_of("10.0.0.1", {"203.0.113.5, 198.51.100.7, 10.2.3.4"}) == "198.51.100.7");
  CHECK(client_of("10.0.0.1", {" 203.0.113.5 ,\t198.51.100.7\t,10.2.3.4 "}) == "198.51.100.7");
}

TEST_CASE("several fields are one list") {
  CHECK(client_of("10.0.0.1", {"203.0.113.5", "198.51.100.7"}) == "198.51.100.7");
  CHECK(client_of("10.0.0.1", {"203.0.113.5, 198.51.100.7", "10.2.3.4, 10.2.3.5"}) == "198.51.100.7");
}

TEST_CASE("a chain of trusted hops alone gives the farthest of them") {
  CHECK(client_of("10.0.0.1", {"10.9.9.9, 10.2.3.4"}) == "10.9.9.9");
  CHECK(client_of("10.0.0.1", {}) == "10.0.0.1");
  CHECK(client_of("10.0.0.1", {""}) == "10.0.0.1");
}

TEST_CASE("an unreadable hop ends the walk at the last readable one") {
  CHECK(client_of("10.0.0.1", {"198.51.100.7, unknown"}) == "10.0.0.1");
  CHECK(client_of("10.0.0.1", {"198.51.100.7, _hidden, 10.2.3.4"}) == "10.2.3.4");
  CHECK(client_of("10.0.0.1", {"198.51.100.7,"}) == "10.0.0.1");
  CHECK(client_of("10.0.0.1", {"198.51.100.7:443"}) == "10.0.0.1");
  CHECK(client_of("10.0.0.1", {"198.51.100.7", "nonsense"}) == "10.0.0.1");
  CHECK(client_of("10.0.0.1", {"198.51.100.7", ", 10.2.3.4"}) == "10.2.3.4");
  CHECK(client_of("10.0.0.1", {"198.51.100.7", ""}) == "10.0.0.1");
}

TEST_CASE("IPv6 hops work, and mapped IPv4 is IPv4") {
  CHECK(client_of("2001:db8:1::1", {"2001:db8:2::7, 2001:DB8:1:0::5"}) == "2001:db8:2::7");
  CHECK(client_of("::ffff:10.0.0.1", {"::ffff:198.51.100.7"}) == "198.51.100.7");
  CHECK(client_of("::ffff:10.0.0.1", {"198.51.100.7, ::ffff:10.2.3.4"}) == "198.51.100.7");
}
