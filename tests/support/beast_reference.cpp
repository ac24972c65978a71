#include "tests/support/beast_reference.hpp"

#include <fmt/format.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/request_parser.hpp"

namespace gatehouse::tests {

namespace {

namespace beast_http = boost::beast::http;

// Beast takes framing fields in a trailer for framing and refuses them; we ignore them (RFC 9110 section 6.5.1).
bool is_about_trailers(const boost::beast::error_code& error) {
  return error == beast_http::error::bad_content_length || error == beast_http::error::bad_transfer_encoding ||
         error == beast_http::error::multiple_content_length || error == beast_http::error::bad_value;
}

RequestReading read_by_beast(std::string_view input, bool& refused_trailer) {
  beast_http::request_parser<beast_http::string_body> parser;
  parser.eager(true);
  parser.header_limit(UINT32_MAX);
  parser.body_limit(boost::none);
  RequestReading reading;
  boost::beast::error_code error;
  reading.used = parser.put(boost::asio::const_buffer(input.data(), input.size()), error);
  refused_trailer = parser.is_header_done() && is_about_trailers(error);
  if (error || !parser.is_done()) return reading;
  reading.complete = true;
  reading.method = std::string(parser.get().method_string());
  reading.body = parser.get().body();
  return reading;
}

}  // namespace

RequestReading read_request(std::string_view input, std::size_t piece) {
  std::string buffer(input);
  http::RequestParser parser;
  RequestReading reading;
  if (parser.parse_head(buffer.data(), buffer.size()) != http::RequestParser::Progress::complete) return reading;
  reading.method = std::string(parser.head().method);
  reading.used = parser.head_bytes();
  for (;;) {
    const auto step = parser.body().decode(std::string_view(buffer).substr(reading.used, piece));
    reading.used += step.used;
    reading.body.append(step.bytes);
    if (step.kind == http::BodyDecoder::Step::Kind::end) {
      reading.complete = true;
      return reading;
    }
    if (step.kind == http::BodyDecoder::Step::Kind::malformed || reading.used == buffer.size()) {
      if (!parser.body().ended()) return reading;
    }
  }
}

std::string compare_with_beast(std::string_view input) {
  const auto ours = read_request(input);
  const auto slow = read_request(input, 1);
  if (ours.complete != slow.complete || ours.body != slow.body || (ours.complete && ours.used != slow.used)) {
    return "one byte at a time it is another request";
  }
  if (!ours.complete) return "";
  bool refused_trailer = false;
  const auto beast = read_by_beast(input, refused_trailer);
  if (refused_trailer) return "";
  if (!beast.complete) return "Beast refuses what we accept";
  if (beast.method != ours.method)
    return fmt::format("the method is {} for Beast, {} for us", beast.method, ours.method);
  if (beast.body != ours.body)
    return fmt::format("the body has {} bytes for Beast, {} for us", beast.body.size(), ours.body.size());
  if (beast.used != ours.used) return fmt::format("it ends at {} for Beast, at {} for us", beast.used, ours.used);
  return "";
}

}  // namespace gatehouse::tests
