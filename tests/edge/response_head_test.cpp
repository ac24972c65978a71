#include <doctest/doctest.h>

#include "edge/http1_response.hpp"

using namespace gatehouse;
using namespace gatehouse::edge;

namespace {

std::string head_of(const http::ResponseHead& head, ResponseHeadOptions options) {
  std::string out;
  append_response_head(out, head, options);
  const auto date = out.find("Date: ");
  if (date != std::string::npos) out.erase(date, out.find("\r\n", date) + 2 - date);
  return out;
}

}  // namespace

TEST_CASE("the framing of an answer follows its head and the request's version") {
  http::ResponseHead head;
  CHECK(choose_framing(head, 11) == Framing::chunked);
  CHECK(choose_framing(head, 10) == Framing::until_close);
  head.size = 5;
  CHECK(choose_framing(head, 11) == Framing::content_length);
  CHECK(choose_framing(head, 10) == Framing::content_length);
  for (const int status : {100, 101, 204, 304}) {
    head.status = status;
    CHECK(choose_framing(head, 11) == Framing::none);
  }
  head.status = 200;
  head.without_body = true;
  CHECK(choose_framing(head, 11) == Framing::none);
}

TEST_CASE("a head is written in the order it was given, then what the edge adds") {
  const http::HeaderField fields[] = {{"X-B", "2"}, {"x-a", "1"}};
  http::ResponseHead head;
  head.status = 404;
  head.fields = fields;
  head.extra = "X-Request-ID: 7\r\n";
  head.size = 12;
  CHECK(head_of(head, {.framing = Framing::content_length, .close = true}) ==
        "HTTP/1.1 404 Not Found\r\nX-B: 2\r\nx-a: 1\r\nX-Request-ID: 7\r\nContent-Length: 12\r\nConnection: "
        "close\r\n\r\n");
  CHECK(head_of(head, {.framing = Framing::content_length, .keep_alive = true})
            .ends_with("Connection: keep-alive\r\n\r\n"));
}

TEST_CASE("204 has no length, 304 and answers to HEAD tell it") {
  http::ResponseHead head;
  head.size = 12;
  head.without_body = true;
  CHECK(head_of(head, {}) == "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
  head.status = 304;
  CHECK(head_of(head, {}) == "HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n");
  head.status = 204;
  CHECK(head_of(head, {}) == "HTTP/1.1 204 No Content\r\n\r\n");
  head.status = 101;
  CHECK(head_of(head, {}) == "HTTP/1.1 101 Switching Protocols\r\n\r\n");
}

TEST_CASE("a Date that was given stays the only one") {
  const http::HeaderField date{"Date", "Mon, 01 Jan 2024 00:00:00 GMT", http::Name::date};
  http::ResponseHead head;
  head.fields = {&date, 1};
  std::string out;
  append_response_head(out, head, {});
  CHECK(out == "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n");
}

TEST_CASE("a status without a phrase keeps the blank before it") {
  http::ResponseHead head;
  head.status = 299;
  CHECK(head_of(head, {}).starts_with("HTTP/1.1 299 \r\n"));
}

TEST_CASE("a refusal is JSON and closes") {
  const std::string text = make_refusal(http::kHeadTooLarge, "X-Request-ID: 7\r\n");
  CHECK(
      text.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: application/json\r\n"
                       "X-Request-ID: 7\r\n"));
  CHECK(
      text.ends_with("Content-Length: 84\r\nConnection: close\r\n\r\n"
                     "{\"code\":\"REQUEST_HEADER_FIELDS_TOO_LARGE\",\"message\":\"The request head is too large\"}"));
}
