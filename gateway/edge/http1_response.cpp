#include "edge/http1_response.hpp"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

#include "base/json_text.hpp"

namespace gatehouse::edge {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

namespace {

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end);
}

// RFC 9110 section 5.6.7, made once a second.
void append_date(std::string& out) {
  thread_local std::time_t last = 0;
  thread_local char text[64];
  thread_local std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != last) {
    std::tm tm{};
    gmtime_r(&now, &tm);
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    size = fmt::format_to_n(text, sizeof text, "Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n", kDays[tm.tm_wday],
                            tm.tm_mday, kMonths[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec)
               .size;
    last = now;
  }
  out.append(text, size);
}

}  // namespace

Framing choose_framing(const http::ResponseHead& head, int request_version) {
  if (head.without_body || head.status < 200 || head.status == 204 || head.status == 304) return Framing::none;
  if (head.size) return Framing::content_length;
  return request_version >= 11 ? Framing::chunked : Framing::until_close;
}

void append_response_head(std::string& out, const http::ResponseHead& head, ResponseHeadOptions options) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(head.status));
  out.push_back(' ');
  out.append(reason_phrase(head.status));
  out.append("\r\n");
  bool has_date = false;
  for (const http::HeaderField& field : head.fields) {
    has_date = has_date || field.known == http::Name::date;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  out.append(head.extra);
  if (!has_date && head.status >= 200) append_date(out);
  if (options.framing == Framing::chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (head.size && head.status >= 200 && head.status != 204 &&
             (options.framing == Framing::content_length || head.without_body)) {
    out.append("Content-Length: ");
    append_number(out, *head.size);
    out.append("\r\n");
  }
  if (options.close) {
    out.append("Connection: close\r\n");
  } else if (options.keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

std::string make_refusal(const http::Refusal& refusal, std::string_view extra) {
  std::string body = "{\"code\":";
  append_json_quoted(body, refusal.code);
  body.append(",\"message\":");
  append_json_quoted(body, refusal.message);
  body.append("}");
  std::string out;
  http::ResponseHead head;
  const http::HeaderField type{"Content-Type", "application/json", http::Name::content_type};
  head.status = refusal.status;
  head.fields = {&type, 1};
  head.extra = extra;
  head.size = body.size();
  append_response_head(out, head, {.framing = Framing::content_length, .close = true});
  out.append(body);
  return out;
}

}  // namespace gatehouse::edge
