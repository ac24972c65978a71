// Origins of URLs as browsers and Node see them (WHATWG URL): what a redirect or an Origin header is judged by. Only
// what that needs is parsed. Differs from WHATWG: a host with characters beyond ASCII is refused instead of being
// turned into its xn-- form; browsers send the xn-- form in Origin anyway.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::auth {

struct WebUrl {
  std::string scheme;  // lower case, without the colon
  std::string host;  // host[:port] as URL.host gives it, the scheme's default port left out; empty for schemes without
                     // a known form
  bool is_http() const { return scheme == "http" || scheme == "https"; }
  // scheme://host[:port]; empty for anything but http and https.
  std::string origin() const { return is_http() ? scheme + "://" + host : std::string(); }
};

// Absent: `new URL(text)` would throw.
std::optional<WebUrl> parse_web_url(std::string_view text);

}  // namespace gatehouse::auth
