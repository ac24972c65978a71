#include "pipeline/cors.hpp"

#include "base/ascii.hpp"

namespace gatehouse::pipeline {

namespace {

bool is_on(const Context& c) {
  return c.site.configuration.gateway.auth.cors_enabled && c.route().cors;
}

// Browsers send one (RFC 6454 section 7.3); of several, none is believed.
std::optional<std::string_view> find_origin(const http::RequestHead& head) {
  std::optional<std::string_view> origin;
  for (const auto& field : head.fields) {
    if (field.known != http::Name::origin) continue;
    if (origin) return std::nullopt;
    origin = field.value;
  }
  return origin;
}

}  // namespace

bool varies_by_origin(const Context& c) {
  return is_on(c) && !c.site.configuration.gateway.trusted_origins.empty();
}

bool passes_cors_field(const Context& c, std::string_view name, const auth::TrustedOrigins& origins) {
  constexpr std::string_view kPrefix = "access-control-";
  if (name.size() <= kPrefix.size() || !iequals(name.substr(0, kPrefix.size()), kPrefix)) return true;
  // Which of its fields a trusted origin may read is the upstream's to say.
  if (is_on(c)) return c.cors && iequals(name, "access-control-expose-headers");
  if (c.route().auth == config::AuthMode::open || !iequals(name, "access-control-allow-credentials")) return true;
  const auto origin = find_origin(c.head);
  return origin && origins.trusts_serialized(*origin);
}

std::string_view find_cors_origin(const Context& c, const auth::TrustedOrigins& origins) {
  if (!is_on(c)) return {};
  const auto origin = find_origin(c.head);
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
      "Access-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-Request-ID, Retry-After, "
      "X-Retry-After, RateLimit, RateLimit-Policy\r\n");
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
