// Cross-origin requests of trusted origins (Fetch standard, section 3.2): preflights are answered by the gateway on
// every route, and answers say that the origin may read them. Other origins get no such field, and so nothing. Where
// CORS is on, the gateway alone speaks: what an upstream says of it is taken out of its answers, so that it never lets
// anybody in who is not a trusted origin.
#pragma once
#include "auth/trusted_origins.hpp"
#include "pipeline/context.hpp"

namespace gatehouse::pipeline {

// Whether answers of this route differ by origin: CORS is on, and some other origin is trusted.
bool varies_by_origin(const Context& c);

// The Origin of a request from another trusted origin, where CORS is on for its route; empty otherwise.
std::string_view find_cors_origin(const Context& c, const auth::TrustedOrigins& origins);

// OPTIONS with Access-Control-Request-Method.
bool is_preflight(const http::RequestHead& head);

// What passes of an upstream's own CORS fields. `cors: false` leaves them to it, but whom the user's session is shown
// to is not its to say: credentials are for trusted origins alone, where the route looks at a session.
bool passes_cors_field(const Context& c, std::string_view name, const auth::TrustedOrigins& origins);

void append_cors_lines(std::string& out, std::string_view origin);
void append_preflight_lines(std::string& out, const http::RequestHead& head, std::string_view origin);

}  // namespace gatehouse::pipeline
