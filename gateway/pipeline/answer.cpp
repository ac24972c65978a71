#include "pipeline/answer.hpp"

#include <charconv>

#include "base/json_text.hpp"
#include "pipeline/cors.hpp"

namespace gatehouse::pipeline {

void append_common_lines(std::string& out, const RequestId& id, bool is_https) {
  out.append("X-Request-ID: ").append(id.view()).append("\r\n");
  if (is_https) out.append("Strict-Transport-Security: max-age=31536000\r\n");
}

namespace {

void append_limit_lines(std::string& out, const Context& c) {
  if (c.limit_place == Context::kNoLimit) return;
  char digits[10];
  const auto append_number = [&](std::uint32_t number) {
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  };
  out.append(c.site.limit_of(c.match).fields[c.limit_place]);
  append_number(c.limit_remaining);
  out.append(";t=");
  append_number(c.limit_reset_seconds);
  out.append("\r\n");
}

}  // namespace

void append_common_lines(std::string& out, const Context& c) {
  append_common_lines(out, c.id, c.head.scheme == "https");
  append_limit_lines(out, c);
  if (c.set_cookie) out.append("Set-Cookie: ").append(*c.set_cookie).append("\r\n");
  if (c.cors) append_cors_lines(out, *c.head.find(http::Name::origin));
  if (c.varies) out.append("Vary: Origin\r\n");
}

void answer(Context& c, int status, std::string_view lines, std::string_view body) {
  std::string extra(lines);
  append_common_lines(extra, c);
  http::ResponseHead head;
  head.status = status;
  head.extra = extra;
  head.size = body.size();
  head.without_body = c.head.method == "HEAD";
  c.status = status;
  c.exchange.sink.start(head);
  c.exchange.sink.write(body);
  c.exchange.sink.finish();
}

void answer_error(Context& c, int status, std::string_view code, std::string_view message, std::string_view reason,
                  std::string_view lines) {
  std::string all = "Cache-Control: no-store\r\n";
  all.append(lines);
  answer_auth_error(c, status, code, message, reason, all);
}

void answer_auth_error(Context& c, int status, std::string_view code, std::string_view message, std::string_view reason,
                       std::string_view lines) {
  c.reason = reason;
  std::string body = "{\"code\":";
  append_json_quoted(body, code);
  body.append(",\"message\":");
  append_json_quoted(body, message);
  body.append("}");
  std::string extra = "Content-Type: application/json\r\n";
  extra.append(lines);
  answer(c, status, extra, body);
}

void answer_method_not_allowed(Context& c, std::string_view allowed) {
  std::string lines = "Allow: ";
  lines.append(allowed).append("\r\n");
  answer_error(c, 405, "METHOD_NOT_ALLOWED", "The method is not allowed", "method_not_allowed", lines);
}

void answer_redirect(Context& c, int status, std::string_view location, std::string_view reason) {
  c.reason = reason;
  std::string lines = "Cache-Control: no-store\r\nLocation: ";
  lines.append(location).append("\r\n");
  answer(c, status, lines, "");
}

bool is_navigation(const http::RequestHead& head) {
  if (head.method != "GET" && head.method != "HEAD") return false;
  if (const auto mode = head.find(http::Name::sec_fetch_mode)) return *mode == "navigate";
  const auto accept = head.find(http::Name::accept);
  return accept && accept->find("text/html") != std::string_view::npos;
}

}  // namespace gatehouse::pipeline
