// The head of an HTTP/1.1 answer as bytes (RFC 9112 sections 4 to 6): status line, the fields that were given, and the
// framing and connection fields, which are the edge's own.
#pragma once
#include <string>

#include "http/exchange.hpp"

namespace gatehouse::edge {

enum class Framing {
  none,            // no body follows: 1xx, 204, 304, answers to HEAD
  content_length,  // head.size is told
  chunked,
  until_close,  // HTTP/1.0 without a known length
};

Framing choose_framing(const http::ResponseHead& head, int request_version);

struct ResponseHeadOptions {
  Framing framing = Framing::none;
  bool close = false;       // say Connection: close
  bool keep_alive = false;  // say Connection: keep-alive (HTTP/1.0 clients that asked for it)
};

void append_response_head(std::string& out, const http::ResponseHead& head, ResponseHeadOptions options);

// A whole small answer with a JSON body {"code", "message"}, and Connection: close. `extra` as in ResponseHead.
std::string make_refusal(const http::Refusal& refusal, std::string_view extra);

// The standard phrase of a status; "" if it has none.
std::string_view reason_phrase(int status);

}  // namespace gatehouse::edge
