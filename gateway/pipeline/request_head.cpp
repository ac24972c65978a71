#include "pipeline/request_head.hpp"

#include "base/ascii.hpp"
#include "http/hop_by_hop.hpp"
#include "pipeline/reserved_headers.hpp"

namespace gatehouse::pipeline {

namespace {

void add(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_cookie(std::string& out, const RequestHeadParts& parts, std::string_view header) {
  const std::size_t before = out.size();
  out.append("Cookie: ");
  const std::size_t empty = out.size();
  parts.cookies.append_other_cookies(out, header, parts.route.forward_session_cookie);
  if (out.size() == empty) {
    out.resize(before);
  } else {
    out.append("\r\n");
  }
}

void append_client_fields(std::string& out, const RequestHeadParts& parts) {
  const http::HopByHop hop_by_hop(parts.head.fields);
  const std::string_view kept_as = parts.route.forward_authorization_as;
  for (const auto& field : parts.head.fields) {
    if (hop_by_hop.contains(field) || field.known == http::Name::host) continue;
    if (field.known == http::Name::cookie) {
      append_cookie(out, parts, field.value);
    } else if (!is_reserved(field.name) && (kept_as.empty() || !folds_alike(field.name, kept_as))) {
      add(out, field.name, field.value);
    }
  }
}

}  // namespace

void append_request_head(std::string& out, const RequestHeadParts& parts) {
  out.append(parts.head.method).append(" ").append(parts.path);
  if (parts.head.has_query) out.append("?").append(parts.head.query);
  out.append(" HTTP/1.1\r\n");
  add(out, "Host", parts.authority);
  append_client_fields(out, parts);
  if (!parts.route.forward_authorization_as.empty()) {
    if (const auto authorization = parts.head.find(http::Name::authorization)) {
      add(out, parts.route.forward_authorization_as, *authorization);
    }
  }
  out.append(parts.credentials).append(parts.identity);
  add(out, "X-Request-ID", parts.request_id);
  add(out, "X-Forwarded-For", parts.client_address);
  add(out, "X-Real-IP", parts.client_address);
  add(out, "X-Forwarded-Proto", parts.head.scheme);
  add(out, "X-Forwarded-Host", parts.authority);
  out.append("traceparent: 00-").append(parts.request_id).append("-").append(parts.span).append("-00\r\n");
  if (!parts.websocket_key.empty()) out.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
}

}  // namespace gatehouse::pipeline
