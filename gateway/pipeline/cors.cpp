#include "pipeline/cors.hpp"

namespace gatehouse::pipeline {

std::string_view find_cors_origin(const Context& c, const auth::TrustedOrigins& origins) {
  if (!c.site.configuration.gateway.auth.cors_enabled || !c.route().cors) return {};
  const auto origin = c.head.find(http::Name::origin);
  if (!origin || *origin == c.site.base_url || !origins.trusts_serialized(*origin)) return {};
  return *origin;
}

bool is_preflight(const http::RequestHead& head) {
  return head.method == "OPTIONS" && head.find(http::Name::access_control_request_method) &&
         head.find(http::Name::origin);
}

void append_cors_lines(std::string& out, std::string_view origin) {
  out.append("Access-Control-Allow-Origin: ").append(origin).append("\r\n");
  out.append(
      "Access-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-Request-ID, Retry-After\r\nVary: "
      "Origin\r\n");
}

void append_preflight_lines(std::string& out, const http::RequestHead& head, std::string_view origin) {
  out.append("Access-Control-Allow-Origin: ").append(origin).append("\r\n");
  out.append("Access-Control-Allow-Credentials: true\r\nAccess-Control-Max-Age: 600\r\n");
  out.append("Access-Control-Allow-Methods: ")
      .append(*head.find(http::Name::access_control_request_method))
      .append("\r\n");
  if (const auto headers = head.find("access-control-request-headers")) {
    out.append("Access-Control-Allow-Headers: ").append(*headers).append("\r\n");
  }
  out.append("Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n");
}

}  // namespace gatehouse::pipeline
