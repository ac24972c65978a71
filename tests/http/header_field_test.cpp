#include "http/header_field.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "http/hop_by_hop.hpp"

using namespace gatehouse::http;

namespace {

HeaderField field(std::string_view name, std::string_view value) {
  return {name, value, find_name(name)};
}

}  // namespace

TEST_CASE("find_name knows its names in any case") {
  CHECK(find_name("te") == Name::te);
  CHECK(find_name("HOST") == Name::host);
  CHECK(find_name("Content-length") == Name::content_length);
  CHECK(find_name("Transfer-Encoding") == Name::transfer_encoding);
  CHECK(find_name("access-control-request-method") == Name::access_control_request_method);
  CHECK(find_name("Strict-Transport-Security") == Name::strict_transport_security);
}

TEST_CASE("find_name takes nothing for a name that is only like it") {
  for (const std::string_view name : {"", "x", "hos", "hosts", "Content_Length", "content-length ", "Transfer-Encodin",
                                      "access-control-request-methods", "t\xE9"}) {
    CAPTURE(name);
    CHECK(find_name(name) == Name::other);
  }
  CHECK(find_name(std::string(300, 'a')) == Name::other);
}

TEST_CASE("find_field gives the first one") {
  const std::array fields{field("X-A", "1"), field("Cookie", "a"), field("x-a", "2"), field("cookie", "b")};
  CHECK(find_field(fields, Name::cookie) == "a");
  CHECK(find_field(fields, "X-a") == "1");
  CHECK_FALSE(find_field(fields, Name::host));
  CHECK_FALSE(find_field(fields, "X"));
}

TEST_CASE("fields of one connection are hop-by-hop, and so is what Connection names") {
  const std::array fields{field("Connection", "close, X-Foo ,,\"x\""),
                          field("X-Foo", "1"),
                          field("x-bar", "1"),
                          field("connection", "X-BAR"),
                          field("X-Baz", "1"),
                          field("TE", "trailers"),
                          field("Keep-Alive", "1"),
                          field("Upgrade", "x"),
                          field("Host", "a")};
  const HopByHop hop_by_hop(fields);
  const bool expected[] = {true, true, true, true, false, true, true, true, false};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    CAPTURE(i);
    CHECK(hop_by_hop.contains(fields[i]) == expected[i]);
  }
  for (const std::string_view name : {"Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Trailer",
                                      "Transfer-Encoding", "Content-Length", "Expect", "HTTP2-Settings"}) {
    CAPTURE(name);
    CHECK(HopByHop({}).contains(field(name, "x")));
  }
}

TEST_CASE("is_token_char takes what names are made of") {
  for (const char c : std::string_view("azAZ09!#$%&'*+-.^_`|~")) CHECK(is_token_char(c));
  for (const char c : std::string_view("\0 \t()<>@,;:\\\"/[]?={}\x7F\xC3", 21)) CHECK_FALSE(is_token_char(c));
}
