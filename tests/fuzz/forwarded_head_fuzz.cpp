// What an upstream is told of any request that is accepted: read by the same strict parser, it is one request without a
// body, for the same path, with each name that the gateway alone may say exactly once and with the gateway's value, and
// without anything that belonged to the client's connection. The first byte sets the route's switches.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "http/request_parser.hpp"
#include "pipeline/request_head.hpp"

using namespace gatehouse;
using http::RequestParser;

namespace {

constexpr std::string_view kId = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kKeptAs = "X-Client-Authorization";

// Folded name, and the one value that may stand there.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kOwn{{
    {"authorization", "Bearer key"},
    {"host", "upstream.test"},
    {"traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"},
    {"x-forwarded-for", "192.0.2.1"},
    {"x-forwarded-host", "upstream.test"},
    {"x-forwarded-proto", "https"},
    {"x-real-ip", "192.0.2.1"},
    {"x-request-id", kId},
    {"x-user-id", "u1"},
}};
// In no spelling that folds to them, and as they are.
constexpr std::array<std::string_view, 7> kNever{"connection", "content-length",    "proxy",  "te",
                                                 "trailer",    "transfer-encoding", "upgrade"};
constexpr std::array<std::string_view, 6> kOfTheConnection{
    "expect", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"};
constexpr std::array<std::string_view, 5> kFamilies{"x-user-", "x-session-", "x-organization-", "x-gatehouse-",
                                                    "x-forwarded-"};

std::string fold(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (is_alphanumeric(c)) {
      out.push_back(ascii_lower(c));
    } else if (!out.empty() && out.back() != '-') {
      out.push_back('-');
    }
  }
  while (out.ends_with('-')) out.pop_back();
  return out;
}

bool is_in_connection(http::HeaderFields fields, std::string_view name) {
  bool listed = false;
  for (const auto& field : fields) {
    if (!iequals(field.name, "connection")) continue;
    for_each_in_list(field.value, [&](std::string_view option) { listed = listed || iequals(option, name); });
  }
  return listed;
}

void check_fields(http::HeaderFields sent, http::HeaderFields came, bool keeps_authorization) {
  std::array<int, kOwn.size()> counts{};
  for (const auto& field : sent) {
    const std::string folded = fold(field.name);
    const auto own =
        std::ranges::find(kOwn, std::string_view(folded), &std::pair<std::string_view, std::string_view>::first);
    if (own != kOwn.end()) {
      GATEHOUSE_CHECK(field.value == own->second);
      ++counts[static_cast<std::size_t>(own - kOwn.begin())];
      continue;
    }
    GATEHOUSE_CHECK(std::ranges::find(kNever, folded) == kNever.end());
    GATEHOUSE_CHECK(std::ranges::find(kOfTheConnection, to_lower(field.name)) == kOfTheConnection.end());
    for (const auto family : kFamilies) GATEHOUSE_CHECK(!folded.starts_with(family));
    if (keeps_authorization && folded == fold(kKeptAs)) {
      GATEHOUSE_CHECK(field.value == http::find_field(came, http::Name::authorization));
      continue;
    }
    GATEHOUSE_CHECK(folded != "cookie" || field.known == http::Name::cookie);
    GATEHOUSE_CHECK(!is_in_connection(came, field.name));
  }
  for (const int count : counts) GATEHOUSE_CHECK(count == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Secret secret("a secret of at least 32 bytes, yes!");
  static auth::SessionCookie cookies({}, {"http", "auth.example.test", 80}, secret);
  if (size < 2 || size > 16 * 1024) return 0;
  std::string buffer(reinterpret_cast<const char*>(data) + 1, size - 1);
  RequestParser parser;
  if (parser.parse_head(buffer.data(), buffer.size()) != RequestParser::Progress::complete) return 0;
  auto& head = parser.head();
  if (head.fields.size() + kOwn.size() + 1 > http::kHeaderFieldsMax) return 0;
  head.scheme = "https";

  config::Route route;
  const bool keeps_authorization = (data[0] & 1) != 0;
  if (keeps_authorization) route.forward_authorization_as = kKeptAs;
  route.forward_session_cookie = (data[0] & 2) != 0;
  std::string out;
  pipeline::append_request_head(out, {.head = head,
                                      .route = route,
                                      .path = head.path,
                                      .authority = "upstream.test",
                                      .client_address = "192.0.2.1",
                                      .credentials = "Authorization: Bearer key\r\n",
                                      .identity = "X-User-ID: u1\r\n",
                                      .websocket_key = {},
                                      .request_id = kId,
                                      .span = kId.substr(0, 16),
                                      .cookies = cookies});
  out += "\r\n";

  const std::string method(head.method), path(head.path), query(head.query);
  RequestParser upstream;
  GATEHOUSE_CHECK(upstream.parse_head(out.data(), out.size()) == RequestParser::Progress::complete);
  const auto& told = upstream.head();
  GATEHOUSE_CHECK(upstream.head_bytes() == out.size() && !upstream.has_body());
  GATEHOUSE_CHECK(told.method == method && told.path == path && told.path_was_canonical);
  GATEHOUSE_CHECK(told.has_query == head.has_query && told.query == query);
  check_fields(told.fields, head.fields, keeps_authorization);
  if (!route.forward_session_cookie) {
    auth::SessionCookie::Scratch scratch;
    GATEHOUSE_CHECK(cookies.verify(told.fields, scratch).signature == auth::SessionCookie::Signature::none);
  }
  return 0;
}
