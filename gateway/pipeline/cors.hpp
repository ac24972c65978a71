// Cross-origin requests of trusted origins (Fetch standard, section 3.2): preflights are answered by the gateway on
// every route, and answers say that the origin may read them. Other origins get no such field, and so nothing.
#pragma once
#include "auth/trusted_origins.hpp"
#include "pipeline/context.hpp"

namespace gatehouse::pipeline {

// The Origin of a request from another trusted origin, where CORS is on for its route; empty otherwise.
std::string_view find_cors_origin(const Context& c, const auth::TrustedOrigins& origins);

// OPTIONS with Access-Control-Request-Method.
bool is_preflight(const http::RequestHead& head);

void append_cors_lines(std::string& out, std::string_view origin);
void append_preflight_lines(std::string& out, const http::RequestHead& head, std::string_view origin);

}  // namespace gatehouse::pipeline
