// Requests that a foreign site makes a browser send with the victim's session cookie. The rule of proxied routes: an
// unsafe method (or a WebSocket handshake, which browsers let any site make) with a session cookie needs a trusted
// Origin in the one form that browsers write, or without Origin a Sec-Fetch-Site of same-origin or none. With neither
// header it is no browser, and is allowed. Sources: OWASP CSRF cheat sheet, Fetch metadata.
#pragma once
#include "auth/trusted_origins.hpp"
#include "http/exchange.hpp"

namespace gatehouse::pipeline {

bool is_safe_method(std::string_view method);  // GET, HEAD, OPTIONS, TRACE (RFC 9110 section 9.2.1)

// Only for requests with a session cookie.
bool is_cross_site(const http::RequestHead& head, bool upgrade, const auth::TrustedOrigins& origins);

}  // namespace gatehouse::pipeline
