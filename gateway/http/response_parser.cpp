#include "http/response_parser.hpp"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <charconv>

#include "base/ascii.hpp"

namespace gatehouse::http {

namespace {

namespace beast_http = boost::beast::http;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

bool has_folded_or_bare_lines(std::string_view head, std::size_t from = 0) {
  for (auto lf = head.find('\n', from); lf != std::string_view::npos; lf = head.find('\n', lf + 1)) {
    if (lf == 0 || head[lf - 1] != '\r') return true;
    if (lf + 1 < head.size() && (head[lf + 1] == ' ' || head[lf + 1] == '\t')) return true;
  }
  return false;
}

}  // namespace

ResponseParser::ResponseParser(bool to_head) : to_head_(to_head) {
  header_limit(UINT32_MAX);
  body_limit(boost::none);
  eager(false);
  skip(to_head);
}

ResponseParser::Progress ResponseParser::parse_head(const char* buffer, std::size_t size) {
  const std::string_view bytes(buffer, size);
  const std::size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
  const auto end = bytes.find("\r\n\r\n", from);
  scanned_ = size;
  if (end == std::string_view::npos) {
    constexpr std::string_view kStart = "HTTP/1.";
    const std::size_t known = std::min(size, kStart.size());
    const bool is_nonsense = bytes.substr(0, known) != kStart.substr(0, known) || has_folded_or_bare_lines(bytes, from);
    return is_nonsense ? Progress::nonsense : Progress::need_more;
  }
  head_bytes_ = end + 4;
  if (has_folded_or_bare_lines(bytes.substr(0, head_bytes_))) return Progress::nonsense;
  ErrorCode error;
  const std::size_t used = put(boost::asio::const_buffer(buffer, head_bytes_), error);
  if (error || used != head_bytes_) return Progress::nonsense;
  return finish_head() ? Progress::complete : Progress::nonsense;
}

bool ResponseParser::finish_head() {
  keep_alive_ = Base::keep_alive();
  const HeaderField* length = nullptr;
  const HeaderField* coding = nullptr;
  for (const HeaderField& field : fields()) {
    if (field.known == Name::content_length) {
      if (length) return false;
      length = &field;
    } else if (field.known == Name::transfer_encoding) {
      if (coding) return false;
      coding = &field;
    }
  }
  if (length && coding) return false;
  if (coding && (version_ < 11 || !iequals(coding->value, "chunked"))) return false;
  if (length) {
    std::uint64_t size = 0;
    const char* const last = length->value.data() + length->value.size();
    const auto [end, status] = std::from_chars(length->value.data(), last, size);
    if (status != std::errc{} || end != last || length->value.empty()) return false;
    size_ = size;
  }
  if (status_ < 100 || status_ > 599) return false;
  const bool bodiless = to_head_ || status_ < 200 || status_ == 204 || status_ == 304;
  body_ = bodiless ? BodyDecoder::none()
          : coding ? BodyDecoder::chunked()
          : length ? BodyDecoder::of_size(*size_)
                   : BodyDecoder::until_close();
  has_body_ = !body_.ended();
  return true;
}

void ResponseParser::on_response_impl(int status, StringView, int version, ErrorCode&) {
  status_ = status;
  version_ = version;
}

void ResponseParser::on_field_impl(Field, StringView name, StringView value, ErrorCode& error) {
  if (!fields_.add({view(name), view(value), find_name(view(name))})) {
    error = beast_http::error::header_limit;
  }
}

}  // namespace gatehouse::http
