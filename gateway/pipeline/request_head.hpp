// set_headers, the last step before an upstream: writes a new request head from the parsed parts. Hop-by-hop fields and
// everything that folds to a reserved name are left out first, then the gateway's own fields are added: no client can
// remove or repeat them.
#pragma once
#include <string>

#include "auth/session_cookie.hpp"
#include "http/exchange.hpp"
#include "pipeline/request_id.hpp"

namespace gatehouse::pipeline {

struct RequestHeadParts {
  const http::RequestHead& head;
  const config::Route& route;
  std::string_view path;       // as it is forwarded
  std::string_view authority;  // Host, and X-Forwarded-Host
  std::string_view client_address;
  std::string_view credentials;    // the line "Authorization: Bearer …" of the upstream
  std::string_view identity;       // lines of IdentityHeaders; empty without a session
  std::string_view websocket_key;  // set: an upgrade is asked for
  std::string_view request_id;
  std::string_view span;  // of traceparent
  const auth::SessionCookie& cookies;
};

// Appends all lines but the framing and the empty one (upstream/forward.hpp adds them).
void append_request_head(std::string& out, const RequestHeadParts& parts);

}  // namespace gatehouse::pipeline
