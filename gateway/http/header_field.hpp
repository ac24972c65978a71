// One header field as the edge or an upstream sent it, and the names that the gateway itself looks at.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ascii.hpp"

namespace gatehouse::http {

// What names of fields and methods are made of (RFC 9110 section 5.6.2).
constexpr bool is_token_char(char c) {
  return is_alphanumeric(c) || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").contains(c));
}

// The names whose fields the gateway reads or must not pass on as they came. `other` is everything else.
enum class Name : std::uint8_t {
  other,
  accept,
  authorization,
  connection,
  content_length,
  content_type,
  cookie,
  date,
  expect,
  forwarded,
  host,
  http2_settings,
  keep_alive,
  location,
  origin,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  referer,
  sec_fetch_dest,
  sec_fetch_mode,
  sec_fetch_site,
  sec_websocket_accept,
  sec_websocket_key,
  server,
  set_cookie,
  strict_transport_security,
  te,
  traceparent,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  access_control_request_method,
};

// The known name that `text` spells in any case, or `other`.
Name find_name(std::string_view text);

struct HeaderField {
  std::string_view name;   // a token, as it was spelled
  std::string_view value;  // trimmed; no CR, LF or NUL
  Name known = Name::other;
};

// Views into storage that the head's owner keeps.
using HeaderFields = std::span<const HeaderField>;

// The first field of that name, or absent.
std::optional<std::string_view> find_field(HeaderFields fields, Name name);
std::optional<std::string_view> find_field(HeaderFields fields, std::string_view name);

}  // namespace gatehouse::http
